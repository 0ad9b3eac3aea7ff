"""`scheduler/job` and `scheduler/trigger`: jobs of the project's files and jobs made over REST."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from conf.cron import Quartz
from conf.errors import BadRequest, Conflict, NotFound, PreconditionFailed
from flows import managed_objects
from flows.launch import Launch, launch
from flows.projection import select
from flows.router import Json, Query, QueryResult, Resource
from flows.scheduled_job import job_document, trigger_document
from flows.scheduled_work import do_job
from flows.schedules import Job, all_jobs, job_of
from flows.store import schedules
from flows.two_way.job import PREFIX
from flows.two_way.starting import start
from flows.two_way.state import Options

if TYPE_CHECKING:
    from conf.transaction import Transaction
    from flows.call import Call


class Jobs(Resource):
    """Jobs by name. A job of a file is changed in its file, through config/schedule/<name>."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        if id is None:
            raise BadRequest("The resource collection scheduler/job cannot be read")
        async with call.read() as tx:
            return await _document(call, tx, await _existing(call, tx, id))

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        async with call.read() as tx:
            rows = {row.id: row for row in await schedules.list_jobs(tx)}
            jobs = await all_jobs(tx, call.runtime.project)
        now = call.now()
        found = [job_document(jobs[name], rows.get(name), now) for name in sorted(jobs)]
        # few enough to be counted whether asked or not, as PingIDM does
        return select(found, replace(query, total_policy="EXACT"))

    async def create(self, call: Call, parts: Mapping[str, str], id: str | None, content: Json) -> Json:
        name = managed_objects.checked_id(id or content.get("_id") or str(uuid.uuid4()))
        job = _checked(name, content)
        async with call.write() as tx:
            if name in await all_jobs(tx, call.runtime.project):
                raise PreconditionFailed(f"Create rejected as a job with id {name} already exists")
            await schedules.put_job(tx, name, job.schedule.raw)
            tx.after_commit(lambda: call.runtime.wake("schedule"))
            return await _document(call, tx, job)

    async def update(
        self, call: Call, parts: Mapping[str, str], id: str, revision: str | None, content: Json
    ) -> Json:
        job = _checked(id, content)
        async with call.write() as tx:
            await _existing(call, tx, id)
            _refuse_file(call, id)
            await schedules.put_job(tx, id, job.schedule.raw)
            tx.after_commit(lambda: call.runtime.wake("schedule"))
            return await _document(call, tx, await _existing(call, tx, id))

    async def delete(self, call: Call, parts: Mapping[str, str], id: str, revision: str | None) -> Json:
        async with call.write() as tx:
            before = await _document(call, tx, await _existing(call, tx, id))
            _refuse_file(call, id)
            await schedules.delete_job(tx, id)
            tx.after_commit(lambda: call.runtime.wake("schedule"))
        return {**before, "enabled": False, "triggers": [], "nextRunDate": None}

    async def action(
        self,
        call: Call,
        parts: Mapping[str, str],
        id: str | None,
        name: str,
        content: Any,
        parameters: Mapping[str, str],
    ) -> Any:
        if id is None:
            return await _act_on_all(call, name, content)
        match name:
            case "trigger":
                return await _trigger(call, id)
            case "pause" | "resume":
                async with call.write() as tx:
                    await _pause(tx, await _existing(call, tx, id), paused=name == "pause")
                    tx.after_commit(lambda: call.runtime.wake("schedule"))
                return {"success": True}
        raise BadRequest(
            f"Action {name} on scheduler/job/{id} not supported; offered: trigger, pause, resume"
        )


class Triggers(Resource):
    """What makes jobs run; each enabled job has one."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        for found in await _triggers(call):
            if found["_id"] == id:
                return found
        raise NotFound(f"Trigger {id} not found")

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        return select(await _triggers(call), query)


class Scheduler(Resource):
    """The scheduler itself."""

    async def action(
        self,
        call: Call,
        parts: Mapping[str, str],
        id: str | None,
        name: str,
        content: Any,
        parameters: Mapping[str, str],
    ) -> Any:
        if id is None:
            return await _act_on_all(call, name, content)
        raise NotFound(f"Resource 'scheduler/{id}' not found; there are scheduler/job and scheduler/trigger")


async def _triggers(call: Call) -> list[Json]:
    async with call.read() as tx:
        rows = {row.id: row for row in await schedules.list_jobs(tx)}
        jobs = await all_jobs(tx, call.runtime.project)
    now = call.now()
    return [
        trigger_document(job, rows.get(name), now)
        for name, job in sorted(jobs.items())
        if job.schedule.enabled
    ]


def _checked(name: str, content: Json) -> Job:
    """The job that a document describes; BadRequest says what is wrong with it."""
    body = {key: value for key, value in content.items() if key not in {"_id", "_rev"}}
    schedule = job_of(name, body)
    if schedule is None or schedule.problems:
        wrong = schedule.problems if schedule else ("expected an object",)
        raise BadRequest(f"The job {name} is wrong: {'; '.join(wrong)}", detail={"problems": list(wrong)})
    return Job(schedule)


async def _existing(call: Call, tx: Transaction, id: str) -> Job:
    jobs = await all_jobs(tx, call.runtime.project)
    if id not in jobs:
        raise NotFound(f"Schedule does not exist: {id}")
    return jobs[id]


def _refuse_file(call: Call, id: str) -> None:
    if id.removeprefix(PREFIX) in call.runtime.project.reconciliations and id.startswith(PREFIX):
        raise Conflict(
            f"The job {id} is the frequency of a reconciliation; change it through "
            f"config/reconciliation/{id.removeprefix(PREFIX)}"
        )
    if id in call.runtime.project.schedules:
        raise Conflict(
            f"The job {id} stands in a file of the project; change it through config/schedule/{id}"
        )


async def _document(call: Call, tx: Transaction, job: Job) -> Json:
    return job_document(job, await schedules.read_job(tx, job.name), call.now())


async def _pause(tx: Transaction, job: Job, *, paused: bool) -> None:
    if await schedules.read_job(tx, job.name) is None:
        await schedules.put_job(tx, job.name, job.schedule.raw, origin="file")
    await schedules.set_job(tx, job.name, {"paused": paused})


async def _trigger(call: Call, id: str) -> Json:
    """Do now what the job does at its time."""
    async with call.read() as tx:
        job = await _existing(call, tx, id)
    if not job.schedule.enabled:
        raise Conflict(f"The job {id} is disabled and cannot be triggered; enable it first")
    if job.is_direct:
        failure = await do_job(call, job)
        if failure is not None and job.live_source is None:
            raise Conflict(f"The job {id} failed: {failure}")
        return {"success": True}
    if job.reconciliation is not None:
        await start(call, job.reconciliation, Options(), trigger=f"schedule:{id}")
        return {"success": True}
    if job.mapping is None:
        raise Conflict(f"The job {id} does not reconcile a mapping, so it cannot be triggered here")
    await launch(call, Launch(job.mapping, trigger=f"schedule:{id}"))
    return {"success": True}


async def _act_on_all(call: Call, name: str, content: Any) -> Any:
    match name:
        case "pauseJobs" | "resumeJobs":
            async with call.write() as tx:
                for job in (await all_jobs(tx, call.runtime.project)).values():
                    await _pause(tx, job, paused=name == "pauseJobs")
                tx.after_commit(lambda: call.runtime.wake("schedule"))
            return {"success": True}
        case "listCurrentlyExecutingJobs":
            async with call.read() as tx:
                rows = await tx.fetch(
                    'select distinct "trigger" from recon_run where working = 1 and "trigger" like ?',
                    ("schedule:%",),
                )
                jobs = await all_jobs(tx, call.runtime.project)
                names = [row[0].partition(":")[2] for row in rows]
                return [await _document(call, tx, jobs[known]) for known in names if known in jobs]
        case "validateQuartzCronExpression":
            return {"valid": _is_cron(content)}
    raise BadRequest(
        f"Action {name} on scheduler/job not supported; offered: pauseJobs, resumeJobs, "
        "listCurrentlyExecutingJobs, validateQuartzCronExpression"
    )


def _is_cron(content: Any) -> bool:
    expression = content.get("cronExpression") if isinstance(content, dict) else None
    if not isinstance(expression, str):
        raise BadRequest('The action validateQuartzCronExpression takes {"cronExpression": "0 0 2 * * ?"}')
    try:
        Quartz(expression)
    except BadRequest:
        return False
    return True
