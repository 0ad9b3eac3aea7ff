"""Rows of a table or a query, page by page behind the key of the last, each once."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import ColumnElement, Select, cast, func, literal, select, types
from sqlalchemy.ext.asyncio import AsyncConnection

from conf.errors import BadRequest
from flows.connectors.base import BrokenRow, Row, SourcePage, SourceUnreadable
from flows.connectors.sql_database import SqlDatabase
from flows.connectors.sql_layout import Layout
from flows.connectors.sql_parameters import to_column
from flows.connectors.sql_values import Damaged, Kind, NotText, to_json

T = TypeVar("T")
ROW_LIMIT: Final = 1 << 20
"""Characters of one row."""
DOUBLES: Final = 1000
"""Rows without a key of their own before the column is taken for no key."""


@dataclass(frozen=True)
class Rows:
    """Makes objects of rows, with certain members."""

    layout: Layout
    members: tuple[str, ...]
    """`_id` is the first."""

    @classmethod
    def of(cls, layout: Layout, wanted: Collection[str] | None = None) -> Rows:
        """With these members; without them with all that come by default."""
        shown = [
            member
            for member in layout.members
            if member not in layout.hidden
            and (member == "_id" or (member not in layout.on_demand if wanted is None else member in wanted))
        ]
        return cls(layout, tuple(shown))

    def select(self) -> Select[Any]:
        columns = [self.layout.place(member).column for member in self.members]
        return select(*columns).select_from(self.layout.source)

    def objects(self, rows: Sequence[Sequence[Any]]) -> list[Row | BrokenRow]:
        readers = [(index, member, self.layout.reader(member)) for index, member in enumerate(self.members)]
        active = [(index, member, read) for index, member, read in readers if read is not None]
        return [self._object(row, active) for row in rows]

    def _object(
        self, values: Sequence[Any], readers: list[tuple[int, str, Callable[[Any], Any]]]
    ) -> Row | BrokenRow:
        row = {name: value for name, value in zip(self.members, values, strict=True) if value is not None}
        member = "_id"
        try:
            for index, member, read in readers:
                if values[index] is not None:
                    row[member] = read(values[index])
        except Damaged as cause:
            id = None if member == "_id" else str(row["_id"])
            return BrokenRow(id, 0, f"BAD_VALUE: {self.layout.members[member]!r}: {cause}")
        if not row.get("_id"):
            return BrokenRow(None, 0, f"BAD_ROW: no value for {self.layout.kind.key!r}, which is the id")
        if sum(len(value) for value in row.values() if isinstance(value, str)) > ROW_LIMIT:
            return BrokenRow(row["_id"], 0, f"ROW_TOO_LARGE: over {ROW_LIMIT:,} characters")
        return row


@dataclass(frozen=True)
class Cursor:
    """How far a walk has come: so many troubles told, then all rows up to a key."""

    told: int = 0
    after: Any = None
    """As the driver gives it."""
    is_whole: bool = True
    """No row without a readable id was met."""

    def text(self) -> str:
        found: dict[str, Any] = {"told": self.told} if self.after is None else {"after": to_json(self.after)}
        if isinstance(self.after, bytes):
            name = "damaged" if isinstance(self.after, NotText) else "octets"
            found = {name: base64.b64encode(self.after).decode()}
        return orjson.dumps(found if self.is_whole else found | {"lost": True}).decode()

    @classmethod
    def read(cls, text: str, layout: Layout) -> Cursor:
        """BadRequest when it is none of ours."""
        try:
            found = orjson.loads(text)
            is_whole = not (isinstance(found, dict) and found.get("lost"))
            match found:
                case {"told": int() as told}:
                    return cls(told)
                case {"damaged": str() as raw}:
                    return cls(0, NotText(base64.b64decode(raw)), is_whole)
                case {"octets": str() as raw}:
                    return cls(0, base64.b64decode(raw), is_whole)
                case {"after": after} if after is not None:
                    key = layout.key
                    made = to_column(after, key.kind, key.type, is_loose=layout.is_loose)
                    return cls(0, made, is_whole)
        except ValueError:
            pass
        raise BadRequest(f"{text!r} is no cursor of {layout.kind.shown}.")


@dataclass
class Enumeration:
    """One walk over the rows."""

    database: SqlDatabase
    rows: Rows
    clause: ColumnElement[bool] | None

    async def pages(self, size: int, resume: str | None) -> AsyncGenerator[SourcePage]:
        """Pages of at most `size`, each read in a transaction of its own.

        First come the rows that have no key of their own, which no filter passes over.
        """
        layout = self.rows.layout
        cursor = Cursor.read(resume, layout) if resume else Cursor()
        nameless = await self._read(self._nameless) if layout.key.is_nullable else 0
        doubles = [] if layout.has_unique_key else await self._read(self._doubles)
        troubles = _troubles(layout, nameless, doubles)
        while cursor.after is None and (part := troubles[cursor.told : cursor.told + size]):
            cursor = Cursor(cursor.told + len(part))
            yield SourcePage([], part, False, cursor.text())
        twice, is_whole, more = set(doubles), cursor.is_whole and not nameless, True
        while more:
            after = cursor.after
            raw = await self._read(lambda connection: self._after(connection, after, size))  # noqa: B023
            more, raw = len(raw) > size, raw[:size]
            sound, broken = _parted(self.rows.objects(raw), twice)
            is_whole = is_whole and all(one.id is not None for one in broken)
            cursor = Cursor(0, raw[-1][0], is_whole) if raw else cursor
            yield SourcePage(sound, broken, is_whole and not more, cursor.text())

    async def _read(self, act: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        return await self.database.read(self.rows.layout.kind.shown, act)

    async def _after(self, connection: AsyncConnection, last: Any, size: int) -> Sequence[Sequence[Any]]:
        key = self.rows.layout.key.column
        statement = self.rows.select().where(key.is_not(None)).order_by(key).limit(size + 1)
        if last is not None:
            statement = statement.where(key > _bound(self.rows.layout, last))
        if self.clause is not None:
            statement = statement.where(self.clause)
        return (await connection.execute(statement)).all()

    async def _nameless(self, connection: AsyncConnection) -> int:
        layout = self.rows.layout
        statement = select(func.count()).select_from(layout.source).where(layout.key.column.is_(None))
        return int((await connection.execute(statement)).scalar_one())

    async def _doubles(self, connection: AsyncConnection) -> list[str]:
        """Ids that more than one row has."""
        layout = self.rows.layout
        key = layout.key.column
        grouped = select(key).select_from(layout.source).group_by(key).having(func.count() > 1)
        statement = select(key).select_from(layout.source).where(key.in_(grouped)).limit(DOUBLES + 1)
        found = (await connection.execute(statement)).scalars().all()
        if len(found) > DOUBLES:
            raise SourceUnreadable(
                f"{self.database.config.where}: configurationProperties.keyColumn: the values of "
                f"{layout.kind.key!r} stand in several rows each, so it is no key.",
                detail={"reason": "SCHEMA", "column": layout.kind.key},
            )
        return sorted(map(layout.id_of, set(found)))


def _troubles(layout: Layout, nameless: int, doubles: Sequence[str]) -> list[BrokenRow]:
    column = layout.kind.key
    told = [
        BrokenRow(id, 0, f"DUPLICATE_SOURCE_ID: several rows have {id!r} as {column!r}") for id in doubles
    ]
    if nameless:
        told.append(
            BrokenRow(None, 0, f"BAD_ROW: {nameless} rows have no value for {column!r}, which is the id")
        )
    return told


def _parted(items: Sequence[Row | BrokenRow], without: Collection[str]) -> tuple[list[Row], list[BrokenRow]]:
    sound = [item for item in items if not isinstance(item, BrokenRow) and item["_id"] not in without]
    broken = [item for item in items if isinstance(item, BrokenRow) and item.id not in without]
    return sound, broken


def _bound(layout: Layout, value: Any) -> ColumnElement[Any]:
    """A key met before, as a parameter."""
    key = layout.key
    if isinstance(value, NotText):
        return cast(literal(bytes(value), types.LargeBinary()), types.Text())
    if layout.is_loose:
        return literal(value, types.NullType())
    return literal(value, types.BigInteger() if key.kind is Kind.INTEGER else key.type)
