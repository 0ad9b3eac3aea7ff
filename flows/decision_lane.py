"""The lane of a worker that carries out what was approved, whatever a run is doing meanwhile."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NoReturn

from flows.approval_loop import drain_intents, reconcile_flow_runs
from flows.flow_runs import PrefectAway
from flows.runtime import running

if TYPE_CHECKING:
    from conf.settings import Settings
    from flows.call import Runtime
    from flows.flow_runs import FlowRuns
    from flows.prefect_server import PrefectServer
    from flows.right_of_way import RightOfWay
    from flows.worker_lanes import Lane
    from flows.worker_rows import WorkerId

_LOG = logging.getLogger(__name__)


class DecisionLane:
    """Drains approved requests; beside that keeps what Prefect shows of processes in step."""

    def __init__(
        self,
        settings: Settings,
        worker: WorkerId,
        beside: Runtime,
        server: PrefectServer | None,
        right_of_way: RightOfWay,
        *,
        once: bool,
    ) -> None:
        self.owner = worker.lane("decisions")
        self._settings = settings
        self._beside = beside
        self._server = server
        self._right_of_way = right_of_way
        self._once = once
        self._prefect: FlowRuns | None = NotYet() if server else None
        self._showing: asyncio.Task[None] | None = None

    async def body(self, lane: Lane) -> None:
        """Work until the lane is told to stop, or, with `once`, until nothing is left."""
        async with running(self._settings, beside=self._beside) as runtime, AsyncExitStack() as stack:

            async def one() -> bool:
                await self._connect(lane, runtime, stack)
                did = 0
                try:
                    did = await drain_intents(runtime, self._prefect, self.owner)
                finally:
                    if not did:
                        self._right_of_way.give_back()
                if not did and self._once:
                    lane.stop()
                return did > 0

            try:
                await lane.repeat(one)
            finally:
                if self._showing is not None:
                    self._showing.cancel()
                    await asyncio.gather(self._showing, return_exceptions=True)

    async def _connect(self, lane: Lane, runtime: Runtime, stack: AsyncExitStack) -> None:
        """Use Prefect once it is imported and its server answers; from then on show processes there."""
        server = self._server
        if server is None or not isinstance(self._prefect, NotYet):
            return
        if not server.loaded or not await server.answers():
            return
        from flows.prefect_client import server_at  # noqa: PLC0415 - imported by now
        from flows.workflow_prefect import prefect_approvals  # noqa: PLC0415

        stack.enter_context(server_at(server.api))
        self._prefect = await stack.enter_async_context(prefect_approvals())
        self._showing = asyncio.create_task(self._show(lane, runtime, self._prefect))

    async def _show(self, lane: Lane, runtime: Runtime, prefect: FlowRuns) -> None:
        """Creating hundreds of flow runs takes many seconds, for which no decision waits."""
        while not lane.stopping:
            did = 0
            try:
                did = await reconcile_flow_runs(runtime, prefect)
            except Exception:
                # what was not done is done at the next look
                _LOG.warning("Prefect's picture of processes could not be brought up to date", exc_info=True)
            if not did:
                await asyncio.sleep(self._settings.poll_seconds)


class NotYet:
    """Stands for a Prefect server that has not answered since this worker started."""

    async def answers(self) -> bool:
        return False

    def forget(self) -> None:
        return

    async def _away(self, *_asked: object) -> NoReturn:
        raise PrefectAway("the Prefect server has not answered yet")

    suspend = start = states = stirring = suspended = close = carry_out = _away
