"""The web application: REST below `/openidm`, its documentation, health and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from fastapi import FastAPI

from api import cli_token, errors, health
from api.audit_log import AuditLog
from api.auth import Gate, refuse_default_password
from api.metrics import Metrics
from api.rest.catalogue import FAMILIES
from api.rest.crest import Crest
from api.rest.openapi import SCHEMAS, SECURITY
from api.rest.routes import build_router
from conf.settings import Settings
from flows.call import Runtime

Opener = Callable[[Settings], AbstractAsyncContextManager[Runtime]]
"""Opens the parts of the running system, and closes them at the end of the block."""

_ABOUT: Final = (
    "Identity reconciliation with human approval. Every call answers JSON; errors are "
    "{code, reason, message, detail?}."
)


class Application(FastAPI):
    """FastAPI, with the shapes and login ways that the documented calls refer to."""

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        components = document.setdefault("components", {})
        components.setdefault("schemas", {}).update(SCHEMAS)
        components["securitySchemes"] = SECURITY
        return document


def create_app(settings: Settings, open_parts: Opener | None = None) -> FastAPI:
    """The application for these settings; the system behind it opens when the server starts."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (open_parts or _opener())(settings) as runtime:
            refuse_default_password(runtime)
            log = AuditLog(runtime)
            gate = Gate(runtime, cli_token.create(settings.data), log)
            crest = Crest(runtime, gate, metrics, log)
            runtime.extras["write_audit"] = log.write
            writing = asyncio.create_task(log.run())
            app.state.runtime, app.state.crest = runtime, crest
            try:
                yield
            finally:
                crest.draining = True
                gate.close()
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)
                await log.write()

    app = Application(
        title="reconvene",
        version=product_version(),
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_tags=[{"name": family.name, "description": family.about} for family in FAMILIES],
    )
    app.state.metrics = metrics
    errors.install(app)
    app.include_router(health.router)
    app.include_router(build_router())
    return app


def product_version() -> str:
    """Version of the installed product."""
    try:
        return version("reconvene")
    except PackageNotFoundError:
        return "0.0.0"


def _opener() -> Opener:
    from flows.runtime import running  # noqa: PLC0415 - only where nothing else is given

    return running
