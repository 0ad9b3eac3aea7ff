"""JSON as the store keeps it: text in UTF-8 that both databases can read."""

import re
from typing import Any

import orjson

from conf.errors import BadRequest

#: an escaped NUL; a backslash before it that is itself escaped does not count
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def dump(value: Any) -> str:
    """JSON text; BadRequest for what neither database can keep."""
    try:
        text = orjson.dumps(value).decode()
    except (orjson.JSONEncodeError, RecursionError) as error:
        raise BadRequest(f"A value cannot be stored: {error}") from error
    if "\\u0000" in text and _NUL.search(text):
        raise BadRequest("A text holds the character NUL, which cannot be stored")
    return text


def dump_told(value: Any) -> str:
    """JSON text of what somebody else's words are part of: what cannot be kept of them is left out."""
    try:
        text = orjson.dumps(value).decode()
    except (orjson.JSONEncodeError, RecursionError):
        text = orjson.dumps(repr(value)[:10_000]).decode()
    return _NUL.sub(lambda found: found.group().removesuffix("\\u0000"), text)


def check_storable(value: Any) -> None:
    """Raise what `dump` would raise: now, where one object is refused, and not when a page of them is written."""
    dump(value)


def load(text: str) -> Any:
    return orjson.loads(text)


def dump_optional(value: Any) -> str | None:
    """The same, keeping None as null of the database."""
    return None if value is None else dump(value)


def load_optional(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


def plain(text: str | None) -> str | None:
    """A text for a column, without the character that PostgreSQL refuses."""
    return text.replace("\0", "") if text and "\0" in text else text
