"""`taskscanner`: start a scan of a scheduled job now, see how far scans are, cancel one. The last 100 are kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from conf.errors import BadRequest, NotFound, ReconError
from flows import task_scan
from flows.projection import select
from flows.router import Json, Query, QueryResult, Resource
from flows.schedules import all_jobs
from flows.store import managed

if TYPE_CHECKING:
    from flows.call import Call

_LOG = logging.getLogger(__name__)


class TaskScanner(Resource):
    """Scans by id; the collection is a plain read, `{"tasks": [...]}`."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        if id is None:
            return {"_id": "", "tasks": await _all(call)}
        return await task_scan.read(call, id)

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        return select(await _all(call), query)

    async def action(
        self,
        call: Call,
        parts: Mapping[str, str],
        id: str | None,
        name: str,
        content: Any,
        parameters: Mapping[str, str],
    ) -> Any:
        match name:
            case "execute" if id is None:
                return await _execute(call, parameters.get("name"))
            case "cancel" if id is not None:
                await task_scan.cancel(call, id)
                return {"_id": id, "action": "cancel", "status": "SUCCESS"}
        raise BadRequest(
            f"Action {name} on taskscanner not supported; offered: execute with a name, cancel of a task"
        )


async def _all(call: Call) -> list[Json]:
    async with call.read() as tx:
        return [task_scan.document(row) for row in (await managed.find(tx, task_scan.COLLECTION)).rows]


async def _execute(call: Call, name: str | None) -> Json:
    if not name:
        raise BadRequest("The parameter name is missing: it names the job whose scan is to be made")
    async with call.read() as tx:
        job = (await all_jobs(tx, call.runtime.project)).get(name.removeprefix("schedule/"))
    if job is None or job.schedule.service != "taskscanner":
        raise NotFound(f"There is no job '{name}' of the service taskscanner")
    context = job.schedule.context
    task = await task_scan.begin(call, job.name, context)
    if context.get("waitForCompletion") is True:
        await task_scan.scan(call, task)
    else:
        under_way: set[asyncio.Task[None]] = call.runtime.extras.setdefault("task_scans", set())
        working = asyncio.create_task(_scan(call, task))
        under_way.add(working)
        working.add_done_callback(under_way.discard)
    return {"_id": task.id}


async def _scan(call: Call, task: task_scan.TaskScan) -> None:
    try:
        await task_scan.scan(call, task)
    except ReconError as error:
        _LOG.warning("scan %s failed: %s", task.id, error.message)
