"""Writing rows: made, changed, deleted; one row at a time, and never another one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Table
from sqlalchemy import delete as delete_from
from sqlalchemy import insert as insert_into
from sqlalchemy import update as update_of
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from conf.document import did_you_mean
from conf.errors import BadRequest, Conflict, NotFound, NotSupported, PreconditionFailed
from flows.connectors.base import BrokenRow, Row
from flows.connectors.sql_database import SqlDatabase
from flows.connectors.sql_filter import Asking
from flows.connectors.sql_layout import Layout
from flows.connectors.sql_read import Rows
from flows.connectors.sql_values import Kind


@dataclass(frozen=True)
class Writer:
    """Writes rows of one type."""

    database: SqlDatabase
    layout: Layout

    async def create(self, content: Mapping[str, Any]) -> Row:
        table, values = self._table, self._values(content, "NOT_CREATABLE")
        id = self._id_in(content)
        shown = self._path if id is None else f"{self._path}/{id}"

        async def act(connection: AsyncConnection) -> Row:
            if id is not None and await self._rows(connection, id):
                raise self._taken(id)
            key = table.columns[self.layout.kind.key]
            made = (await connection.execute(insert_into(table).values(values).returning(key))).scalar_one()
            if made is None:
                raise BadRequest(f"{self._path}: an object needs an id: `_id`, the column {key.name!r}.")
            return await self._read_back(connection, self.layout.id_of(made))

        return await self._written(shown, id, act)

    async def update(self, id: str, content: Mapping[str, Any]) -> Row:
        given = {member: value for member, value in content.items() if member != "_id"}
        table, values = self._table, self._values(given, "NOT_UPDATEABLE")
        new = self._id_in(given)
        renamed = new if new is not None and new != id else None

        async def act(connection: AsyncConnection) -> Row:
            if renamed is not None and await self._rows(connection, renamed):
                raise self._taken(renamed)
            if values:
                changed = await connection.execute(update_of(table).where(self._is(id)).values(values))
                self._count(changed, id)
            return await self._read_back(connection, renamed or id)

        return await self._written(f"{self._path}/{id}", renamed, act)

    async def delete(self, id: str) -> None:
        table = self._table

        async def act(connection: AsyncConnection) -> None:
            self._count(await connection.execute(delete_from(table).where(self._is(id))), id)

        await self.database.write(f"{self._path}/{id}", act)

    @property
    def _path(self) -> str:
        return f"system/{self.database.config.name}/{self.layout.kind.name}"

    @property
    def _table(self) -> Table:
        if self.layout.table is None:
            raise NotSupported(f"{self._path} is a query, which is only read.")
        return self.layout.table

    def _is(self, id: str) -> ColumnElement[bool]:
        return Asking(self.database.config, self.layout, self.database.dialect).any_id([id])

    def _count(self, done: CursorResult[Any], id: str) -> None:
        """Exactly one row; else the transaction is undone."""
        if done.rowcount == 0:
            raise NotFound(f"{self._path} has no object '{id}'.")
        if done.rowcount != 1:
            raise Conflict(
                f"{self._path}: {done.rowcount} rows have {id!r} as {self.layout.kind.key!r}; none was written."
            )

    async def _rows(self, connection: AsyncConnection, id: str) -> list[Row | BrokenRow]:
        rows = Rows.of(self.layout)
        return rows.objects((await connection.execute(rows.select().where(self._is(id)).limit(2))).all())

    async def _read_back(self, connection: AsyncConnection, id: str) -> Row:
        found = await self._rows(connection, id)
        if not found:
            raise NotFound(f"{self._path} has no object '{id}'.")
        if isinstance(found[0], BrokenRow):
            raise BadRequest(
                f"{self._path}/{id} is not written, for it could not be read again: {found[0].reason}."
            )
        return found[0]

    async def _written(
        self, what: str, new: str | None, act: Callable[[AsyncConnection], Awaitable[Row]]
    ) -> Row:
        """Write; PreconditionFailed when somebody else has taken the new id meanwhile."""
        try:
            return await self.database.write(what, act)
        except BadRequest as refused:
            if new is None or not isinstance(refused.__cause__, IntegrityError):
                raise
            if await self.database.read(
                self.layout.kind.shown, lambda connection: self._rows(connection, new)
            ):
                raise self._taken(new) from refused
            raise

    def _taken(self, id: str) -> PreconditionFailed:
        return PreconditionFailed(f"{self._path} has an object '{id}' already.")

    def _id_in(self, content: Mapping[str, Any]) -> str | None:
        """The id that an object is to have; None when nothing is said of it."""
        key = self.layout.kind.key
        found = [
            content[member]
            for member, column in self.layout.members.items()
            if column == key and member in content
        ]
        return next((str(one) for one in found if one is not None), None)

    def _values(self, content: Mapping[str, Any], forbidden: str) -> dict[str, Any]:
        """Values by column; BadRequest for a member that objects do not have, or that may not be written so."""
        layout = self.layout
        values: dict[str, Any] = {}
        given: dict[str, Any] = {}
        for member, value in content.items():
            if member == "_id" and value is None:
                continue
            if member not in layout.members:
                hint = did_you_mean(member, layout.members) or f" It has {', '.join(layout.members)}."
                raise BadRequest(f"Objects of {self._path} have no member '{member}'.{hint}")
            attribute = layout.kind.attributes.get(member)
            if layout.place(member).is_computed or (attribute is not None and forbidden in attribute.flags):
                raise BadRequest(f"{self._path}: '{member}' cannot be written.")
            column = layout.members[member]
            if given.setdefault(column, value) != value:
                raise BadRequest(
                    f"{self._path}: '{member}' and another member give the column {column!r} two values."
                )
            values[column] = self._value(member, value)
        return values

    def _value(self, member: str, value: Any) -> Any:
        place = self.layout.place(member)
        if value is not None:
            return self.layout.written(member, value)
        if place.is_nullable and place.name != self.layout.kind.key:
            return None
        if self.database.config.empty_strings and place.kind is Kind.TEXT:
            return ""
        raise BadRequest(f"{self._path}: {member}: the column {place.name!r} must not be empty.")
