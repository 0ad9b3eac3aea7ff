"""A worker: claims runs and approved requests and carries them out; several may work on one store.

Three kinds of thread, each with an event loop and a database of its own: this one keeps leases and hears wakes, the
lanes for runs do one run each, the lane for decisions applies approvals whatever a run is doing. Beside them one
watches over the Prefect server. A worker that dies, or hangs longer than its lease, has its runs taken over; what it
still writes afterwards is refused, because every write names the token of its claim.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from conf.errors import ReconError
from flows.decision_lane import DecisionLane
from flows.notification_lane import NotificationLane
from flows.prefect_environment import api_address
from flows.prefect_server import PrefectServer
from flows.prefect_watch import PrefectWatch
from flows.reports.notify import tell_due
from flows.right_of_way import RightOfWay
from flows.run_lane import RunLane
from flows.runtime import running
from flows.scheduled_lane import ScheduledLane
from flows.store import runs, workers
from flows.store.workers import WorkerRow
from flows.two_way_lane import TwoWayLane
from flows.wake import WakeSocket
from flows.wake_postgres import hear_notifications
from flows.worker_lanes import Lane
from flows.worker_rows import WorkerId, clock, lapse_dead, pull_in

if TYPE_CHECKING:
    from conf.settings import Settings
    from flows.call import Runtime

DRAIN_SECONDS = 10.0
"""How long a worker that was told to stop may take for the page or decision that it is at."""

_LOG = logging.getLogger(__name__)

Executor = Literal["prefect", "embedded"]


async def work(
    settings: Settings,
    *,
    executor: Executor | None = None,
    once: bool = False,
    stop: asyncio.Event | None = None,
) -> None:
    """Work until SIGTERM, SIGINT or `stop`; with `once`, until no run and no approved request is left to do.

    Ends within some ten seconds: a page under way is finished, its run released for others. What cannot start
    (a project or database that cannot be used) raises ReconError.
    """
    async with running(settings) as runtime:
        worker = _Worker(runtime, executor or settings.executor, once)
        await lapse_dead(runtime.database, worker.id.host)
        with _signals(worker.stop_asked), hear_notifications(runtime, worker.heard):
            await worker.run(stop)


@dataclass
class _Worker:
    runtime: Runtime
    executor: Executor
    once: bool

    def __post_init__(self) -> None:
        settings = self.runtime.settings
        self.id = WorkerId()
        self.stop_asked = asyncio.Event()
        self.started_at = self.runtime.clock()
        self._lease_ms = round(settings.lease_seconds * 1000)
        self.server = PrefectServer(api_address(settings)) if self.executor == "prefect" else None
        self.right_of_way = RightOfWay()
        self.runs = [
            RunLane(
                settings, self.id, number + 1, self.runtime, self.server, self.right_of_way, once=self.once
            )
            for number in range(settings.run_workers)
        ]
        self.watch = PrefectWatch(self.server, str(self.id)) if self.server and not self.once else None
        decisions = DecisionLane(
            settings, self.id, self.runtime, self.server, self.right_of_way, once=self.once
        )
        poll = settings.poll_seconds
        self._run_lanes = [Lane(one.name, poll, one.body) for one in self.runs]
        self._decision_lanes = [Lane("decisions", poll, decisions.body)] if settings.decision_workers else []
        self._watch_lanes = [Lane("prefect", poll, self._watch_body)] if self.watch else []
        live = ScheduledLane(settings, self.runtime)
        two_way = TwoWayLane(settings, self.id, self.runtime, keeps_time=self.server is None)
        self._two_way_lanes = [] if self.once else [Lane("two-way", poll, two_way.body)]
        self._live_lanes = [] if self.once else [Lane("liveSync", poll, live.body)]
        told = NotificationLane(settings, self.runtime)
        self._told_lanes = [] if self.once else [Lane("notifications", poll, told.body)]

    @property
    def lanes(self) -> list[Lane]:
        return [
            *self._run_lanes,
            *self._decision_lanes,
            *self._watch_lanes,
            *self._live_lanes,
            *self._told_lanes,
            *self._two_way_lanes,
        ]

    async def run(self, stop: asyncio.Event | None) -> None:
        sockets = WakeSocket(self.runtime.settings.data, str(self.id), self.heard)
        await self._beat()
        if self.server is not None:
            self.server.load()
        for lane in self.lanes:
            lane.start()
        await sockets.open()
        _LOG.info("worker started", extra={"worker": str(self.id), "executor": self.executor})
        try:
            await self._until_stopped(stop)
            if self.once:
                await tell_due(self.runtime)
        finally:
            sockets.close()
            await self._drain()
            await self._leave()

    def heard(self, what: str) -> None:
        """There is a new run, an approved request, or a schedule that changed."""
        lanes = {
            "run": [*self._run_lanes, *self._two_way_lanes],
            "intent": self._decision_lanes,
            "schedule": [*self._watch_lanes, *self._live_lanes, *self._two_way_lanes],
        }
        if what == "schedule" and self.watch is not None:
            self.watch.changed()
        if what == "intent" and self._decision_lanes:
            self.right_of_way.take()
        for lane in lanes.get(what, self.lanes):
            lane.wake()

    async def _until_stopped(self, stop: asyncio.Event | None) -> None:
        """Keep leases and the worker's own row until told to stop, or until a lane has ended."""
        waiting = [
            asyncio.create_task(event.wait()) for event in (self.stop_asked, stop) if event is not None
        ]
        try:
            while not any(task.done() for task in waiting):
                await asyncio.wait(waiting, timeout=self._beat_seconds, return_when=asyncio.FIRST_COMPLETED)
                await self._beat()
                if not any(lane.alive for lane in self.lanes):
                    return
                for lane in self.lanes:
                    if lane.failure is not None:
                        raise lane.failure
        finally:
            for task in waiting:
                task.cancel()

    @property
    def _beat_seconds(self) -> float:
        """A third of a lease, so that two beats may fail; `once` looks more often whether it is done."""
        return 0.2 if self.once else self.runtime.settings.lease_seconds / 3

    async def _beat(self) -> None:
        """Renew the leases of what the lanes hold, and say that we are alive."""
        try:
            async with self.runtime.database.write() as tx:
                now = await clock(tx)
                await pull_in(tx, now, self._lease_ms)
                for lane in self.runs:
                    if (held := lane.held) is not None:
                        ids = await runs.renew(tx, lane.owner, now, now + self._lease_ms)
                        lane.renewed(held, ids)
                await workers.seen(tx, self._row(now))
        except ReconError as error:
            _LOG.warning("leases could not be renewed: %s", error.message)

    def _row(self, now: int) -> WorkerRow:
        prefect = self.watch.state if self.watch else ""
        return WorkerRow(
            str(self.id), self.started_at, now, self.id.host, self.id.pid, self.executor, prefect
        )

    async def _drain(self) -> None:
        """Let each lane finish what it is at, renewing leases meanwhile."""
        for lane in self.lanes:
            lane.stop()
        deadline = asyncio.get_running_loop().time() + DRAIN_SECONDS
        while (left := [lane for lane in self.lanes if lane.alive]) and (
            asyncio.get_running_loop().time() < deadline
        ):
            await asyncio.to_thread(left[0].ended, 0.1)
        for lane in left:
            _LOG.warning("%s did not end in time; another worker goes on with what it holds", lane.name)

    async def _leave(self) -> None:
        """Offer what we still hold to others, and take our name off the list."""
        try:
            async with self.runtime.database.write() as tx:
                for lane in self.runs:
                    await runs.release_owner(tx, lane.owner)
                await workers.delete(tx, str(self.id))
        except ReconError as error:
            _LOG.warning("the worker could not take its leave: %s", error.message)
        _LOG.info("worker stopped", extra={"worker": str(self.id)})

    async def _watch_body(self, lane: Lane) -> None:
        if self.watch is None:
            return
        async with running(self.runtime.settings, beside=self.runtime) as runtime:
            await self.watch.watch(lane, runtime)


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """SIGTERM and Ctrl-C ask to stop; only the main thread of a process may listen for them."""
    loop = asyncio.get_running_loop()
    heard: list[signal.Signals] = []
    try:
        for sent in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sent, stop.set)
            heard.append(sent)
    except (RuntimeError, ValueError):
        _LOG.debug("not in the main thread: signals are left alone")
    try:
        yield
    finally:
        for sent in heard:
            loop.remove_signal_handler(sent)
