"""The lane of a worker that carries out runs, one at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from conf.errors import Unavailable
from conf.terms import Stage
from flows.collecting import collect_now
from flows.recon.closing import finish
from flows.reconcile import execute_run
from flows.runtime import running
from flows.shell import EmbeddedShell, Interrupted
from flows.store import runs
from flows.store.runs import LeaseLost
from flows.two_way.carrying import advance_all
from flows.worker_rows import WorkerId, clock
from flows.workflow_project import definitions_of

if TYPE_CHECKING:
    from conf.settings import Settings
    from flows.call import Runtime
    from flows.prefect_executor import PrefectExecutor
    from flows.prefect_server import PrefectServer
    from flows.right_of_way import RightOfWay
    from flows.shell import Shell
    from flows.store.run_rows import RunRow
    from flows.worker_lanes import Lane

STARTING_SECONDS: Final = 60.0
"""For so long after the worker's own start a Prefect server that has not answered yet may be starting, too."""
STARTS_SECONDS: Final = 5.0
"""How long a run waits for a server that is starting."""
LOADING_SECONDS: Final = 30.0
"""How long a run waits for Prefect to be imported where the server is there."""
WAIT_SECONDS: Final = 0.2
BETWEEN_GAPS_SECONDS: Final = 0.1
GAP_SECONDS: Final = 0.005
TAKEOVERS: Final = 50
"""A run that was taken up so often without ending kills its workers."""
POISONED: Final = (
    f"Workers have taken this run up {TAKEOVERS} times and none of them lived to end it; see their logs."
)
BROKEN: Final = "An unexpected error ended the run; the log of the worker has it."

LONG_SECONDS: Final = 1.0
"""A run that took longer has left enough behind to be worth collecting."""

_LOG = logging.getLogger(__name__)


@dataclass
class Held:
    """A run that this lane is at."""

    run_id: str
    token: int
    renewed_at: float = field(default_factory=time.monotonic)
    gave_way_at: float = field(default_factory=time.monotonic)
    lost: bool = False
    """The lease could not be renewed: another worker has the run, or will."""


class RunLane:
    """Claims runs and carries them out, through Prefect where it is there."""

    def __init__(
        self,
        settings: Settings,
        worker: WorkerId,
        number: int,
        beside: Runtime,
        server: PrefectServer | None,
        decisions: RightOfWay,
        *,
        once: bool,
    ) -> None:
        self.name = f"runs-{number}"
        self.owner = worker.lane(self.name)
        self.held: Held | None = None
        self._settings = settings
        self._worker = worker
        self._beside = beside
        self._server = server
        self._decisions = decisions
        self._once = once
        self._executor: PrefectExecutor | None = None
        self._seen = False
        self._started_at = time.monotonic()
        self._lease_ms = round(settings.lease_seconds * 1000)

    async def body(self, lane: Lane) -> None:
        """Work until the lane is told to stop, or, with `once`, until nothing is left."""
        async with running(self._settings, beside=self._beside) as runtime:

            async def one() -> bool:
                begun = time.monotonic()
                did = await self._one(lane, runtime)
                if not did and self._once:
                    lane.stop()
                if did and time.monotonic() - begun > LONG_SECONDS:
                    collect_now()
                return did

            await lane.repeat(one)

    async def _one(self, lane: Lane, runtime: Runtime) -> bool:
        run = await self._claim(runtime)
        if run is None:
            # with nobody else to do it, two-way runs are brought on between their stages
            return self._once and await advance_all(runtime, self.owner) > 0
        held = self.held = Held(run.id, run.token)
        _LOG.info("run taken", extra={"run": run.id, "mapping": run.mapping, "claim": run.token})

        async def before_step() -> None:
            await self._decisions.stand_aside()
            await self._give_way(runtime, held)
            await self._renew(runtime, held)
            if lane.stopping or held.lost:
                raise Interrupted

        async def carry_out(shell: Shell) -> RunRow | None:
            return await self._carry_out(runtime, run, shell)

        try:
            if run.token > TAKEOVERS:
                await finish(runtime, run.id, run.token, Stage.COMPLETED_FAILED, reason=POISONED)
                return True
            prefect = await self._prefect(lane)
            if prefect is None or not await prefect.execute(runtime, run, carry_out, before_step):
                await carry_out(EmbeddedShell(before_step))
        finally:
            self.held = None
        return True

    async def _prefect(self, lane: Lane) -> PrefectExecutor | None:
        """The way to Prefect, or None when it is away; one that is only starting is waited for a little."""
        if self._server is None:
            return None
        begun = time.monotonic()
        while not ((there := await self._server.answers()) and self._server.loaded):
            if self._executor is not None:
                self._executor.forget()
            waited = time.monotonic() - begun
            starting = not self._seen and begun - self._started_at < STARTING_SECONDS
            if lane.stopping or waited > (LOADING_SECONDS if there else STARTS_SECONDS if starting else 0):
                return None
            await asyncio.sleep(WAIT_SECONDS)
        self._seen = True
        if self._executor is None:
            from flows.prefect_executor import PrefectExecutor  # noqa: PLC0415 - imported by now

            self._executor = PrefectExecutor(self._server.api, str(self._worker))
        return self._executor

    async def _claim(self, runtime: Runtime) -> RunRow | None:
        async with runtime.database.read() as tx:
            offered = await runs.claimable(tx, await clock(tx))
        for id in offered:
            async with runtime.database.write() as tx:
                now = await clock(tx)
                if run := await runs.claim(tx, id, self.owner, now, now + self._lease_ms):
                    return run
        return None

    async def _carry_out(self, runtime: Runtime, run: RunRow, shell: Shell) -> RunRow | None:
        """Carry the run out and give it as it stands then: ended, or left for others; None when it is somebody else's."""
        try:
            runtime.project.refresh()
            await definitions_of(runtime)
            await execute_run(runtime, run.id, self.owner, run.token, shell)
        except LeaseLost:
            _LOG.warning("run lost to another worker", extra={"run": run.id})
            return None
        except Interrupted:
            await self._release(runtime, run, "the worker is stopping")
            return run
        except Unavailable as error:
            await self._release(runtime, run, error.message)
            raise
        except Exception:
            _LOG.exception("run failed unexpectedly", extra={"run": run.id})
        return await self._ended(runtime, run)

    async def _ended(self, runtime: Runtime, run: RunRow) -> RunRow | None:
        """The run as it stands; one that was left open is ended as failed, never left ACTIVE."""
        async with runtime.database.read() as tx:
            found = await runs.read(tx, run.id)
        if found is not None and not found.ended and found.token == run.token:
            await finish(runtime, run.id, run.token, Stage.COMPLETED_FAILED, reason=BROKEN)
            async with runtime.database.read() as tx:
                found = await runs.read(tx, run.id)
        if found is not None and found.ended:
            _LOG.info("run ended", extra={"run": run.id, "state": found.state.value, "reason": found.reason})
            return found
        return None

    async def _release(self, runtime: Runtime, run: RunRow, why: str) -> None:
        """Offer the run to others at once."""
        _LOG.info("run released", extra={"run": run.id, "reason": why})
        async with runtime.database.write() as tx:
            await runs.release_owner(tx, self.owner)
            tx.after_commit(lambda: runtime.wake("run"))

    async def _give_way(self, runtime: Runtime, held: Held) -> None:
        """Leave SQLite alone for a moment now and then: its waiting writers look for a gap, they do not queue."""
        if (
            runtime.database.dialect == "sqlite"
            and time.monotonic() - held.gave_way_at > BETWEEN_GAPS_SECONDS
        ):
            await asyncio.sleep(GAP_SECONDS)
            held.gave_way_at = time.monotonic()

    async def _renew(self, runtime: Runtime, held: Held) -> None:
        """Renew the lease between two steps.

        The worker's own beat does that too, but where pages follow each other closely it may wait long for its turn to
        write.
        """
        if (time.monotonic() - held.renewed_at) * 3000 < self._lease_ms:
            return
        async with runtime.database.write() as tx:
            now = await clock(tx)
            ids = await runs.renew(tx, self.owner, now, now + self._lease_ms)
        self.renewed(held, ids)

    def renewed(self, held: Held | None, ids: Collection[str]) -> None:
        """Takes the ids of the runs whose lease was renewed while `held` was held."""
        if held is None or held is not self.held:
            return
        held.renewed_at = time.monotonic()
        if held.run_id not in ids:
            held.lost = True
