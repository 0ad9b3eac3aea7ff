"""A directory as it is reached: connections, its schema, and another try for what may be repeated."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from conf.errors import ConfigError
from flows.connectors import ldap_errors
from flows.connectors.base import SourceUnreadable
from flows.connectors.connections import Connections
from flows.connectors.ldap_config import EntryType, LdapConfig
from flows.connectors.ldap_native_filter import names_in
from flows.connectors.ldap_port import Code, DirectoryError, Library, Session, Target
from flows.connectors.ldap_schema import Schema, read_schema
from flows.connectors.ldap_shape import DN_NAMES, GROUPS, PASSWORD, STATUS, UID
from flows.connectors.ldap_tls import check_trust, context

T = TypeVar("T")
R = TypeVar("R")
PAUSES: Final = (0.2, 1.0)
"""Seconds before each further try of what only reads."""
_WRONG: Final = frozenset({Code.INVALID_CREDENTIALS, Code.INAPPROPRIATE_AUTH})
_NO_ATTRIBUTES: Final = DN_NAMES | {UID, PASSWORD, STATUS, GROUPS}


class Unreached(SourceUnreadable):
    """No connection came about, which may be different in a moment."""


class Refused(SourceUnreadable):
    """The directory does not know this name by this password."""


class Directory:
    """One directory."""

    def __init__(self, config: LdapConfig, library: Library) -> None:
        self.config = config
        self.library = library
        self.connections = Connections[Session](
            self.connect, lambda session: session.close(), lambda s: s.usable
        )
        self._schema: Schema | None = None

    def narrowed(self, search_filter: str) -> Directory:
        """The same connections, with only those entries that match the filter as well."""
        found = Directory(self.config.narrowed(search_filter), self.library)
        found.connections, found._schema = self.connections, self._schema
        return found

    @property
    def uri(self) -> str:
        return self.config.uris[0]

    async def connect(self) -> Session:
        """A new connection, to the first of the servers that answers."""
        config = self.config
        password = config.credentials.read() if config.principal else ""
        if config.principal and not password:
            raise ConfigError("The password is empty.", where=config.credentials.where)
        return await self._connect(config.principal, password)

    async def lets_in(self, dn: str, password: str) -> bool:
        """Whether it knows an entry by this password; asked on a connection of its own."""
        if not dn or not password:
            return False  # servers take a bind without a password for one without a name, and let it in
        try:
            session = await self._connect(dn, password)
        except Refused:
            return False
        await session.close()
        return True

    async def _connect(self, principal: str, password: str) -> Session:
        config = self.config
        if config.ca_file is not None:
            self._check_authorities()
        failure: SourceUnreadable | None = None
        for uri in config.uris:
            target = Target(
                uri=uri,
                principal=principal,
                password=password,
                start_tls=config.start_tls and uri.startswith("ldap:"),
                ca_file=config.ca_file,
                connect_seconds=config.connect_seconds,
                seconds=config.seconds,
            )
            try:
                if target.is_encrypted:
                    await asyncio.to_thread(check_trust, target)
                return await self.library.connect(target)
            except DirectoryError as error:
                told = ldap_errors.connecting(error, uri, principal)
                passing = error.is_lost and not error.mistrust and error.code != Code.TIMEOUT
                kind = Unreached if passing else Refused if error.code in _WRONG else SourceUnreadable
                failure = failure or kind(told.message, detail=told.detail)
                if not error.is_lost:
                    break
        raise failure or SourceUnreadable(f"{config.where}: no server is configured.")

    async def schema(self) -> Schema:
        """The attributes of the directory, read once."""
        if self._schema is None:
            self._schema = Schema()
            if self.config.reads_schema:
                try:
                    self._schema = await self.repeat(
                        "its schema", lambda session: read_schema(session, self.library)
                    )
                except BaseException:
                    self._schema = None
                    raise
        return self._schema

    async def checked_schema(self, kind: EntryType) -> Schema:
        """The schema, once every attribute that an object type names is found in it."""
        schema = await self.schema()
        config = self.config
        where = f"objectTypes.{kind.name}.properties"
        named = [
            (attribute.native_name, f"{where}.{member}.nativeName")
            for member, attribute in kind.attributes.items()
        ]
        named += [(name, f"the search filter of {kind.name}") for name in sorted(names_in(kind.filter))]
        named += [
            (config.uid, "configurationProperties.uidAttribute"),
            (kind.naming, f"what names a {kind.name}"),
        ]
        if config.status is not None:
            named.append((config.status.attribute, "configurationProperties.statusAttribute"))
        for name, place in named:
            if name.lower() not in _NO_ATTRIBUTES and not schema.knows(name):
                raise SourceUnreadable(
                    f"{config.where}: {place}: the directory has no attribute {name!r}.{schema.nearest(name)}",
                    detail={"reason": "SCHEMA", "attribute": name},
                )
        return schema

    async def repeat(self, what: str, act: Callable[[Session], Awaitable[T]], *, tries: int = 3) -> T:
        """Do what only reads, again on a new connection when the connection breaks."""
        for attempt in range(tries):
            if attempt:
                await asyncio.sleep(PAUSES[attempt - 1])
            try:
                async with self.connections.lend(fresh=attempt > 0) as session:
                    return await act(session)
            except DirectoryError as error:
                if attempt == tries - 1 or not error.is_lost or error.code == Code.TIMEOUT:
                    raise ldap_errors.reading(error, self.uri, what) from error
            except Unreached:
                if attempt == tries - 1:
                    raise
        raise AssertionError

    async def write(
        self, what: str, look: Callable[[Session], Awaitable[T]], act: Callable[[Session, T], Awaitable[R]]
    ) -> R:
        """Look, then act on what was seen. Only the look is repeated: what was written may have been done."""
        schema = await self.schema()
        for attempt in range(2):
            async with self.connections.lend(fresh=attempt > 0) as session:
                try:
                    seen = await look(session)
                except DirectoryError as error:
                    if attempt == 0 and error.is_lost and error.code != Code.TIMEOUT:
                        continue
                    raise ldap_errors.reading(error, self.uri, what) from error
                try:
                    return await act(session, seen)
                except DirectoryError as error:
                    raise ldap_errors.writing(error, self.uri, what, self.config.principal, schema) from error
        raise AssertionError

    def _check_authorities(self) -> None:
        try:
            context(self.config.ca_file)
        except OSError as cause:
            reason = "it holds no certificates" if isinstance(cause, ssl.SSLError) else cause.strerror
            raise ConfigError(
                f"configurationProperties.caFile: {self.config.ca_file} cannot be read: {reason}.",
                where=self.config.where,
            ) from cause
