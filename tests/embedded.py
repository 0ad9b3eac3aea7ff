"""The product in one event loop: the web application over ASGI, and runs carried out beside it without Prefect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from api.app import create_app
from conf.settings import Settings
from flows.call import Runtime
from flows.reconcile import execute_run
from flows.runtime import running
from flows.shell import EmbeddedShell
from flows.store import runs
from flows.two_way.carrying import advance_all

ADMIN = {
    "X-OpenIDM-Username": "openidm-admin",
    "X-OpenIDM-Password": "openidm-admin",
    "Accept-API-Version": "resource=1.0",
    "X-OpenIDM-NoSession": "true",
}


@dataclass
class Embedded:
    """A running product."""

    client: httpx2.AsyncClient
    runtime: Runtime

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """One call as openidm-admin; answers status and parsed body."""
        answer = (
            await self.client.request(method, f"/openidm/{path}", json=body, headers={**ADMIN, **headers})
            if body is not None
            else await self.client.request(method, f"/openidm/{path}", headers={**ADMIN, **headers})
        )
        return answer.status_code, answer.json() if answer.content else None


@asynccontextmanager
async def embedded(project: Path, data: Path, **settings: Any) -> AsyncIterator[Embedded]:
    """Start it for a project folder, with its data elsewhere."""
    chosen = Settings(project=project, data=data, executor="embedded", **settings)
    woken = asyncio.Event()
    opened: list[Runtime] = []

    @asynccontextmanager
    async def open_parts(given: Settings) -> AsyncIterator[Runtime]:
        async with running(given) as runtime:
            runtime.wake = lambda _what: woken.set()
            opened.append(runtime)
            yield runtime

    app = create_app(chosen, open_parts)
    async with app.router.lifespan_context(app):
        runtime = opened[0]
        worker = asyncio.create_task(_work(runtime, woken))
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        try:
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                yield Embedded(client, runtime)
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)


async def _work(runtime: Runtime, woken: asyncio.Event) -> None:
    while True:
        await woken.wait()
        woken.clear()
        while await _run_one(runtime) or await advance_all(runtime, "embedded"):
            pass


async def _run_one(runtime: Runtime) -> bool:
    now = runtime.clock()
    async with runtime.database.write() as transaction:
        for run_id in await runs.claimable(transaction, now):
            claimed = await runs.claim(transaction, run_id, "embedded", now, now + 3_600_000)
            if claimed is not None:
                break
        else:
            return False
    await execute_run(runtime, claimed.id, "embedded", claimed.token, EmbeddedShell())
    return True
