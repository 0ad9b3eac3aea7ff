"""Keeping the time of two-way configurations where no Prefect server does."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from flows import schedules
from flows.store import schedules as store

if TYPE_CHECKING:
    from flows.call import Runtime

_LOG = logging.getLogger(__name__)
MOST: Final = 100
"""Slots that are looked at together; a schedule of every second misses no more in the time of grace."""


async def do_due(runtime: Runtime) -> None:
    """Take every slot that is due since the last one that was taken; at first those within the time of grace."""
    now = runtime.clock()
    async with runtime.database.read() as tx:
        jobs = [
            job
            for job in (await schedules.all_jobs(tx, runtime.project)).values()
            if job.reconciliation is not None and job.runs
        ]
        last = {job.name: await store.last_slot(tx, job.name) for job in jobs}
    for job in jobs:
        recent = now - schedules.GRACE_MS
        since = {last[job.name] or recent, max(last[job.name] or 0, recent)}
        due = [slot for begin in since for slot in job.due_after(begin, MOST) if slot <= now]
        wanted = schedules.judge(due, now, job.schedule.misfire_policy)
        for slot, outcome in sorted(wanted.items()):
            taken = await schedules.take_slot(runtime, job, slot, outcome, None)
            if taken is not None:
                _LOG.info("schedule due", extra={"job": job.name, "slot": slot, "outcome": taken[0].value})
