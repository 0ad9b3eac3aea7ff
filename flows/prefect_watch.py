"""Watches over the Prefect server: schedules in step, due slots taken in, what it shows put right.

Nothing here is imported from Prefect before the worker has loaded it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from flows.schedules import all_jobs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flows.call import Runtime
    from flows.prefect_client import Deployments
    from flows.prefect_server import PrefectServer
    from flows.schedules import Job
    from flows.worker_lanes import Lane

AWAY_SECONDS = 1.0
"""Pause before asking a server that did not answer once more."""
REFRESH_SECONDS = 2.0
"""How often the project folder is looked at for changes."""
LOOK_SECONDS = 15.0
"""How often due runs are asked for when no slot is near."""
WHOLE_SECONDS = 60.0
"""How often everything is compared, heard of a change or not."""

_LOG = logging.getLogger(__name__)


class PrefectWatch:
    """One worker's view of the Prefect server."""

    def __init__(self, server: PrefectServer, worker: str) -> None:
        self._server = server
        self._worker = worker
        self._compared = float("-inf")
        self._looked = float("-inf")
        self._known: tuple[int, Mapping[str, Job]] | None = None
        self._next_slot: int | None = None
        self.state = "away"
        """`ok` or `away`: what was last seen."""

    async def watch(self, lane: Lane, runtime: Runtime) -> None:
        """Go on until the lane is told to stop."""
        deployments: Deployments | None = None
        while not lane.stopping:
            if not self._server.loaded:
                await lane.rest(AWAY_SECONDS)
                continue
            if not await self._server.answers():
                if self.state == "ok":
                    _LOG.warning("the Prefect server does not answer; runs go on without it")
                self.state, self._compared, self._looked = "away", float("-inf"), float("-inf")
                if deployments is not None:
                    deployments.forget()
                await lane.rest(AWAY_SECONDS)
                continue
            deployments = deployments or _deployments(self._worker)
            try:
                await self._look(runtime, deployments)
            except Exception:
                # what was not done is done at the next look
                _LOG.warning("the Prefect server could not be brought up to date", exc_info=True)
                await lane.rest(AWAY_SECONDS)
            else:
                self.state = "ok"
                await lane.rest(self._pause(runtime.clock()))

    def changed(self) -> None:
        """A schedule has changed: compare at the next look."""
        self._compared = float("-inf")

    async def _look(self, runtime: Runtime, deployments: Deployments) -> None:
        from flows.prefect_client import connected, server_at  # noqa: PLC0415
        from flows.prefect_runs import settle  # noqa: PLC0415
        from flows.prefect_schedules import deliver, keep_in_step  # noqa: PLC0415

        loop = asyncio.get_running_loop()
        jobs = await self._jobs(runtime)
        now = runtime.clock()
        whole = loop.time() - self._compared >= WHOLE_SECONDS
        due = self._next_slot is not None and self._next_slot <= now
        if not (whole or due or loop.time() - self._looked >= LOOK_SECONDS):
            return
        with server_at(self._server.api):
            async with connected() as client:
                if whole:
                    await keep_in_step(client, deployments, runtime, jobs)
                    await settle(client, deployments, runtime)
                    self._compared = loop.time()
                await deployments.beat(client)
                await deliver(client, deployments, runtime, jobs)
        self._looked = loop.time()
        self._next_slot = _next(jobs, now)

    async def _jobs(self, runtime: Runtime) -> Mapping[str, Job]:
        """The schedules as they stand; a change asks for a comparison."""
        runtime.project.refresh()
        async with runtime.database.read() as tx:
            jobs = await all_jobs(tx, runtime.project)
        seen = (runtime.project.generation, jobs)
        if seen != self._known:
            self._known, self._compared = seen, float("-inf")
        return jobs

    def _pause(self, now: int) -> float:
        if self._next_slot is None:
            return REFRESH_SECONDS
        return max(0.05, min(REFRESH_SECONDS, (self._next_slot - now) / 1000 + 0.05))


def _next(jobs: Mapping[str, Job], now: int) -> int | None:
    """When the next slot of any schedule is due."""
    return min((when for job in jobs.values() for when in job.due_after(now)), default=None)


def _deployments(worker: str) -> Deployments:
    from flows.prefect_client import Deployments  # noqa: PLC0415

    return Deployments(worker)
