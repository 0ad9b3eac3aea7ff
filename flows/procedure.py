"""Carrying out the procedure of a process: from the top each time, with what was decided and done before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from approvals import catalogue, instances, intents, records
from approvals.closing import close_process
from approvals.definitions import UserTask
from approvals.errors import UnknownInstance
from approvals.records import Task
from approvals.states import IntentState, Outcome, TaskStatus, Verdict
from approvals.wire import STEPS
from conf.errors import Forbidden
from flows.apply_intent import Applied, Changes, apply_intent

if TYPE_CHECKING:
    from conf.database import Transaction
    from flows.apply_intent import PerformAction
    from flows.call import Runtime


class Waiting(BaseException):
    """A person has to decide first; the procedure is left, and runs again from the top afterwards."""


class AskedAgain(BaseException):
    """What was approved could not be carried out, and a successor task asks again."""

    def __init__(self, applied: Applied) -> None:
        super().__init__(applied.message)
        self.applied = applied


class ProcessShell(Protocol):
    """What a procedure runs in: the worker alone, or a Prefect flow run."""

    async def until_decided(self, task: Task, declared: UserTask) -> None:
        """Return when the task is decided; otherwise leave the procedure (Waiting, or Prefect's own way)."""
        ...

    async def step(self, name: str, act: Callable[[], Awaitable[Any]]) -> Any:
        """Do a step that was not done before."""
        ...


class EmbeddedProcessShell:
    """The worker alone."""

    async def until_decided(self, task: Task, declared: UserTask) -> None:
        if task.status is TaskStatus.OPEN:
            raise Waiting(f"task {task.seq} ({declared.name})")

    async def step(self, name: str, act: Callable[[], Awaitable[Any]]) -> Any:
        return await act()


@dataclass(frozen=True)
class Evaluation:
    """What a person decided."""

    verdict: Verdict
    by: str
    at: int
    form: Mapping[str, str]
    comment: str | None

    @property
    def approved(self) -> bool:
        return self.verdict is Verdict.APPROVED


@dataclass(frozen=True)
class Effect:
    """What came of an approved action: carried out, or not because the situation had changed."""

    applied: bool
    message: str | None
    target_id: str | None


@dataclass(frozen=True)
class Work:
    """What carrying out a procedure needs, beside the procedure."""

    runtime: Runtime
    shell: ProcessShell
    tokens: Mapping[int, int] = field(default_factory=dict)
    """Of the intents that this worker has claimed: number -> token."""
    perform: PerformAction | None = None


class Process:
    """A process under way, as its procedure sees it."""

    def __init__(self, work: Work, row: records.Process) -> None:
        self.id = row.seq
        self.variables: Mapping[str, Any] = {
            name: value for name, value in row.variables.items() if name != STEPS
        }
        """`mapping`, `situation`, `action`, `sourceId` and so on, and the answers of earlier forms."""
        self._work = work
        self._row = row
        self._asked: Counter[str] = Counter()
        self._last: Task | None = None

    async def evaluate(self, task_key: str) -> Evaluation:
        """Ask for a decision and wait for it. Called twice with one key, it asks twice."""
        nth = self._asked[task_key]
        self._asked[task_key] += 1
        task = await self._task(task_key, nth)
        await self._work.shell.until_decided(task, await self._declared(task))
        async with self._work.runtime.database.read() as tx:
            task = await records.task(tx, task.seq)
            rows = await tx.fetch("select form from decision where task = ?", (task.seq,))
        if task.decision is None:
            # resumed by somebody who may not decide, or the process was ended meanwhile
            raise Forbidden(f"Task '{task.id}' is not decided: only its assignee or a candidate can do that")
        self._last = task
        form: dict[str, str] = orjson.loads(rows[0][0])
        self.variables = {**self.variables, **form}
        decision = task.decision
        return Evaluation(decision.verdict, decision.by, decision.at, form, decision.comment)

    async def perform_action(
        self,
        action: str | None = None,
        *,
        source_id: str | None = None,
        target_id: str | None = None,
        target_side: bool | None = None,
        any_situation: bool = False,
    ) -> Effect:
        """Carry out what was approved, as requested unless said otherwise, in one transaction.

        The situation is assessed anew; one that has changed refuses, unless any will do. When the situation is as
        expected and the act fails, a successor task asks again and the procedure is left.
        """
        if (
            self._last is None
            or self._last.decision is None
            or self._last.decision.verdict is not Verdict.APPROVED
        ):
            raise Forbidden(f"Process instance {self.id}: nothing was approved, so nothing can be performed")
        async with self._work.runtime.database.read() as tx:
            orders = [
                order for order in await intents.of_process(tx, self.id) if order.task == self._last.seq
            ]
        changes = Changes(action, source_id, target_id, target_side, any_situation)
        applied = await apply_intent(
            self._work.runtime,
            orders[0].seq,
            token=self._work.tokens.get(orders[0].seq),
            perform=self._work.perform,
            changes=changes,
        )
        if applied.state is IntentState.FAILED:
            raise AskedAgain(applied)
        return Effect(applied.state is IntentState.APPLIED, applied.message, applied.target_id)

    async def step(self, name: str, act: Callable[[], Awaitable[Any]]) -> Any:
        """Do something once: its answer (JSON) is remembered under its name when the procedure runs again.

        A crash in the middle of it does it again, so let it be something that may happen twice.
        """
        async with self._work.runtime.database.read() as tx:
            done = (await records.process(tx, self.id)).variables.get(STEPS, {})
        if name in done:
            return done[name]
        answer = orjson.loads(orjson.dumps(await self._work.shell.step(name, act)))
        async with self._work.runtime.database.write() as tx:
            variables = (await records.process(tx, self.id)).variables
            kept = {**variables, STEPS: {**variables.get(STEPS, {}), name: answer}}
            await tx.run(
                "update process_instance set variables = ? where seq = ?",
                (orjson.dumps(kept).decode(), self.id),
            )
        return answer

    async def _task(self, task_key: str, nth: int) -> Task:
        async with self._work.runtime.database.read() as tx:
            asked = asked_for(await records.tasks_of(tx, [self.id]), task_key)
        if nth < len(asked):
            return asked[nth]
        now = self._work.runtime.clock()
        async with self._work.runtime.database.write() as tx:
            row = await records.process(tx, self.id)
            if not row.open:
                raise UnknownInstance(row.id)
            asked = asked_for(await records.tasks_of(tx, [self.id]), task_key)
            if nth < len(asked):
                return asked[nth]
            await settle_orders(tx, self.id, now, f"Went on to '{task_key}'")
            return await records.task(tx, await instances.open_task(tx, row, task_key, now))

    async def _declared(self, task: Task) -> UserTask:
        async with self._work.runtime.database.read() as tx:
            published = await catalogue.by_seq(tx, [task.definition])
        return published[task.definition].declaration.task(task.task_key)


async def carry_out(
    work: Work, procedure: Callable[[Process], Awaitable[Any]], process: int
) -> Outcome | None:
    """Run the procedure of a process to its end, or to the next person; answers its outcome when it ended."""
    async with work.runtime.database.read() as tx:
        row = await records.process(tx, process)
    if row.open:
        await procedure(Process(work, row))
    now = work.runtime.clock()
    async with work.runtime.database.write() as tx:
        row = await records.process(tx, process)
        if row.open:
            await settle_orders(tx, process, now, "Nothing had to be performed")
            await close_process(tx, process, await outcome_of(tx, process), now)
            row = await records.process(tx, process)
    return Outcome(row.outcome) if row.outcome else None


async def outcome_of(tx: Transaction, process: int) -> Outcome:
    """How a process ends whose procedure has come to its end: as its last decision said, and what came of it."""
    decided = [task.decision for task in await records.tasks_of(tx, [process]) if task.decision is not None]
    if not decided or decided[-1].verdict is Verdict.COMPLETED:
        return Outcome.COMPLETED
    if decided[-1].verdict is Verdict.REJECTED:
        return Outcome.REJECTED
    return Outcome.STALE if decided[-1].intent == IntentState.STALE else Outcome.APPROVED


async def settle_orders(tx: Transaction, process: int, now: int, message: str) -> None:
    """Mark what earlier approvals ordered as done: the procedure has gone on."""
    for order in await intents.of_process(tx, process):
        if not order.state.is_final:
            await intents.settle(tx, order, IntentState.APPLIED, now, message=message)


def asked_for(tasks: list[Task], task_key: str) -> list[Task]:
    """The tasks of one key, one for each time the procedure asked: a successor stands for the one it replaced."""
    asked: list[Task] = []
    for task in tasks:
        if task.task_key != task_key:
            continue
        if asked and asked[-1].decision is not None and asked[-1].decision.intent == IntentState.FAILED:
            asked[-1] = task
        else:
            asked.append(task)
    return asked
