"""Workflow resources as a test asks for them: their paths, open tasks, and somebody who carries decisions out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from approvals import inbox
from flows.approval_loop import drain_intents
from flows.call import Caller, Runtime
from flows.router import Query, Router
from tests.approvals.conftest import ADMIN, request_for

TASK = "workflow/taskinstance"
PROCESS = "workflow/processinstance"
DEFINITION = "workflow/processdefinition"
YES = {"requestApproved": "true"}


async def opened(runtime: Runtime, *names: str, **changes: Any) -> list[str]:
    async with runtime.database.write() as tx:
        answers = await inbox.open_many(tx, [request_for(name, **changes) for name in names], runtime.clock())
    return [str(answer.task) for answer in answers]


@asynccontextmanager
async def working(runtime: Runtime) -> AsyncIterator[None]:
    """A worker beside the caller, woken as the real one is."""
    woken = asyncio.Event()
    runtime.wake = lambda _what: woken.set()

    async def work() -> None:
        while True:
            await woken.wait()
            woken.clear()
            while await drain_intents(runtime, None, "worker/decisions"):
                pass

    worker = asyncio.create_task(work())
    try:
        yield
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def ids(router: Router, runtime: Runtime, path: str, who: Caller = ADMIN, **query: Any) -> list[str]:
    if not {"filter", "query_id"} & query.keys():
        query["filter"] = "true"
    found = await router.query(runtime.call(who), path, Query(**query))
    return [each["_id"] for each in found.result]
