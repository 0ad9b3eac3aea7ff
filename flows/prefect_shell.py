"""A run as Prefect shows it: one flow run of the mapping's deployment, one task run for each step.

Prefect is given the run's id and the names of its steps, never data. What it says about a run decides nothing:
our own row does, and a run whose row is ended is ended, whatever became of its flow run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from prefect import Task, flow
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import Abort
from prefect.flow_engine import run_flow_async
from prefect.states import Cancelled, Completed, Failed, Pending, Scheduled

from conf.terms import RunState
from flows.prefect_client import FLOW, slug
from flows.shell import Report

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import OrchestrationResult

T = TypeVar("T")

REPORT_SECONDS = 5.0
"""Longest wait for an artifact at the end of a run."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Conclusion:
    """How a run ended, in words; `state` is ACTIVE when another worker goes on with it."""

    state: RunState
    message: str

    def shown(self) -> State[Any]:
        """The same as a state of Prefect's."""
        match self.state:
            case RunState.SUCCESS:
                return Completed(message=self.message)
            case RunState.CANCELED:
                return Cancelled(message=self.message)
            case RunState.FAILED:
                return Failed(message=self.message)
            case RunState.ACTIVE:
                return Scheduled(name="AwaitingRetry", message=self.message)


@dataclass
class Work:
    """What the flow is to do, handed over inside the process: it is no business of the server's."""

    mapping: str
    carry_out: Callable[[PrefectShell], Awaitable[Conclusion | None]]
    """Answers None when the run is somebody else's now."""
    before_step: Callable[[], Awaitable[None]]
    client: PrefectClient
    began: bool = False
    lost: bool = False


_WORK: ContextVar[Work] = ContextVar("work")


class PrefectShell:
    """Shows each step as a task run, and progress and result as artifacts."""

    def __init__(self, work: Work, flow_run: UUID) -> None:
        self._work = work
        self._client = client = work.client
        self._mapping = mapping = work.mapping
        self.reported = False
        self.flow_run = flow_run
        self._progress = _Progress(client, flow_run, mapping)

    async def step(self, name: str, act: Callable[[], Awaitable[T]]) -> T:
        await self._work.before_step()
        answers: list[T] = []

        async def carry_out() -> None:
            # kept out of the task's answer, which Prefect would look through for states and futures
            answers.append(await act())

        await Task(
            carry_out, name=name, task_run_name=name, persist_result=False, cache_policy=NO_CACHE, retries=0
        )()
        return answers[0]

    async def progress(self, fraction: float | None, text: str) -> None:
        if fraction is not None:
            self._progress.show(max(0.0, min(1.0, fraction)), text)

    async def report(self, title: str, markdown: str, link: str) -> None:
        self.reported = True
        await publish(self._client, self.flow_run, self._mapping, Report(title, markdown, link))

    async def close(self) -> None:
        """Wait for the last figure of progress."""
        await self._progress.close()


class _Progress:
    """The progress artifact of a run; the newest figure wins, and nobody waits for the server."""

    def __init__(self, client: PrefectClient, flow_run: UUID, mapping: str) -> None:
        self._client = client
        self._flow_run = flow_run
        self._key = f"{slug(mapping)}-progress"
        self._next: tuple[float, str] | None = None
        self._artifact: UUID | None = None
        self._sender: asyncio.Task[None] | None = None

    def show(self, fraction: float, text: str) -> None:
        self._next = (fraction, text)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send())

    async def close(self) -> None:
        if self._sender is not None:
            done, _ = await asyncio.wait({self._sender}, timeout=REPORT_SECONDS)
            if not done:
                self._sender.cancel()

    async def _send(self) -> None:
        try:
            while self._next is not None:
                (fraction, text), self._next = self._next, None
                await self._write(round(fraction * 100, 1), text)
        except Exception:
            _LOG.debug("the progress of a run could not be shown in Prefect", exc_info=True)

    async def _write(self, percent: float, text: str) -> None:
        if self._artifact is not None:
            update = ArtifactUpdate(data=percent, description=text)
            await self._client.update_artifact(self._artifact, update)
            return
        made = await self._client.create_artifact(
            ArtifactCreate(
                type="progress", key=self._key, description=text, data=percent, flow_run_id=self._flow_run
            )
        )
        self._artifact = made.id


async def publish(client: PrefectClient, flow_run: UUID, mapping: str, report: Report) -> None:
    """Attach the result to a flow run; a server that does not take it loses it, not the run."""
    made = ArtifactCreate(
        type="markdown",
        key=f"{slug(mapping)}-result",
        description=report.title,
        data=report.page,
        flow_run_id=flow_run,
    )
    try:
        async with asyncio.timeout(REPORT_SECONDS):
            await client.create_artifact(made)
    except Exception:
        _LOG.warning("the result of a run could not be shown in Prefect", exc_info=True)


@flow(name=FLOW, persist_result=False, validate_parameters=False, retries=0)
async def recon(run_id: str) -> State[Any]:
    """One reconciliation of one mapping, page by page."""
    work = _WORK.get(None)
    if work is None:
        raise RuntimeError(f"Run {run_id} is carried out by `recon worker`, not by a worker of Prefect's")
    work.began = True
    shell = PrefectShell(work, flow_run_id())
    try:
        conclusion = await work.carry_out(shell)
    finally:
        await shell.close()
    if conclusion is None or conclusion.state is RunState.ACTIVE:
        # ends here without a state of the flow run: whoever goes on with the run writes it
        work.lost = conclusion is None
        raise Abort("another worker goes on")
    return conclusion.shown()


def flow_run_id() -> UUID:
    """The flow run that this code runs in."""
    found = FlowRunContext.get()
    if found is None or found.flow_run is None:
        raise RuntimeError("not inside a flow run")
    return found.flow_run.id


class Refused(Exception):
    """The server would not let this flow run start."""


async def drive(work: Work, flow_run: FlowRun, run_id: str) -> None:
    """Take hold of a flow run and carry the work out inside it.

    The caller holds the lease of the run, so whoever was at this flow run before is dead or superseded.
    `work.began` tells a caller that catches an error whether the work itself has begun.
    """
    client = work.client
    if flow_run.state is None or not flow_run.state.is_scheduled():
        left = Conclusion(RunState.ACTIVE, "Another worker goes on")
        await client.set_flow_run_state(flow_run.id, left.shown(), force=True)
    answer: OrchestrationResult[Any] = await client.set_flow_run_state(flow_run.id, Pending())
    if answer.status.value != "ACCEPT":
        raise Refused(f"Prefect answered {answer.status.value} for flow run {flow_run.id}")
    claimed = await client.read_flow_run(flow_run.id)
    token = _WORK.set(work)
    try:
        await run_flow_async(recon, flow_run=claimed, parameters={"run_id": run_id}, return_type="state")
    except Abort:
        if not work.lost:
            await release(client, flow_run.id)
    finally:
        _WORK.reset(token)


async def release(client: PrefectClient, flow_run: UUID) -> None:
    """Offer a flow run that we leave to whoever takes the run next."""
    current = await client.read_flow_run(flow_run)
    if current.state is not None and current.state.is_running():
        left = Conclusion(RunState.ACTIVE, "The worker stopped; another one goes on")
        await client.set_flow_run_state(flow_run, left.shown(), force=True)
