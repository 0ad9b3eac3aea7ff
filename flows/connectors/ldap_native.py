"""LDAP by python-ldap. Its calls block, so each connection has a thread of its own."""

from __future__ import annotations

import asyncio
import importlib
import ssl
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

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
from flows.connectors.ldap_thread import OwnThread
from flows.connectors.ldap_words import Words, sync_cookie, sync_entries

T = TypeVar("T")
_TLS_1_2: Final = 0x303
_AT_ONCE: Final = 100
"""Searches under way on one connection."""
GRACE: Final = 5.0
"""Seconds that the library may take beyond its time, which it does not always keep."""
_AHEAD: Final = 3
"""Pages that wait to be taken."""


class NativeLibrary(Words):
    """python-ldap, of the extra `ldap-native`."""

    name = "python-ldap"

    def __init__(self) -> None:
        module = importlib.import_module("ldap")
        for part in ("controls", "dn", "filter", "schema", "syncrepl"):
            importlib.import_module(f"ldap.{part}")
        super().__init__(module)

    async def connect(self, target: Target) -> NativeSession:
        return await opened(NativeSession(self, target))


class NativeSession:
    """A connection that belongs to one thread."""

    def __init__(self, library: NativeLibrary, target: Target) -> None:
        self.usable = False
        self._library = library
        self._ldap = library.module
        self._target = target
        self._thread = OwnThread("ldap")
        self._connection: Any = None

    @property
    def _seconds(self) -> float:
        return self._target.seconds + GRACE

    async def open(self) -> None:
        await self._run(self._open, self._target.connect_seconds + GRACE)

    async def search(self, search: Search, take: Take) -> Found:
        return await self._run(lambda: self.collect(self.send(search), take), self._seconds)

    async def walk(
        self, search: Search, read: Callable[[str, Attributes], T]
    ) -> AsyncGenerator[tuple[list[T], Found]]:
        """The thread reads on by itself, some pages ahead of whoever takes them."""
        walk = _Walk(self, search, read, asyncio.get_running_loop())
        running = asyncio.ensure_future(self._run(walk.act))
        running.add_done_callback(lambda _done: walk.ready.put_nowait(None))
        try:
            while (page := await self._next(walk)) is not None:
                walk.room.release()
                yield page
            await running
        finally:
            walk.stop()
            if not running.done():
                running.cancel()
                await asyncio.wait([running])

    async def _next(self, walk: _Walk[T]) -> tuple[list[T], Found] | None:
        try:
            async with asyncio.timeout(self._seconds):
                return await walk.ready.get()
        except TimeoutError as cause:
            raise DirectoryError(Code.TIMEOUT, word="Timed out") from cause

    async def search_each(self, searches: Sequence[Search], take: Take) -> None:
        def act() -> None:
            for first in range(0, len(searches), _AT_ONCE):
                sent = [self.send(search) for search in searches[first : first + _AT_ONCE]]
                for message in sent:
                    with suppress(self._ldap.NO_SUCH_OBJECT):
                        self.collect(message, take)

        await self._run(act, self._seconds)

    async def sync(self, search: Search, cookie: str, take: Take, census: Census | None = None) -> str:
        def act() -> str:
            control = self._ldap.syncrepl.SyncRequestControl(cookie=cookie, mode="refreshOnly")
            message = self.send(search, [control])
            until = time.monotonic() + self._target.seconds
            while True:
                kind, data, _, controls, _, _ = self._connection.result4(
                    message,
                    all=0,
                    timeout=max(until - time.monotonic(), 0),
                    add_ctrls=1,
                    add_intermediates=1,
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

        return await self._run(act, self._seconds)

    async def add(self, dn: str, attributes: Sequence[tuple[str, list[bytes]]]) -> None:
        await self._run(lambda: self._wait(self._connection.add_ext(dn, list(attributes))), self._seconds)

    async def modify(self, dn: str, changes: Sequence[Change]) -> None:
        plain = [(int(operation), name, values) for operation, name, values in changes]
        await self._run(lambda: self._wait(self._connection.modify_ext(dn, plain)), self._seconds)

    async def rename(self, dn: str, rdn: str, superior: str | None) -> None:
        await self._run(lambda: self._wait(self._connection.rename(dn, rdn, superior, 1)), self._seconds)

    async def delete(self, dn: str) -> None:
        await self._run(lambda: self._wait(self._connection.delete_ext(dn)), self._seconds)

    async def close(self) -> None:
        """Close after whatever the thread is still at, without waiting for that."""
        self.usable = False
        self._thread.end(self._unbind)

    def _open(self) -> None:
        module, target = self._ldap, self._target
        connection = self._connection = module.initialize(target.uri)
        connection.protocol_version = module.VERSION3
        connection.set_option(module.OPT_REFERRALS, 0)
        connection.set_option(module.OPT_RESTART, 1)
        connection.set_option(module.OPT_NETWORK_TIMEOUT, target.connect_seconds)
        connection.set_option(module.OPT_TIMEOUT, target.connect_seconds)
        connection.timeout = target.connect_seconds
        if target.is_encrypted:
            connection.set_option(module.OPT_X_TLS_REQUIRE_CERT, module.OPT_X_TLS_DEMAND)
            connection.set_option(module.OPT_X_TLS_PROTOCOL_MIN, _TLS_1_2)
            if authorities := target.ca_file or _authorities_of_the_system():
                connection.set_option(module.OPT_X_TLS_CACERTFILE, str(authorities))
            connection.set_option(module.OPT_X_TLS_NEWCTX, 0)
        if target.start_tls:
            connection.start_tls_s()
        connection.simple_bind_s(target.principal, target.password)

    def send(self, search: Search, more: Sequence[Any] = ()) -> int:
        message: int = self._connection.search_ext(
            search.base,
            int(search.scope),
            search.filter,
            list(search.attributes or NO_ATTRIBUTES),
            serverctrls=[*self._library.controls(search), *more],
        )
        return message

    def collect(self, message: int, take: Take) -> Found:
        """Entry by entry: the server works on while we do.

        The connection's inner object is asked, because the outer one's bookkeeping costs as much as an entry does,
        and locks what has one thread only.
        """
        receive = self._connection._l.result4
        entry, reference = self._ldap.RES_SEARCH_ENTRY, self._ldap.RES_SEARCH_REFERENCE
        clock, until = time.monotonic, time.monotonic() + self._target.seconds
        found = Found()
        while True:
            kind, data, _, controls = receive(message, 0, max(until - clock(), 0))
            if kind == entry:
                take(*data[0])
            elif kind == reference:
                for _, addresses in data:
                    found.referrals += addresses
            else:
                found.cookie = self._library.cookie(self._ldap.controls.DecodeControlTuples(controls))
                return found

    def _wait(self, message: int) -> None:
        self._connection.result3(message, 1, self._target.seconds)

    def _unbind(self) -> None:
        if self._connection is not None:
            with suppress(self._ldap.LDAPError):
                self._connection.unbind_ext_s()

    async def _run(self, act: Callable[[], T], seconds: float | None = None) -> T:
        """Done in the thread; given up when the library outstays its own time by far."""
        self.usable = False
        try:
            async with asyncio.timeout(seconds):
                done = await self._thread.run(partial(self._told, act))
        except TimeoutError as cause:
            raise DirectoryError(Code.TIMEOUT, word="Timed out") from cause
        except DirectoryError as error:
            self.usable = error.code not in LOST
            raise
        self.usable = True
        return done

    def _told(self, act: Callable[[], T]) -> T:
        try:
            return act()
        except self._ldap.LDAPError as cause:
            raise self._library.error(cause) from cause
        except (TypeError, ValueError) as cause:  # an option or an address that libldap refuses
            raise DirectoryError(Code.CONNECT_ERROR, str(cause)) from cause


class _Walk(Generic[T]):
    """Pages on their way from the thread of a connection to the event loop."""

    def __init__(
        self,
        session: NativeSession,
        search: Search,
        read: Callable[[str, Attributes], T],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.ready: asyncio.Queue[tuple[list[T], Found] | None] = asyncio.Queue()
        self.room = threading.Semaphore(_AHEAD)
        self._stopped = False
        self._session = session
        self._search = search
        self._read = read
        self._loop = loop

    def stop(self) -> None:
        self._stopped = True
        self.room.release()

    def act(self) -> None:
        """Runs in the thread."""
        session, read, search = self._session, self._read, self._search
        while True:
            self.room.acquire()
            if self._stopped:
                return
            items: list[T] = []
            found = Found()
            try:
                found = session.collect(session.send(search), partial(_keep, items.append, read))
            finally:
                self._loop.call_soon_threadsafe(self.ready.put_nowait, (items, found))
            if not found.cookie or (found.cookie == search.cookie and not items):
                return
            search = replace(search, cookie=found.cookie)


def _keep(
    keep: Callable[[T], None], read: Callable[[str, Attributes], T], dn: str, attributes: Attributes
) -> None:
    keep(read(dn, attributes))


def _authorities_of_the_system() -> Path | None:
    paths = ssl.get_default_verify_paths()
    return next(
        (Path(file) for file in (paths.cafile, paths.openssl_cafile) if file and Path(file).exists()), None
    )
