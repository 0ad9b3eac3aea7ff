"""A process as a Prefect flow: suspended while a person decides, carried out in the worker when it is resumed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID

import httpx
from prefect import Flow, Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import Abort, ObjectNotFound, Pause, PrefectException, PrefectHTTPStatusError
from prefect.flow_engine import run_flow_async
from prefect.flow_runs import asuspend_flow_run
from prefect.input import RunInput
from prefect.states import Cancelled, Completed, Failed, Pending, Scheduled
from pydantic import create_model

from approvals.definitions import FieldType, FormField, UserTask
from approvals.states import Outcome, TaskStatus
from flows import procedure
from flows.flow_runs import Driven, Ending, PrefectAway, Resumption, pause_key

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.responses import OrchestrationResult

    from approvals import records
    from flows.procedure import Work
    from flows.process import ProcessDefinition

ANSWER_SECONDS: Final = 10.0
"""Longest wait for one answer of the server."""

_WORK: ContextVar[Work] = ContextVar("process_work")
_FAILURES: ContextVar[list[Exception]] = ContextVar("process_failures")


class PrefectProcessShell:
    """A Prefect flow run: waiting suspends it, each step is a task run."""

    async def until_decided(self, task: records.Task, declared: UserTask) -> None:
        context = FlowRunContext.get()
        if context is None or context.flow_run is None:
            raise RuntimeError("not inside a flow run")
        key = pause_key(task.seq)
        suspended_before = key in (context.flow_run.empirical_policy.pause_keys or ())
        # decided in an earlier run of this process: nothing to wait for, and no input to read
        if task.status is TaskStatus.OPEN or suspended_before:
            async with answered():
                # a run that a worker had to take back may have gone on without its form: that decides nothing either
                await asuspend_flow_run(
                    wait_for_input=form_input(declared, strict=not suspended_before), key=key
                )

    async def step(self, name: str, act: Callable[[], Awaitable[Any]]) -> Any:
        answers: list[Any] = []

        async def carry_out() -> None:
            # kept out of the task's result: Prefect's database is no place for data
            answers.append(await act())

        await Task(
            carry_out, name=name, task_run_name=name, persist_result=False, cache_policy=NO_CACHE, retries=0
        )()
        return answers[0]


def form_input(declared: UserTask, *, strict: bool = True) -> type[RunInput]:
    """The form of a task as the input that Prefect's own page asks for; otherwise whatever was left there."""
    fields: dict[str, Any] = {
        field.id: (_input_type(field), ... if field.required else field.default) if strict else (Any, None)
        for field in declared.form
        if field.writable
    }
    name = declared.key[:1].upper() + declared.key[1:]
    return create_model(name, __base__=RunInput, **fields)


def _input_type(field: FormField) -> Any:
    choices: Any = str
    if field.type is FieldType.ENUM:
        choices = Literal[tuple(field.values)]
    elif field.type is FieldType.BOOLEAN:
        choices = Literal["true", "false"]
    return choices if field.required else choices | None


def as_flow(definition: ProcessDefinition) -> Flow[[int], Any]:
    """The process as a flow of one parameter, the number of the process instance."""

    async def carry_out(process: int) -> State[Any]:
        work = _WORK.get(None)
        if work is None:
            raise RuntimeError("Processes are carried out by `recon worker`, not by a worker of Prefect's")
        try:
            outcome = await procedure.carry_out(work, definition.procedure, process)
        except procedure.AskedAgain as again:
            return Failed(message=str(again))
        except Exception as error:
            _FAILURES.get().append(error)
            raise
        return shown(Ending(outcome, f"Process instance {process}: {outcome}"))

    return Flow(
        carry_out,
        name=definition.key,
        description=definition.declaration.description or definition.declaration.name,
        persist_result=True,
        validate_parameters=False,
        retries=0,
    )


def shown(ending: Ending) -> State[Any]:
    """An ending as a state of Prefect's, named by the outcome."""
    match ending.outcome:
        case Outcome.APPROVED | Outcome.REJECTED | Outcome.COMPLETED | Outcome.STALE:
            return Completed(name=ending.outcome.capitalize(), message=ending.message)
        case Outcome.FAILED:
            return Failed(message=ending.message)
        case Outcome.SUPERSEDED | Outcome.DELETED:
            return Cancelled(name=ending.outcome.capitalize(), message=ending.message)
        case None:
            return Cancelled(name="Replaced", message=ending.message)


async def drive(
    client: PrefectClient,
    resumption: Resumption,
    flow: Flow[[int], Any],
    work: Work,
    failures: list[Exception],
) -> Driven:
    """Resume a flow run, take hold of it, and run its flow in this event loop.

    What the procedure itself raised is added to `failures`: Prefect shows it, and does not pass it on.
    """
    id = UUID(resumption.flow_run_id)
    ready = await _make_ready(client, id, resumption)
    if ready is not None:
        return ready
    flow_run = await client.read_flow_run(id)
    token = _WORK.set(replace(work, shell=PrefectProcessShell()))
    failed = _FAILURES.set(failures)
    try:
        await run_flow_async(
            flow, flow_run=flow_run, parameters={"process": resumption.process}, return_type="state"
        )
    except (Pause, Abort):
        return Driven.DONE
    finally:
        _FAILURES.reset(failed)
        _WORK.reset(token)
    return Driven.DONE


async def _make_ready(client: PrefectClient, id: UUID, resumption: Resumption) -> Driven | None:
    """Bring a flow run to Pending, which one of several workers achieves; None when it was this one."""
    try:
        state = (await client.read_flow_run(id)).state
    except ObjectNotFound:
        return Driven.GONE
    if state is None or state.is_final():
        return Driven.GONE
    if state.is_paused():
        await client.resume_flow_run(id, run_input=dict(resumption.answers))
    elif not state.is_scheduled() and datetime.now(UTC) - state.timestamp < resumption.patience:
        return Driven.TAKEN
    if not state.is_scheduled() and not await _is_scheduled(client, id):
        # left by a worker that died, or its form has changed since: the decision in our store is what counts
        await client.set_flow_run_state(id, Scheduled(name="AwaitingRetry"), force=True)
    answer: OrchestrationResult[Any] = await client.set_flow_run_state(id, Pending())
    return None if answer.status.value == "ACCEPT" else Driven.TAKEN


async def _is_scheduled(client: PrefectClient, id: UUID) -> bool:
    state = (await client.read_flow_run(id)).state
    return state is not None and state.is_scheduled()


@asynccontextmanager
async def answered(seconds: float | None = ANSWER_SECONDS) -> AsyncIterator[None]:
    """Turn whatever shows that the server does not answer into PrefectAway."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (httpx.TransportError, TimeoutError) as error:
        raise PrefectAway(str(error) or type(error).__name__) from error
    except (httpx.HTTPStatusError, PrefectHTTPStatusError) as error:
        if error.response.status_code < 500:
            raise
        raise PrefectAway(str(error)) from error
    except PrefectException as error:
        raise PrefectAway(str(error)) from error
