"""Rows of a database table, or of a query: read page by page and written singly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from conf.errors import BadRequest, NotFound
from conf.filters.ast import Filter
from flows.connectors import sql_changes, sql_password
from flows.connectors.base import (
    BrokenRow,
    Capabilities,
    Row,
    RowsUnreadable,
    SourcePage,
    SourceUnreadable,
)
from flows.connectors.sql_config import SqlConfig, TableType, read_config
from flows.connectors.sql_database import SqlDatabase
from flows.connectors.sql_filter import Asking
from flows.connectors.sql_layout import Layout, read_layout
from flows.connectors.sql_read import Enumeration, Rows
from flows.connectors.sql_write import Writer

_IDS_AT_ONCE: Final = 1000


class DatabaseTable:
    """The connector `DatabaseTableConnector`. NULL is no value: the member is left out; an empty text is one."""

    def __init__(self, database: SqlDatabase) -> None:
        self.name = database.config.name
        self.database = database
        types = database.config.types.values()
        writes = any(kind.table for kind in types)
        self.capabilities = Capabilities(
            create=writes, update=writes, delete=writes, changes=any(kind.change_log for kind in types)
        )
        self._layouts: dict[str, Layout] = {}

    @classmethod
    def open(cls, name: str, document: Mapping[str, Any], root: Path) -> DatabaseTable:
        """From a provisioner document; ConfigError when it is wrong."""
        return cls(SqlDatabase(read_config(name, document, root)))

    @property
    def config(self) -> SqlConfig:
        return self.database.config

    async def test(self) -> None:
        for kind in self.config.types.values():
            await self._read_layout(kind)

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
        layout = await self._read_layout(kind)
        asking = Asking(self.config, layout, self.database.dialect)
        clause = None if filter is None else asking.clause(filter)
        enumeration = Enumeration(self.database, Rows.of(layout, _members(fields)), clause)
        async with aclosing(enumeration.pages(page_size, resume)) as pages:
            async for page in pages:
                yield page

    async def read_many(self, object_type: str, ids: Collection[str]) -> dict[str, Row]:
        layout = await self._layout(object_type)
        asking, rows = Asking(self.config, layout, self.database.dialect), Rows.of(layout)
        asked = list(dict.fromkeys(ids))

        async def look(connection: AsyncConnection) -> list[Row | BrokenRow]:
            found: list[Row | BrokenRow] = []
            for first in range(0, len(asked), _IDS_AT_ONCE):
                clause = asking.any_id(asked[first : first + _IDS_AT_ONCE])
                found += rows.objects((await connection.execute(rows.select().where(clause))).all())
            return found

        return self._by_id(asked, await self.database.read(layout.kind.shown, look)) if asked else {}

    async def create(self, object_type: str, content: Mapping[str, Any]) -> Row:
        return await Writer(self.database, await self._layout(object_type)).create(content)

    async def update(self, object_type: str, id: str, content: Mapping[str, Any]) -> Row:
        return await Writer(self.database, await self._layout(object_type)).update(id, content)

    async def delete(self, object_type: str, id: str) -> None:
        await Writer(self.database, await self._layout(object_type)).delete(id)

    async def changes(self, object_type: str, token: str | None) -> tuple[Sequence[Row | BrokenRow], str]:
        """Rows that changed; deleted ones cannot be told. See `sql_changes` for the tokens."""
        return await sql_changes.changes(self.database, await self._layout(object_type), token)

    async def authenticate(self, object_type: str, username: str, password: str) -> str | None:
        return await sql_password.authenticate(
            self.database, await self._layout(object_type), username, password
        )

    async def close(self) -> None:
        """Close idle connections now instead of in a few seconds."""
        await self.database.close()

    def _kind(self, object_type: str) -> TableType:
        kind = self.config.types.get(object_type)
        if kind is None:
            known = ", ".join(self.config.types)
            raise NotFound(f"system/{self.name} has no object type '{object_type}'; it has {known}.")
        return kind

    async def _layout(self, object_type: str) -> Layout:
        """As it was when an enumeration last began."""
        kind = self._kind(object_type)
        return self._layouts.get(kind.name) or await self._read_layout(kind)

    async def _read_layout(self, kind: TableType) -> Layout:
        found = await self.database.read(
            kind.shown, lambda connection: read_layout(connection, self.config, kind)
        )
        self._layouts[kind.name] = found
        return found

    def _by_id(self, asked: Sequence[str], items: Sequence[Row | BrokenRow]) -> dict[str, Row]:
        found: dict[str, Row] = {}
        broken: list[BrokenRow] = []
        for item in items:
            if isinstance(item, BrokenRow):
                broken.append(item)
                continue
            if item["_id"] in found:
                raise SourceUnreadable(f"{self.config.address}: several rows have the id {item['_id']!r}.")
            found[item["_id"]] = item
        sound = {id: found[id] for id in asked if id in found}
        if broken:
            # a person whose row is damaged is not a person who is gone
            message = f"{self.config.address}: a row cannot be read. {broken[0].reason}."
            if any(one.id is None for one in broken):
                raise SourceUnreadable(message)
            raise RowsUnreadable(message, sound, broken)
        return sound


def _members(fields: Sequence[str] | None) -> set[str] | None:
    """First steps of pointers; None for all that come by default."""
    if fields is None or "*" in fields or "" in fields:
        return None
    return {field.strip("/").split("/")[0] for field in fields}
