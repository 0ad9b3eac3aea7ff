"""What changed in a table since a moment, by a column that grows with every change of a row.

A token holds the greatest value met, and digests of the rows that had it: one that gets the same value later, because
the column counts in seconds, comes still, and those already told do not come again. A token may also be a plain value of
the column, such as a time in ISO 8601: then all that have it come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, func, literal, select, types
from sqlalchemy.ext.asyncio import AsyncConnection

from conf.errors import BadRequest, NotSupported
from flows.connectors.base import BrokenRow, Row
from flows.connectors.sql_database import SqlDatabase
from flows.connectors.sql_layout import Layout, Place
from flows.connectors.sql_parameters import to_column
from flows.connectors.sql_read import Rows
from flows.connectors.sql_values import Kind, to_json

REMEMBERED: Final = 500
"""Rows of one value whose digests a token holds; of more, all come again as long as no value is greater."""


@dataclass(frozen=True)
class Token:
    """Where the last look ended."""

    at: Any = None
    """As JSON; None when the table was empty."""
    told: Mapping[str, str] = field(default_factory=dict)
    """Id -> digest of rows with that value."""
    plain: str = ""
    """The token as it was given, when it is a value of the caller's and not one that was met."""

    def text(self) -> str:
        return self.plain or orjson.dumps({"at": self.at, "told": dict(self.told)}).decode()

    @classmethod
    def read(cls, text: str) -> Token:
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError:
            return cls(text, plain=text)
        match found:
            case {"at": at, "told": dict() as told}:
                return cls(at, told)
            case int() | float() | str():
                return cls(found, plain=text)
        raise BadRequest(f"{text!r} is no token of a table.")


async def changes(
    database: SqlDatabase, layout: Layout, token: str | None
) -> tuple[Sequence[Row | BrokenRow], str]:
    """Rows that are new or changed, oldest first, and the next token; without a token only the present one."""
    name = f"system/{database.config.name}/{layout.kind.name}"
    if not layout.kind.change_log:
        raise NotSupported(
            f"{name} cannot tell what changed: configurationProperties.changeLogColumn names no column."
        )
    place = layout.places[layout.kind.change_log]
    begun = None if token is None else Token.read(token)
    since = None if begun is None or begun.at is None else _since(layout, place, begun, name)

    async def look(connection: AsyncConnection) -> tuple[list[Any], Sequence[Sequence[Any]]]:
        column, rows = place.column, Rows.of(layout)
        if since is not None:
            clause: ColumnElement[bool] = since
        elif begun is None:
            clause = column == select(func.max(column)).select_from(layout.source).scalar_subquery()
        else:
            clause = column.is_not(None)
        ordered = rows.select().where(clause).order_by(column, layout.key.column)
        limited = ordered.limit(REMEMBERED + 1) if begun is None else ordered
        found = (await connection.execute(limited.add_columns(column))).all()
        return [one[-1] for one in found], [one[:-1] for one in found]

    values, raw = await database.read(layout.kind.shown, look)
    rows = Rows.of(layout).objects(raw)
    if begun is None:
        return [], _token(values, rows, Token()).text()
    fresh = [
        row
        for value, row in zip(values, rows, strict=True)
        if to_json(value) != begun.at or begun.told.get(_id(row)) != _digest(row)
    ]
    return fresh, _token(values, rows, begun).text()


def _id(row: Row | BrokenRow) -> str:
    """Empty where it cannot be read."""
    return (row.id or "") if isinstance(row, BrokenRow) else str(row["_id"])


def _token(values: Sequence[Any], rows: Sequence[Row | BrokenRow], before: Token) -> Token:
    if not values:
        return before
    newest = [row for value, row in zip(values, rows, strict=True) if value == values[-1]]
    told = {_id(row): _digest(row) for row in newest} if len(newest) <= REMEMBERED else {}
    return Token(to_json(values[-1]), told)


def _digest(row: Row | BrokenRow) -> str:
    plain = row.reason if isinstance(row, BrokenRow) else row
    return hashlib.blake2b(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS), digest_size=9).hexdigest()


def _since(layout: Layout, place: Place, token: Token, name: str) -> ColumnElement[bool]:
    """Rows with the token's value or a greater one."""
    try:
        if token.plain and layout.is_loose and place.kind is Kind.DATETIME:
            # SQLite keeps times as any text; one that was not met may be written in another way
            datetime.fromisoformat(str(token.at))
            return func.datetime(place.column) >= func.datetime(literal(token.at, types.NullType()))
        made = to_column(token.at, place.kind, place.type, is_loose=layout.is_loose)
    except ValueError:
        raise BadRequest(f"{name}: the column {place.name!r} holds {place.kind}, not {token.at!r}.") from None
    if layout.is_loose:
        return place.column >= literal(made, types.NullType())
    return place.column >= literal(made, types.BigInteger() if place.kind is Kind.INTEGER else place.type)
