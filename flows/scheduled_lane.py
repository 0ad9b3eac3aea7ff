"""Scheduled liveSync, scripts and task scans: each slot is taken by one worker, whichever comes first, and done at once.

They need no run and no page, so nothing is told to Prefect. What a missed slot would have brought the next one brings.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from conf.errors import ReconError
from flows.call import Caller
from flows.runtime import running
from flows.scheduled_work import do_job
from flows.schedules import GRACE_MS, Job, SlotOutcome, all_jobs
from flows.store import schedules as store

if TYPE_CHECKING:
    from conf.settings import Settings
    from flows.call import Runtime
    from flows.worker_lanes import Lane

LONGEST_REST_SECONDS: Final = 30.0
"""Between two looks at the schedules; a change of one wakes the lane."""

_LOG = logging.getLogger(__name__)


class ScheduledLane:
    """Does what is due, and rests until the next slot."""

    def __init__(self, settings: Settings, beside: Runtime) -> None:
        self._settings = settings
        self._beside = beside

    async def body(self, lane: Lane) -> None:
        async with running(self._settings, beside=self._beside) as runtime:

            async def work() -> bool:
                runtime.project.refresh()
                seconds = await do_due(runtime)
                if seconds > 0:
                    await lane.rest(seconds)
                return True

            await lane.repeat(work)


async def do_due(runtime: Runtime) -> float:
    """Do everything that is due; answers the seconds until one may be due again."""
    now = runtime.clock()
    async with runtime.database.read() as tx:
        jobs = [job for job in (await all_jobs(tx, runtime.project)).values() if job.is_direct and job.runs]
        last = {job.name: await store.last_slot(tx, job.name) for job in jobs}
    pause = LONGEST_REST_SECONDS
    for job in jobs:
        due = job.due_after(max(last[job.name] or 0, now - GRACE_MS))
        if due and due[0] <= now:
            await do_slot(runtime, job, due[0])
            pause = 0
        elif due:
            pause = min(pause, (due[0] - now) / 1000)
    return pause


async def do_slot(runtime: Runtime, job: Job, slot: int) -> None:
    """Take a slot and do its work; nothing when somebody else has taken it."""
    what = f"liveSync of {job.live_source}" if job.live_source else job.schedule.service
    async with runtime.database.write() as tx:
        taken = await store.take_slot(tx, store.Slot(job.name, slot, SlotOutcome.STARTED.value, None, what))
    if not taken:
        return
    caller = Caller(f"Scheduled {job.name}-{slot}", via="schedule", roles=frozenset({"openidm-admin"}))
    outcome = SlotOutcome.STARTED.value
    try:
        failure = await do_job(runtime.call(caller), job)
        if failure is not None:
            outcome = f"FAILED: {failure}"
    except ReconError as error:
        _LOG.warning("job %s, %s, failed: %s", job.name, what, error.message)
        outcome = f"FAILED: {error.message}"
    async with runtime.database.write() as tx:
        values = {"previous_outcome": outcome, "previous_run_at": runtime.clock()}
        if not await store.set_job(tx, job.name, values):
            await store.put_job(tx, job.name, job.schedule.raw, "file")
            await store.set_job(tx, job.name, values)
