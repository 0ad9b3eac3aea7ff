"""JSON values as parameters for columns."""

from __future__ import annotations

import base64
import binascii
import datetime
import decimal
import uuid
from collections.abc import Callable
from typing import Any, Final

import orjson
from sqlalchemy import types

from conf.document import kind_of
from conf.errors import BadRequest
from flows.connectors.sql_values import INT64, Kind, Type, as_integer, as_text, as_truth, shown


def to_column(value: Any, kind: Kind, type_: Type, *, is_loose: bool) -> Any:
    """The value as the driver wants it; ValueError for what is not of the column's kind."""
    if value is None:
        return None
    if is_loose and kind in (Kind.DATETIME, Kind.DATE, Kind.TIME, Kind.UUID):
        kind = Kind.TEXT
    try:
        made = _WRITERS[kind](value, type_)
    except ArithmeticError as cause:
        raise ValueError(str(cause)) from cause
    if is_loose and kind is Kind.JSON:
        return orjson.dumps(made).decode()
    return float(made) if is_loose and isinstance(made, decimal.Decimal) else made


def written(member: str, value: Any, kind: Kind, type_: Type, *, is_loose: bool) -> Any:
    """The same for a value to be written; BadRequest names the member."""
    try:
        return to_column(value, kind, type_, is_loose=is_loose)
    except ValueError:
        told = shown(value) if isinstance(value, str | int | float) else kind_of(value)
        raise BadRequest(f"{member}: the column holds {kind}, not {told}.") from None


def _to_text(value: Any, _type: Type) -> str:
    if isinstance(value, int | float):
        return as_text(value)
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("NUL")
    value.encode()
    return value


def _to_any(value: Any, type_: Type) -> Any:
    return value if isinstance(value, int | float) else _to_text(value, type_)


def _to_integer(value: Any, _type: Type) -> int:
    whole = as_integer(_unless_bool(value))
    if not -INT64 <= whole < INT64:
        raise ValueError("out of range")
    return whole


def _to_number(value: Any, type_: Type) -> Any:
    found = decimal.Decimal(str(_unless_bool(value)))
    if not found.is_finite():
        raise ValueError("not finite")
    return found if isinstance(type_, types.Numeric) and type_.asdecimal else float(found)


def _to_octets(value: Any, _type: Type) -> bytes:
    try:
        return base64.b64decode(_string(value), validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None


def _to_moment(value: Any, type_: Type) -> datetime.datetime:
    """With a time zone where the column has one; a time without one is UTC."""
    found = datetime.datetime.fromisoformat(_string(value))
    aware = found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
    if getattr(type_, "timezone", False):
        return aware
    return aware.astimezone(datetime.UTC).replace(tzinfo=None)


def _unless_bool(value: Any) -> Any:
    if not isinstance(value, bool):
        return value
    raise ValueError("true or false")


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(kind_of(value))


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise ValueError(kind_of(value))


_WRITERS: Final[dict[Kind, Callable[[Any, Type], Any]]] = {
    Kind.TEXT: _to_text,
    Kind.ANY: _to_any,
    Kind.INTEGER: _to_integer,
    Kind.NUMBER: _to_number,
    Kind.BOOLEAN: lambda value, _type: as_truth(value),
    Kind.BINARY: _to_octets,
    Kind.JSON: lambda value, _type: value,
    Kind.ARRAY: lambda value, _type: _list(value),
    Kind.UUID: lambda value, _type: uuid.UUID(_string(value)),
    Kind.DATETIME: _to_moment,
    Kind.DATE: lambda value, _type: datetime.date.fromisoformat(_string(value)),
    Kind.TIME: lambda value, _type: datetime.time.fromisoformat(_string(value)),
}
