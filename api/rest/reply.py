"""Answers on the wire: JSON, its headers, and errors in one shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.responses import Response, StreamingResponse

from conf.errors import ReconError, Unavailable
from flows.download import File

CONTENT_TYPE: Final = "application/json;charset=utf-8"
_HEADERS: Final = {"cache-control": "no-cache, no-store", "x-content-type-options": "nosniff"}


def reply(
    value: Any, status: int = 200, *, pretty: bool = False, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer."""
    body = b"" if status == 304 else orjson.dumps(value, option=orjson.OPT_INDENT_2 if pretty else None)
    return Response(
        body,
        status,
        headers=_HEADERS | dict(headers or {}),
        media_type=None if status == 304 else CONTENT_TYPE,
    )


def attachment(file: File) -> Response:
    """A file, sent as it is made."""
    how = "inline" if file.is_shown else "attachment"
    headers = {"content-disposition": f'{how}; filename="{file.name}"', **file.headers}
    return StreamingResponse(file.parts, headers=_HEADERS | headers, media_type=file.content_type)


def refusal(error: ReconError, *, pretty: bool = False) -> Response:
    """An error as `{code, reason, message, detail?}`; 503 says when to come back."""
    headers = {"retry-after": str(Unavailable.retry_after_seconds)} if error.status == 503 else {}
    if isinstance(error, Unavailable):
        headers["retry-after"] = str(error.retry_after_seconds)
    return reply(error.body(), error.status, pretty=pretty, headers=headers)
