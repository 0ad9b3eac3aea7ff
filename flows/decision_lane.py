"""The lane of a worker that applies approved requests, whatever a run is doing meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conf.settings import Settings
    from flows.call import Runtime
    from flows.worker_lanes import Lane
    from flows.worker_rows import WorkerId


class DecisionLane:
    """Drains approved requests and keeps what Prefect shows of processes in step."""

    def __init__(
        self, settings: Settings, worker: WorkerId, beside: Runtime, api: str | None, *, once: bool
    ) -> None:
        self.owner = worker.lane("decisions")
        self._settings = settings
        self._beside = beside
        self._api = api
        self._once = once

    async def body(self, lane: Lane) -> None:
        """Work until the lane is told to stop, or, with `once`, until nothing is left."""
        while not self._once and not lane.stopping:
            await lane.rest()
