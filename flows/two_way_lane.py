"""The lane of a worker that brings two-way runs on: between their stages, which the lanes for runs carry out.

Without a Prefect server it also keeps the time of their schedules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.runtime import running
from flows.two_way.carrying import advance_all
from flows.two_way.schedule import do_due

if TYPE_CHECKING:
    from conf.settings import Settings
    from flows.call import Runtime
    from flows.worker_lanes import Lane
    from flows.worker_rows import WorkerId


class TwoWayLane:
    """Looks whenever a run has ended or begun, and by the poll."""

    def __init__(self, settings: Settings, worker: WorkerId, beside: Runtime, *, keeps_time: bool) -> None:
        self.owner = worker.lane("two-way")
        self._settings = settings
        self._beside = beside
        self._keeps_time = keeps_time

    async def body(self, lane: Lane) -> None:
        async with running(self._settings, beside=self._beside) as runtime:

            async def work() -> bool:
                runtime.project.refresh()
                if self._keeps_time:
                    await do_due(runtime)
                return await advance_all(runtime, self.owner) > 0

            await lane.repeat(work)
