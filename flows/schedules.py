"""Scheduled runs: what Prefect is told of a schedule, and what becomes of a slot that it delivers.

A slot is one time of one schedule. Its row is written once, in the transaction that launches its run, so however
often a slot is delivered it starts at most one run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from conf.document import Node, Reading
from conf.errors import ReconError
from conf.schedule import ScheduleConfig, read_schedule
from flows.call import Caller
from flows.launch import Launch, launch
from flows.store import runs, two_way
from flows.store import schedules as store
from flows.two_way.job import job_document, job_name
from flows.two_way.starting import NOT_FINISHED, start
from flows.two_way.state import Options

if TYPE_CHECKING:
    from conf.project import LiveProject
    from conf.transaction import Transaction
    from flows.call import Call, Runtime

GRACE_MS: Final = 60_000
"""A slot that is delivered later than this was missed."""


class SlotOutcome(StrEnum):
    """What became of a slot."""

    STARTED = "STARTED"
    SKIPPED = "SKIPPED"
    """A run of the mapping was still going on."""
    MISFIRED = "MISFIRED"
    """Missed, and not made up for; or the run could not be launched."""


@dataclass(frozen=True)
class CronTiming:
    """Five fields and a time zone."""

    cron: str
    zone: str


@dataclass(frozen=True)
class IntervalTiming:
    """Every so many seconds, counted from an instant."""

    seconds: float
    anchor_ms: int


@dataclass(frozen=True)
class SlotTiming:
    """What neither says: the next slots are handed to Prefect one by one."""


Timing = CronTiming | IntervalTiming | SlotTiming


@dataclass(frozen=True)
class Job:
    """A schedule and whether somebody paused it."""

    schedule: ScheduleConfig
    paused: bool = False

    @property
    def name(self) -> str:
        return self.schedule.name

    @property
    def mapping(self) -> str | None:
        """The mapping that it reconciles; of a two-way configuration the one whose deployment shows its slots."""
        if self.reconciliation is not None:
            return f"reconciliation_{self.reconciliation}_toIdm"
        return self.schedule.mapping

    @property
    def reconciliation(self) -> str | None:
        return self.schedule.reconciliation

    @property
    def live_source(self) -> str | None:
        """The collection that it synchronises live, `system/<name>/<type>`, if it does."""
        context = self.schedule.context
        named = context.get("source") if self.schedule.service == "provisioner" else None
        return named if context.get("action") == "liveSync" and isinstance(named, str) else None

    @property
    def is_direct(self) -> bool:
        """Whether it is done at once, without a run: liveSync, a script, a scan for tasks."""
        return self.live_source is not None or self.schedule.service in ("script", "taskscanner")

    def due_after(self, when: int, n: int = 1) -> list[int]:
        """The next times it is due, in epoch milliseconds; none while it is disabled, paused or wrong."""
        return self.schedule.next_times(when, n) if self.runs else []

    @property
    def runs(self) -> bool:
        """Whether it fires at all."""
        schedule = self.schedule
        does_something = self.mapping is not None or self.is_direct
        return schedule.enabled and not self.paused and not schedule.problems and does_something

    @property
    def digest(self) -> str:
        """Changes with what Prefect is told."""
        told = f"{self.mapping}|{timing_of(self.schedule)}"
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def timing_of(schedule: ScheduleConfig) -> Timing:
    """How Prefect is told when the schedule is due."""
    if schedule.cron is not None:
        if schedule.cron.cron5 is not None:
            return CronTiming(schedule.cron.cron5, schedule.zone)
        step = _even_step(schedule.cron.seconds)
        if step and schedule.cron.years is None and schedule.cron.cron == "* * * * *":
            return IntervalTiming(step, 0)
        return SlotTiming()
    if schedule.repeat_interval_ms >= 1000 and schedule.repeat_count < 0:
        return IntervalTiming(schedule.repeat_interval_ms / 1000, schedule.start_ms or 0)
    return SlotTiming()


def _even_step(seconds: tuple[int, ...]) -> int | None:
    """10 for the seconds 0, 10 .. 50; None when they are not even."""
    step = 60 // len(seconds)
    return step if seconds == tuple(range(0, 60, step)) else None


def judge(due: Iterable[int], now: int, policy: str, grace_ms: int = GRACE_MS) -> Mapping[int, SlotOutcome]:
    """What is to become of the slots of one schedule that are delivered together.

    Only the last one may start, since it makes up for those before it: it starts when it is on time, and with
    `fireAndProceed` also when it was missed.
    """
    slots = sorted(set(due))
    found = dict.fromkeys(slots, SlotOutcome.MISFIRED)
    if slots and (slots[-1] >= now - grace_ms or policy != "doNothing"):
        found[slots[-1]] = SlotOutcome.STARTED
    return found


async def all_jobs(tx: Transaction, project: LiveProject) -> dict[str, Job]:
    """Every schedule by name: the files of the project folder, and jobs that were put over REST."""
    rows = await store.list_jobs(tx)
    paused = {row.id for row in rows if row.paused}
    found = {name: Job(schedule, name in paused) for name, schedule in project.schedules.items()}
    for configuration in project.reconciliations.values():
        name, document = job_name(configuration.name), job_document(configuration)
        if document is not None and (schedule := job_of(name, document)) is not None:
            found[name] = Job(schedule, name in paused)
    for row in rows:
        if row.origin == "rest" and (schedule := job_of(row.id, row.body)) is not None:
            found[row.id] = Job(schedule, row.paused)
    return found


def job_of(name: str, document: dict[str, Any]) -> ScheduleConfig | None:
    """The schedule of a job document; what is wrong with it stands in `problems`."""
    reading = Reading(f"scheduler/job/{name}", lambda _file: True, lambda _script: None, [])
    schedule = read_schedule(Node(document, reading), name)
    return schedule and replace(schedule, problems=tuple(str(problem) for problem in reading.problems))


async def take_slot(
    runtime: Runtime, job: Job, slot: int, wanted: SlotOutcome, flow_run_id: str | None
) -> tuple[SlotOutcome, str] | None:
    """Decide a slot and launch its run, in one transaction; None when the slot was decided before.

    Answers the outcome and a sentence that says it.
    """
    caller = Caller(f"Scheduled {job.name}-{slot}", via="schedule", roles=frozenset({"openidm-admin"}))
    call = runtime.call(caller)
    async with call.write() as tx:
        # writers take turns, so nobody comes between this and the row
        if await tx.fetch("select 1 from schedule_slot where job = ? and slot_at = ?", (job.name, slot)):
            return None
        run_id: str | None = None
        outcome, reason = wanted, "missed: nothing was there to start it in time"
        if wanted is SlotOutcome.STARTED:
            outcome, reason, run_id = await _start(call.inside(tx), job, flow_run_id)
        await store.take_slot(tx, store.Slot(job.name, slot, outcome.value, run_id, reason))
        await _keep(tx, job, {"previous_outcome": outcome.value})
        if run_id is not None:
            await _keep(tx, job, {"previous_run_at": call.now()})
    return outcome, reason


async def _start(call: Call, job: Job, flow_run_id: str | None) -> tuple[SlotOutcome, str, str | None]:
    tx = call.transaction
    if tx is None or job.mapping is None:
        raise ValueError("a slot is decided inside a transaction, for a job that reconciles")
    if job.reconciliation is not None:
        return await _start_two_way(call, tx, job, job.reconciliation)
    if await runs.working(tx, job.mapping) or await runs.waiting(tx, job.mapping):
        return SlotOutcome.SKIPPED, f"skipped: a run of {job.mapping} was still going on", None
    try:
        run = await launch(call, Launch(job.mapping, trigger=f"schedule:{job.name}"))
    except ReconError as error:
        return SlotOutcome.MISFIRED, f"not started: {error.message}", None
    if flow_run_id is not None:
        await runs.set_flow_run(tx, run.id, flow_run_id)
    return SlotOutcome.STARTED, f"started run {run.id}", run.id


async def _start_two_way(
    call: Call, tx: Transaction, job: Job, name: str
) -> tuple[SlotOutcome, str, str | None]:
    if under_way := await two_way.active(tx, name):
        return SlotOutcome.SKIPPED, f"{NOT_FINISHED}: {under_way[0].id}", None
    try:
        run = await start(call, name, Options(), trigger=f"schedule:{job.name}")
    except ReconError as error:
        return SlotOutcome.MISFIRED, f"not started: {error.message}", None
    return SlotOutcome.STARTED, f"started two-way run {run.id}", run.id


async def note_told(tx: Transaction, job: Job, deployment_id: str | None) -> None:
    """Keep what Prefect knows of the job: its deployment, and a digest of the timing."""
    told = {"deployment_id": deployment_id, "digest": job.digest if deployment_id else None}
    await _keep(tx, job, told)


async def _keep(tx: Transaction, job: Job, values: Mapping[str, Any]) -> None:
    """Write to the state of a job; one of a file has its row from the first time on."""
    if not await store.set_job(tx, job.name, values):
        await store.put_job(tx, job.name, job.schedule.raw, "file")
        await store.set_job(tx, job.name, values)
