"""The lane that tells people of runs that have ended, and tries again what a mail server or channel did not take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.reports.notify import tell_due
from flows.runtime import running

if TYPE_CHECKING:
    from conf.settings import Settings
    from flows.call import Runtime
    from flows.worker_lanes import Lane


class NotificationLane:
    """Sends what is due, and looks again after a poll."""

    def __init__(self, settings: Settings, beside: Runtime) -> None:
        self._settings = settings
        self._beside = beside

    async def body(self, lane: Lane) -> None:
        async with running(self._settings, beside=self._beside) as runtime:

            async def work() -> bool:
                runtime.project.refresh()
                return await tell_due(runtime)

            await lane.repeat(work)
