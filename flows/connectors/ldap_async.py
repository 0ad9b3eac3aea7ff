"""LDAP by anyldap, which is Python throughout and runs in our event loop."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

from flows.connectors.ldap_census import Census
from flows.connectors.ldap_port import (
    LOST,
    NO_ATTRIBUTES,
    Attributes,
    Change,
    Code,
    DirectoryError,
    Found,
    Search,
    Take,
    Target,
    opened,
)
from flows.connectors.ldap_tls import context
from flows.connectors.ldap_words import Words, sync_cookie, sync_entries

T = TypeVar("T")
_AT_ONCE: Final = 100


class AsyncLibrary(Words):
    """anyldap, of the extra `ldap`."""

    name = "anyldap"

    def __init__(self) -> None:
        super().__init__(importlib.import_module("anyldap.ldap"))

    async def connect(self, target: Target) -> AsyncSession:
        return await opened(AsyncSession(self, target))


class AsyncSession:
    """A connection of this event loop."""

    def __init__(self, library: AsyncLibrary, target: Target) -> None:
        self.usable = False
        self._library = library
        self._ldap = library.module
        self._target = target
        secure = context(target.ca_file) if target.is_encrypted else None
        self._connection: Any = self._ldap.initialize(target.uri, ssl_context=secure)
        self._connection.set_option(self._ldap.OPT_REFERRALS, 0)

    async def open(self) -> None:
        async with self._telling(self._target.connect_seconds):
            if self._target.start_tls:
                await self._connection.start_tls_s()
            await self._connection.simple_bind_s(self._target.principal, self._target.password)

    async def search(self, search: Search, take: Take) -> Found:
        async with self._telling():
            return await self._collect(await self._send(search), take)

    async def walk(
        self, search: Search, read: Callable[[str, Attributes], T]
    ) -> AsyncGenerator[tuple[list[T], Found]]:
        while True:
            items: list[T] = []
            failure: DirectoryError | None = None
            found = Found()
            try:
                found = await self.search(search, partial(_keep, items, read))
            except DirectoryError as error:
                failure = error
            yield items, found
            if failure is not None:
                raise failure
            if not found.cookie or (found.cookie == search.cookie and not items):
                return
            search = replace(search, cookie=found.cookie)

    async def search_each(self, searches: Sequence[Search], take: Take) -> None:
        for first in range(0, len(searches), _AT_ONCE):
            async with self._telling():
                sent = [await self._send(search) for search in searches[first : first + _AT_ONCE]]
                for message in sent:
                    with suppress(self._ldap.NO_SUCH_OBJECT):
                        await self._collect(message, take)

    async def sync(self, search: Search, cookie: str, take: Take, census: Census | None = None) -> str:
        control = self._ldap.syncrepl.SyncRequestControl(cookie=cookie, mode="refreshOnly")
        async with self._telling():
            message = await self._send(search, [control])
            while True:
                kind, data, _, controls, _, _ = await self._connection.result4(
                    message, all=0, add_ctrls=1, add_intermediates=1
                )
                if kind == self._ldap.RES_SEARCH_ENTRY:
                    sync_entries(data, take)
                    if census is not None:
                        census.take_entries(data)
                elif kind == self._ldap.RES_INTERMEDIATE and census is not None:
                    census.take_sets(data)
                elif kind == self._ldap.RES_SEARCH_RESULT:
                    if census is not None:
                        census.end(controls)
                    return sync_cookie(controls, cookie)

    async def add(self, dn: str, attributes: Sequence[tuple[str, list[bytes]]]) -> None:
        async with self._telling():
            await self._connection.add_ext_s(dn, list(attributes))

    async def modify(self, dn: str, changes: Sequence[Change]) -> None:
        async with self._telling():
            await self._connection.modify_ext_s(dn, [(int(op), name, values) for op, name, values in changes])

    async def rename(self, dn: str, rdn: str, superior: str | None) -> None:
        async with self._telling():
            await self._connection.rename_s(dn, rdn, superior, 1)

    async def delete(self, dn: str) -> None:
        async with self._telling():
            await self._connection.delete_ext_s(dn)

    async def close(self) -> None:
        self.usable = False
        with suppress(self._ldap.LDAPError, OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._connection.unbind_s()

    async def _send(self, search: Search, more: Sequence[Any] = ()) -> int:
        message: int = await self._connection.search_ext(
            search.base,
            int(search.scope),
            search.filter,
            list(search.attributes or NO_ATTRIBUTES),
            serverctrls=[*self._library.controls(search), *more],
        )
        return message

    async def _collect(self, message: int, take: Take) -> Found:
        found = Found()
        while True:
            kind, data, _, controls = await self._connection.result3(message, all=0)
            if kind == self._ldap.RES_SEARCH_ENTRY:
                for dn, attributes in data:
                    take(dn, attributes)
            elif kind == self._ldap.RES_SEARCH_REFERENCE:
                for _, addresses in data:
                    found.referrals += addresses
            else:
                found.cookie = self._library.cookie(controls)
                return found

    @asynccontextmanager
    async def _telling(self, seconds: float | None = None) -> AsyncIterator[None]:
        """Within its time; errors of the library become ours."""
        self.usable = False
        try:
            async with asyncio.timeout(seconds or self._target.seconds):
                yield
        except TimeoutError as cause:
            raise DirectoryError(Code.TIMEOUT, word="Timed out") from cause
        except self._ldap.LDAPError as cause:
            error = self._library.error(cause)
            self.usable = error.code not in LOST
            raise error from cause
        except OSError as cause:
            raise DirectoryError(Code.SERVER_DOWN, str(cause)) from cause
        except Exception as cause:
            # what is no LDAP ends in any error of the decoder
            raise DirectoryError(Code.DECODING_ERROR, str(cause) or type(cause).__name__) from cause
        self.usable = True


def _keep(items: list[T], read: Callable[[str, Attributes], T], dn: str, attributes: Attributes) -> None:
    items.append(read(dn, attributes))
