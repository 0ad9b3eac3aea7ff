"""Schedules on the Prefect server: kept in step with the project, and their due runs taken in.

Both are level-triggered: they compare what is with what should be, so nothing depends on having heard of a change.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Completed, Scheduled

from flows import schedules
from flows.prefect_client import TAG, Deployments, slug
from flows.prefect_runs import conclusion_of, run_behind
from flows.schedules import CronTiming, IntervalTiming, Job, SlotTiming, timing_of

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import DeploymentSchedule, FlowRun, State
    from prefect.client.schemas.responses import DeploymentResponse

    from flows.call import Runtime

AHEAD = 3
"""Slots that Prefect is told of in advance, where it cannot reckon them itself."""
AT_FIRST = 20
"""Runs that are scheduled at once when a schedule is new; the server goes on by itself."""
ENDED = (
    "Runs are started with `recon run`, POST /openidm/recon or a schedule; Prefect's dashboard only shows them. "
    "Nothing was done."
)

_LOG = logging.getLogger(__name__)


async def keep_in_step(
    client: PrefectClient, deployments: Deployments, runtime: Runtime, jobs: Mapping[str, Job]
) -> None:
    """Make the server's schedules those of the project, and drop deployments of mappings that are gone."""
    mappings = {mapping.name for mapping in runtime.project.all_mappings}
    wanted: dict[str, dict[str, Job]] = defaultdict(dict)
    for job in jobs.values():
        if job.mapping in mappings and job.runs:
            wanted[job.mapping][slug(job.name)] = job
    present = {deployments.mapping_of(found): found for found in await deployments.all(client)}
    for mapping in wanted.keys() - present.keys():
        present[mapping] = await client.read_deployment(await deployments.of(client, mapping))
    for mapping, deployment in present.items():
        if mapping in mappings:
            await _match(client, runtime, deployment, wanted.get(mapping, {}))
        else:
            await deployments.drop(client, deployment)
    await _forget_told(runtime, jobs, {job.name for told in wanted.values() for job in told.values()})
    await _hand_over_slots(client, deployments, runtime, jobs.values())


async def _match(
    client: PrefectClient, runtime: Runtime, deployment: DeploymentResponse, wanted: Mapping[str, Job]
) -> None:
    """Make the schedules of one deployment those that are wanted."""
    known = {schedule.slug: schedule for schedule in deployment.schedules}
    now = runtime.clock()
    for key, schedule in known.items():
        if key not in wanted:
            await client.delete_deployment_schedule(deployment.id, schedule.id)
    for key, job in wanted.items():
        active = _is_near(job, now)
        told = known.get(key)
        if told is not None and _says(told, job) and told.active == active:
            continue
        if told is not None:
            await client.delete_deployment_schedule(deployment.id, told.id)
        if (asked := _schedule_of(job)) is not None:
            made = DeploymentScheduleCreate(
                schedule=asked, active=active, parameters=_parameters(job), slug=key
            )
            await client.create_deployment_schedules(deployment.id, [made])
            # the server's own scheduler may take a minute to notice
            await client.request(
                "POST",
                "/deployments/{id}/schedule",
                path_params={"id": deployment.id},
                json={"max_runs": AT_FIRST},
            )
        async with runtime.database.write() as tx:
            await schedules.note_told(tx, job, str(deployment.id))
        _LOG.info("schedule told to Prefect", extra={"job": job.name, "mapping": job.mapping})


def _parameters(job: Job) -> dict[str, Any]:
    return {"job": job.name, "digest": job.digest}


def _says(told: DeploymentSchedule, job: Job) -> bool:
    return told.parameters == _parameters(job)


def _is_near(job: Job, now: int) -> bool:
    """Whether the schedule has begun, or will within minutes, and has not come to its end."""
    start = job.schedule.start_ms or 0
    return start <= now + 300_000 and bool(job.due_after(now))


def _schedule_of(job: Job) -> CronSchedule | IntervalSchedule | None:
    match timing_of(job.schedule):
        case CronTiming(cron, zone):
            return CronSchedule(cron=cron, timezone=zone)
        case IntervalTiming(seconds, anchor):
            return IntervalSchedule(
                interval=timedelta(seconds=seconds), anchor_date=_date(anchor), timezone="UTC"
            )
        case SlotTiming():
            return None


async def _hand_over_slots(
    client: PrefectClient, deployments: Deployments, runtime: Runtime, jobs: Iterable[Job]
) -> None:
    for job in jobs:
        if job.mapping is None or not isinstance(timing_of(job.schedule), SlotTiming):
            continue
        for slot in job.due_after(runtime.clock(), AHEAD):
            await client.create_flow_run_from_deployment(
                await deployments.of(client, job.mapping),
                name=f"{job.mapping} {_date(slot):%Y-%m-%d %H:%M:%S}",
                parameters=_parameters(job),
                state=Scheduled(scheduled_time=_date(slot)),
                idempotency_key=f"{job.name} {job.digest} {slot}",
                tags=[TAG],
            )


async def _forget_told(runtime: Runtime, jobs: Mapping[str, Job], told: set[str]) -> None:
    async with runtime.database.read() as tx:
        rows = await tx.fetch("select id from schedule_job where deployment_id is not null")
    for (name,) in rows:
        if name not in told and name in jobs:
            async with runtime.database.write() as tx:
                await schedules.note_told(tx, jobs[name], None)


async def deliver(
    client: PrefectClient, deployments: Deployments, runtime: Runtime, jobs: Mapping[str, Job]
) -> None:
    """Take in what is due on the server: start, skip or drop each slot once, and refuse what is none."""
    ids = [found.id for found in await deployments.all(client)]
    if not ids:
        return
    due = await client.get_scheduled_flow_runs_for_deployments(ids, scheduled_before=datetime.now(UTC))
    by_job: dict[str, list[FlowRun]] = defaultdict(list)
    for flow_run in due:
        job = jobs.get(str(flow_run.parameters.get("job", "")))
        if (run := await run_behind(runtime.database, flow_run)) is not None:
            # one that is not ended waits for a worker; one that is was asked for again in the dashboard
            if run.ended:
                await _end(client, flow_run.id, conclusion_of(run).shown())
        elif job is None or job.mapping is None:
            await _end(client, flow_run.id, _why_not(flow_run))
        else:
            by_job[job.name].append(flow_run)
    for name, flow_runs in by_job.items():
        await _deliver_job(client, runtime, jobs[name], flow_runs)


def _why_not(flow_run: FlowRun) -> State[Any]:
    if "job" in flow_run.parameters:
        return Cancelled(name="Skipped", message="There is no such schedule any more")
    return Cancelled(name="Refused", message=ENDED)


async def _deliver_job(
    client: PrefectClient, runtime: Runtime, job: Job, flow_runs: Sequence[FlowRun]
) -> None:
    by_slot: dict[int, FlowRun] = {}
    for flow_run in flow_runs:
        slot = _slot(flow_run)
        if slot is None or not _belongs(job, flow_run, slot) or slot in by_slot:
            await _end(client, flow_run.id, Cancelled(name="Skipped", message="The schedule has changed"))
        else:
            by_slot[slot] = flow_run
    wanted = schedules.judge(by_slot, runtime.clock(), job.schedule.misfire_policy)
    for slot, flow_run in sorted(by_slot.items()):
        taken = await schedules.take_slot(runtime, job, slot, wanted[slot], str(flow_run.id))
        if taken is None:
            await _end(client, flow_run.id, Cancelled(name="Skipped", message="This slot was taken before"))
            continue
        outcome, sentence = taken
        _LOG.info("schedule due", extra={"job": job.name, "slot": slot, "outcome": outcome.value})
        if job.reconciliation is not None and outcome is schedules.SlotOutcome.STARTED:
            await _end(client, flow_run.id, Completed(name="Started", message=sentence))
        elif outcome is not schedules.SlotOutcome.STARTED:
            shown = "Skipped" if outcome is schedules.SlotOutcome.SKIPPED else "Missed"
            await _end(client, flow_run.id, Cancelled(name=shown, message=sentence))


def _belongs(job: Job, flow_run: FlowRun, slot: int) -> bool:
    """Whether the schedule as it stands now means this slot."""
    if not job.runs or flow_run.parameters.get("digest") != job.digest:
        return False
    schedule = job.schedule
    if (schedule.start_ms or 0) > slot or (schedule.end_ms is not None and slot > schedule.end_ms):
        return False
    # where Prefect reckons by itself it is taken at its word: on the days of a clock change the two may differ
    return not isinstance(timing_of(schedule), SlotTiming) or slot in job.due_after(slot - 1)


def _slot(flow_run: FlowRun) -> int | None:
    scheduled = flow_run.expected_start_time
    return None if scheduled is None else round(scheduled.timestamp() * 1000)


async def _end(client: PrefectClient, flow_run: UUID, state: State[Any]) -> None:
    try:
        await client.set_flow_run_state(flow_run, state, force=True)
    except ObjectNotFound:
        return


def _date(when_ms: int) -> datetime:
    return datetime.fromtimestamp(when_ms / 1000, UTC)
