"""Addresses without credentials: health, metrics, and the documentation of the REST interface."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.metrics import Metrics
from api.rest.crest import Crest
from api.rest.reply import reply
from conf.errors import ReconError, Unavailable

_POLICY: Final = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
_PAGES: Final = {
    "/docs": ("page.html", "text/html; charset=utf-8"),
    "/docs/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/docs/page.css": ("page.css", "text/css; charset=utf-8"),
}

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz(request: Request) -> Response:
    """200 when calls can be answered: the database is there and we are not shutting down."""
    crest: Crest | None = getattr(request.app.state, "crest", None)
    if crest is None or crest.draining:
        return reply(
            {"status": "stopping"}, 503, headers={"retry-after": str(Unavailable.retry_after_seconds)}
        )
    try:
        async with crest.runtime.database.read() as tx:
            await tx.fetch("select 1")
    except ReconError as error:
        return reply({"status": "failing", "message": error.message}, 503, headers={"retry-after": "2"})
    return reply({"status": "ok"})


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    found: Metrics = request.app.state.metrics
    crest: Crest | None = getattr(request.app.state, "crest", None)
    if crest is not None and not crest.draining:
        await found.look(crest.runtime)
    return Response(found.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/docs")
@router.get("/docs/page.js")
@router.get("/docs/page.css")
async def docs(request: Request) -> Response:
    """The documentation, drawn from /openapi.json by a small script of our own."""
    name, media_type = _PAGES[request.url.path]
    content = (files("api") / "docs" / name).read_bytes()
    headers = {"content-security-policy": _POLICY, "x-content-type-options": "nosniff"}
    return Response(content, media_type=media_type, headers=headers)


@router.get("/docs/")
async def docs_folder() -> Response:
    """The same page under its folder's name."""
    return RedirectResponse("/docs")
