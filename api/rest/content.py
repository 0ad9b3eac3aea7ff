"""Bodies of calls: read up to a limit, JSON only, and nothing that a database or another reader cannot hold."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import orjson
from starlette.requests import ClientDisconnect, Request

from conf.errors import BadRequest, ReconError

MOST_DEPTH: Final = 64
#: whole numbers beyond it are read differently by different programs
LARGEST_INTEGER: Final = 2**53 - 1
_LONG_NUMBER: Final = re.compile(rb"\d{16}")
_TYPES: Final = ("application/json", "application/json-patch+json", "application/merge-patch+json")
NO_CONTENT: Final = object()
_PREFIX: Final = "The request could not be processed because"


class TooLarge(ReconError):
    """The body is larger than we take."""

    code: ClassVar[int] = 413


class UnsupportedMediaType(ReconError):
    """The body comes packed."""

    code: ClassVar[int] = 415


async def read(request: Request, limit: int) -> bytes:
    """The body, at most `limit` bytes of it; 413 for more, whatever the header says."""
    declared = request.headers.get("content-length")
    if declared is not None and declared.isdigit() and (len(declared) > 12 or int(declared) > limit):
        raise _too_large(limit)
    if declared == "0" or (declared is None and "transfer-encoding" not in request.headers):
        return b""
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            parts.append(part)
    except ClientDisconnect:
        raise BadRequest("The connection closed before the whole body had arrived") from None
    return b"".join(parts)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit // 1_000_000} MB")


def parse(raw: bytes, content_type: str | None, encoding: str | None = None) -> Any:
    """The JSON value of a body, or NO_CONTENT for an empty one."""
    if not raw.strip():
        return NO_CONTENT
    if encoding is not None and encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType(
            f"A body with the content-encoding '{encoding}' is not taken; send it unpacked"
        )
    if content_type is not None:
        kind = content_type.partition(";")[0].strip().lower()
        if kind not in _TYPES:
            raise BadRequest(
                f"{_PREFIX} it specified the content-type '{kind}' when only the content-type "
                "'application/json' is supported"
            )
    return read_json(raw)


def read_json(raw: bytes) -> Any:
    """A JSON value that every part of the product can hold."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _not_json(error.msg, error.lineno, error.colno) from None
    if raw.count(b"{") + raw.count(b"[") > MOST_DEPTH:
        _check_depth(value)
    if b"\\u0000" in raw:
        _check_nul(value)
    if _LONG_NUMBER.search(raw):
        _check_numbers(raw)
    return value


def _not_json(what: str, line: int, column: int) -> BadRequest:
    return BadRequest(
        f"{_PREFIX} the provided content is not valid JSON", detail=f"{what} at line {line}, column {column}"
    )


def _check_depth(value: Any) -> None:
    level: Sequence[Any] = [value]
    for _ in range(MOST_DEPTH + 1):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise BadRequest(f"{_PREFIX} the provided content is nested deeper than {MOST_DEPTH} levels")


def _inside(value: Any) -> Sequence[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()


def _check_nul(value: Any) -> None:
    pending = [value]
    while pending:
        found = pending.pop()
        if isinstance(found, str):
            if "\0" in found:
                raise BadRequest(f"{_PREFIX} a text of the provided content holds a NUL character")
        elif isinstance(found, dict):
            pending.extend((*found, *found.values()))
        elif isinstance(found, list):
            pending.extend(found)


def _check_numbers(raw: bytes) -> None:
    """orjson reads what is too large for an integer as a broken number; the library's reader sees the digits."""
    json.loads(raw, parse_int=_whole)


def _whole(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > LARGEST_INTEGER:
        raise _out_of_range(text)
    return int(text)


def _out_of_range(text: str) -> BadRequest:
    shown = text if len(text) <= 20 else f"{text[:20]}..."
    return BadRequest(f"{_PREFIX} the number {shown} is out of range; send it as text")


def an_object(value: Any, content_type: str | None) -> dict[str, Any]:
    """The object that a create or an update needs."""
    if value is NO_CONTENT:
        if content_type is None:
            raise BadRequest(f"{_PREFIX} the content-type was not specified and is required")
        raise BadRequest(f"{_PREFIX} it has no content; send a JSON object")
    if not isinstance(value, dict):
        raise BadRequest(f"{_PREFIX} the provided content is not a JSON object")
    return value


def a_list(value: Any, content_type: str | None) -> list[Any]:
    """The operations that a patch needs."""
    if value is NO_CONTENT and content_type is None:
        raise BadRequest(f"{_PREFIX} the content-type was not specified and is required")
    if not isinstance(value, list):
        raise BadRequest(f"{_PREFIX} the provided content is not a JSON array of patch operations")
    return value
