"""`reconciliation` and `reconciliation/NAME`: two-way configurations, started, stopped, paused and resumed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from conf.errors import BadRequest, Conflict, NotFound
from flows.projection import select
from flows.reports.documents import run_document
from flows.router import Json, Query, QueryResult, Resource
from flows.schedules import Job, all_jobs
from flows.store import schedules, two_way
from flows.store.audit_recon import timestamp
from flows.two_way.job import job_name
from flows.two_way.starting import read_options, start, stop

if TYPE_CHECKING:
    from conf.reconciliation_schema import Reconciliation
    from conf.transaction import Transaction
    from flows.call import Call
    from flows.store.two_way_rows import TwoWayRun

ACTIONS: Final = ("start", "stop", "pause", "resume")


class ReconciliationResource(Resource):
    """Configurations by name; they are changed through config/reconciliation/NAME."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        if id is None:
            return {"_id": "", "reconciliations": await _documents(call)}
        configuration = call.runtime.project.reconciliation(id)
        async with call.read() as tx:
            return await _document(call, tx, configuration, await all_jobs(tx, call.runtime.project))

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        return select(await _documents(call), query)

    async def action(
        self,
        call: Call,
        parts: Mapping[str, str],
        id: str | None,
        name: str,
        content: Any,
        parameters: Mapping[str, str],
    ) -> Any:
        if id is None or name not in ACTIONS:
            where = "reconciliation" if id is None else f"reconciliation/{id}"
            raise BadRequest(
                f"Action {name} on {where} not supported; offered on reconciliation/NAME: {', '.join(ACTIONS)}"
            )
        configuration = call.runtime.project.reconciliation(id)
        match name:
            case "start":
                return await _start(call, id, content, parameters)
            case "stop":
                return await _stop(call, id)
            case _:
                return await _pause(call, configuration, paused=name == "pause")


async def _start(call: Call, name: str, content: Any, parameters: Mapping[str, str]) -> Json:
    body = content if isinstance(content, dict) else {}
    given: Json = {key: parameters[key] for key in ("updatedSince", "allow") if parameters.get(key)}
    if (empty := parameters.get("allowEmpty")) is not None:
        given["allowEmpty"] = empty.lower() == "true"
    trigger = "cli" if call.caller.via == "cli" else "rest"
    run = await start(call, name, read_options({**body, **given}), trigger=trigger)
    if parameters.get("waitForCompletion", "").lower() == "true":
        run = await wait_for(call, run.id)
    return run_document(run)


async def wait_for(call: Call, run_id: str) -> TwoWayRun:
    """The run when it has ended."""
    while True:
        async with call.runtime.database.read() as tx:
            run = await two_way.read_run(tx, run_id)
        if run is None:
            raise NotFound(f"There is no two-way run {run_id}")
        if run.ended is not None:
            return run
        await asyncio.sleep(0.05)


async def _stop(call: Call, name: str) -> Json:
    async with call.read() as tx:
        under_way = await two_way.active(tx, name)
    if not under_way:
        raise Conflict(f"No run of {name} is under way, so there is nothing to stop")
    return run_document(await stop(call, under_way[0].id))


async def _pause(call: Call, configuration: Reconciliation, *, paused: bool) -> Json:
    name = job_name(configuration.name)
    async with call.write() as tx:
        jobs = await all_jobs(tx, call.runtime.project)
        if name not in jobs:
            raise Conflict(
                f"{configuration.name} has no frequency, so there is no schedule to pause or resume"
            )
        if await schedules.read_job(tx, name) is None:
            await schedules.put_job(tx, name, jobs[name].schedule.raw, origin="file")
        await schedules.set_job(tx, name, {"paused": paused})
        tx.after_commit(lambda: call.runtime.wake("schedule"))
        return await _document(call, tx, configuration, await all_jobs(tx, call.runtime.project))


async def _documents(call: Call) -> list[Json]:
    async with call.read() as tx:
        jobs = await all_jobs(tx, call.runtime.project)
        return [
            await _document(call, tx, configuration, jobs)
            for configuration in call.runtime.project.reconciliations.values()
        ]


async def _document(
    call: Call, tx: Transaction, configuration: Reconciliation, jobs: Mapping[str, Job]
) -> Json:
    name = configuration.name
    job, run = jobs.get(job_name(name)), await two_way.latest(tx, name)
    row = None if job is None else await schedules.read_job(tx, job.name)
    due = job.due_after(call.now()) if job is not None else []
    found: Json = {
        "_id": name,
        "name": name,
        "type": str(configuration.kind),
        "status": "Active" if configuration.is_active else "Inactive",
        "idmObject": configuration.idm_path,
        "managedSystem": configuration.resource_path,
        "direction": str(configuration.direction),
        "manualReconciliation": str(configuration.treatment),
        "frequency": configuration.frequency or "Manual",
        "schedule": configuration.cron,
        "isPaused": job is not None and job.paused,
        "nextRun": timestamp(due[0]) if due else None,
        "previousSlot": None if row is None else row.previous_outcome,
        "mappings": [configuration.to_resource, configuration.to_idm],
        "executionStatus": None if run is None else run.status,
        "lastExecutionTime": None if run is None else timestamp(run.started),
        "lastRun": None if run is None else run_document(run),
    }
    if configuration.problems:
        found["problems"] = list(configuration.problems)
    return found
