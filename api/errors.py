"""Errors outside the translation, in the same shape: unknown addresses, wrong methods, and mistakes of ours."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.rest.exchange import METHODS, PREFIX
from api.rest.reply import refusal
from conf.errors import NotFound, ReconError

_LOG = logging.getLogger(__name__)


def install(app: FastAPI) -> None:
    """Answer every error of this application as `{code, reason, message}`."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ReconError, _ours)
    app.add_exception_handler(Exception, _mistake)


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    found: ReconError
    path = request.url.path
    if status == 404 and path.startswith(f"{PREFIX}/"):
        # a line break is in it, which no route of the framework takes
        found = NotFound(f"Resource '{path.removeprefix(PREFIX).strip('/')}' not found")
    elif status == 404:
        found = NotFound(f"There is nothing at {path}; the REST interface is below /openidm")
    elif status == 405:
        found = ReconError(f"The method {request.method} is not offered at {path}", code=405)
    else:
        found = ReconError(HTTPStatus(status).phrase, code=status)
    response = refusal(found)
    headers = error.headers if isinstance(error, HTTPException) else None
    response.headers.update(headers or {})
    if status == 405 and path.startswith(PREFIX):
        response.headers["allow"] = ", ".join(METHODS)  # the framework knows the documented ones alone
    return response


async def _ours(_request: Request, error: Exception) -> Response:
    return refusal(error if isinstance(error, ReconError) else ReconError("Unknown error"))


async def _mistake(request: Request, _error: Exception) -> Response:
    _LOG.exception(
        "call failed by a mistake of ours", extra={"event": "call_failed", "path": request.url.path}
    )
    return refusal(ReconError("Something went wrong on the server; its log tells more"))
