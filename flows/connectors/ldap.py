"""Entries of an LDAP directory: people, groups, branches, read page by page and written singly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from conf.errors import BadRequest, NotFound
from conf.filters.ast import Filter
from flows.connectors import ldap_changes, ldap_password, ldap_read
from flows.connectors.base import (
    BrokenRow,
    Capabilities,
    Row,
    RowsUnreadable,
    SourcePage,
    SourceUnreadable,
)
from flows.connectors.ldap_config import EntryType, LdapConfig, read_config
from flows.connectors.ldap_directory import Directory
from flows.connectors.ldap_filter import Asking
from flows.connectors.ldap_groups import memberships_of
from flows.connectors.ldap_library import find_library
from flows.connectors.ldap_names import name_key
from flows.connectors.ldap_port import Attributes, Scope, Search, Session
from flows.connectors.ldap_read import Enumeration
from flows.connectors.ldap_shape import DN_NAMES, Shape, shape
from flows.connectors.ldap_write import Writer

_IDS_AT_ONCE: Final = 100


class LdapDirectory:
    """The connector `LdapConnector`."""

    capabilities = Capabilities(create=True, update=True, delete=True, changes=True)

    def __init__(self, directory: Directory) -> None:
        self.name = directory.config.name
        self.directory = directory

    @classmethod
    def open(cls, name: str, document: Mapping[str, Any], root: Path) -> LdapDirectory:
        """From a provisioner document; ConfigError when it is wrong, or when no LDAP library is installed."""
        config = read_config(name, document, root)
        return cls(Directory(config, find_library(config.library, config.where)))

    @property
    def config(self) -> LdapConfig:
        return self.directory.config

    def narrowed(self, search_filter: str) -> LdapDirectory:
        """The same directory with only the entries that match an LDAP filter; ConfigError for a wrong one."""
        return LdapDirectory(self.directory.narrowed(search_filter))

    async def test(self) -> None:
        async def look(session: Session) -> None:
            for base in dict.fromkeys(base for kind in self.config.types.values() for base in kind.bases):
                await session.search(Search(base, scope=Scope.BASE), _ignore)

        bases = " and ".join(
            dict.fromkeys(base for kind in self.config.types.values() for base in kind.bases)
        )
        await self.directory.repeat(bases, look, tries=1)
        for kind in self.config.types.values():
            await self.directory.checked_schema(kind)

    def object_types(self) -> Sequence[str]:
        return list(self.config.types)

    async def pages(
        self,
        object_type: str,
        *,
        filter: Filter | None = None,
        fields: Sequence[str] | None = None,
        page_size: int = 1000,
        resume: str | None = None,
    ) -> AsyncIterator[SourcePage]:
        kind = self._kind(object_type)
        if page_size < 1:
            raise BadRequest(f"A page holds at least one row, not {page_size}.")
        directory, config = self.directory, self.config
        schema = await directory.checked_schema(kind)
        question = Asking(config, directory.library, schema, kind).question(filter)
        wanted = _members(fields)
        more = question.members if wanted is not None else set()
        made = shape(config, directory.library, schema, kind, None if wanted is None else wanted | more)
        shown = frozenset({"_id", *wanted}) if wanted is not None and more - wanted else None
        enumeration = Enumeration(directory, kind, made, question, min(config.block, page_size))
        async with aclosing(ldap_read.pages(enumeration, page_size, resume, shown)) as pages:
            async for page in pages:
                yield page

    async def read_many(self, object_type: str, ids: Collection[str]) -> dict[str, Row]:
        kind = self._kind(object_type)
        if not ids:
            return {}
        directory, config = self.directory, self.config
        schema = await directory.checked_schema(kind)
        made = shape(config, directory.library, schema, kind)
        writer = Writer(directory, kind, schema)
        asked = list(dict.fromkeys(ids))
        searches = [
            search
            for first in range(0, len(asked), _IDS_AT_ONCE)
            for search in writer.searches(asked[first : first + _IDS_AT_ONCE], made.attributes)
        ]

        async def look(session: Session) -> list[tuple[str, Attributes]]:
            entries: list[tuple[str, Attributes]] = []
            await session.search_each(searches, lambda dn, attributes: entries.append((dn, attributes)))
            if made.groups:
                names = [dn for dn, _ in entries]
                made.memberships = await memberships_of(session, config, directory.library, names)
            return entries

        entries = await directory.repeat(object_type, look)
        return self._by_asked_id(asked, [made.row(dn, attributes) for dn, attributes in entries], made)

    async def create(self, object_type: str, content: Mapping[str, Any]) -> Row:
        return await (await self._writer(object_type)).create(content)

    async def update(self, object_type: str, id: str, content: Mapping[str, Any]) -> Row:
        return await (await self._writer(object_type)).update(id, content)

    async def delete(self, object_type: str, id: str) -> None:
        await (await self._writer(object_type)).delete(id)

    async def changes(self, object_type: str, token: str | None) -> tuple[Sequence[Row | BrokenRow], str]:
        """Objects that changed; deleted ones cannot be told. See `ldap_changes` for the tokens."""
        kind = self._kind(object_type)
        schema = await self.directory.checked_schema(kind)
        return await ldap_changes.changes(self.directory, kind, schema, token)

    async def departed(
        self, object_type: str, before: str, after: str, known: Collection[str]
    ) -> Collection[str] | None:
        return await ldap_changes.departed(self.directory, self._kind(object_type), before, after, known)

    async def authenticate(self, object_type: str, username: str, password: str) -> str | None:
        kind = self._kind(object_type)
        schema = await self.directory.checked_schema(kind)
        return await ldap_password.authenticate(self.directory, kind, schema, username, password)

    async def close(self) -> None:
        """Close idle connections now instead of in a few seconds."""
        await self.directory.connections.close()

    async def _writer(self, object_type: str) -> Writer:
        kind = self._kind(object_type)
        return Writer(self.directory, kind, await self.directory.checked_schema(kind))

    def _kind(self, object_type: str) -> EntryType:
        kind = self.config.types.get(object_type)
        if kind is None:
            known = ", ".join(self.config.types)
            raise NotFound(f"system/{self.name} has no object type '{object_type}'; it has {known}.")
        return kind

    def _by_asked_id(
        self, asked: Sequence[str], items: Sequence[Row | BrokenRow], made: Shape
    ) -> dict[str, Row]:
        """Ids are found in any letter case, and given back as they were asked for."""
        found: dict[str, Row] = {}
        damaged: dict[str, BrokenRow] = {}
        for item in items:
            if not isinstance(item, BrokenRow):
                found.setdefault(self._id_key(item["_id"]), item)
            elif item.id is None:
                # a person whose entry is damaged is not a person who is gone
                raise SourceUnreadable(f"{self.directory.uri}: an entry cannot be read. {item.reason}.")
            else:
                damaged.setdefault(self._id_key(item.id), item)
        keys = {id: self._id_key(id) for id in asked}
        sound = {id: found[key] for id, key in keys.items() if key in found}
        broken = [replace(damaged[key], id=id) for id, key in keys.items() if key in damaged.keys() - found]
        if broken:
            message = f"{self.directory.uri}: an entry cannot be read. {broken[0].reason}."
            raise RowsUnreadable(message, sound, broken)
        return sound

    def _id_key(self, id: str) -> str:
        is_name = self.config.uid.lower() in DN_NAMES
        return name_key(self.directory.library, id) if is_name else id.casefold()


def _members(fields: Sequence[str] | None) -> set[str] | None:
    """First steps of pointers; None for all that come by default."""
    if fields is None or "*" in fields or "" in fields:
        return None
    return {field.strip("/").split("/")[0] for field in fields}


def _ignore(_dn: str, _attributes: Attributes) -> None:
    """Only whether it is there matters."""
