"""Deciding: one decision per task, taken with everything that follows from it in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from approvals import catalogue, records
from approvals.closing import close_decided
from approvals.definitions import ProcessDeclaration, UserTask
from approvals.entitlement import Person, Separation, require_decision, require_separation, require_sight
from approvals.errors import UnknownTask
from approvals.events import Audit, task_event, unaudited
from approvals.forms import read_form, verdict
from approvals.intents import order_many
from approvals.records import Task
from approvals.states import Outcome, TaskStatus, Verdict, advance_task
from conf.database import Transaction
from conf.errors import BadRequest, ReconError
from conf.failpoints import failpoint

LONGEST_COMMENT: Final = 4000


@dataclass(frozen=True)
class Decided:
    """A decision that will stand once the transaction commits."""

    task: int
    process: int
    verdict: Verdict
    intent: int | None
    """The order to carry it out; only an approval makes one."""
    closed: bool
    """Nothing follows: the process ended with this decision."""


@dataclass(frozen=True)
class _Said:
    """What somebody may say and says about a task."""

    task: Task
    declaration: ProcessDeclaration
    verdict: Verdict
    answers: Mapping[str, str]
    comment: str | None

    @property
    def closes(self) -> bool:
        """Where the procedure is nothing but the decision, a rejection ends it; others go on and may ask further."""
        return self.verdict is Verdict.REJECTED and self.declaration.decides_only


async def complete(
    tx: Transaction,
    task_id: str | int,
    actor: Person,
    form: Any,
    now: int,
    comment: str | None = None,
    *,
    separation: Separation = Separation.OFF,
    audit: Audit = unaudited,
) -> Decided:
    """Decide a task. Only the declared, writable fields of `form` are read.

    Raises UnknownTask, TaskEnded (with who decided what and when), NotEntitled, NeedsAnother, BadRequest. The
    caller commits, and then wakes whoever carries it out.
    """
    (found,) = await complete_many(
        tx, [task_id], actor, form, now, comment, separation=lambda _: separation, audit=audit
    )
    if isinstance(found, ReconError):
        raise found
    return found


async def complete_many(
    tx: Transaction,
    task_ids: Sequence[str | int],
    actor: Person,
    form: Any,
    now: int,
    comment: str | None = None,
    *,
    separation: Callable[[Task], Separation],
    audit: Audit = unaudited,
) -> list[Decided | ReconError]:
    """Decide tasks, all with the same answers, in a few statements; one answer for each, in order.

    What `complete` would raise for a task is the answer to that task alone. No task may be named twice.
    """
    numbers = {id: id if isinstance(id, int) else records.number_of(id) for id in task_ids}
    tasks = {task.seq: task for task in await records.tasks(tx, filter(None, numbers.values()))}
    declared = await catalogue.by_seq(tx, {task.definition for task in tasks.values()})
    earlier = await _earlier(
        tx, [task for task in tasks.values() if separation(task) is Separation.FOUR_EYES]
    )
    refused: dict[int, ReconError] = {}
    said: dict[int, _Said] = {}
    for task in tasks.values():
        try:
            _require_right(task, actor, separation(task), earlier.get(task.process, ()))
            said[task.seq] = _read(task, declared[task.definition].declaration, form, comment)
        except ReconError as error:
            refused[task.seq] = error
    decided = await _decide(tx, said, actor, now, audit)
    answers: list[Decided | ReconError] = []
    for id, number in numbers.items():
        found = decided.get(number or 0) or refused.get(number or 0)
        if found is None:
            lost = tasks.get(number or 0)
            found = UnknownTask(str(id)) if lost is None else (await records.task(tx, lost.seq)).ended()
        answers.append(found)
    return answers


async def _decide(
    tx: Transaction, said: Mapping[int, _Said], actor: Person, now: int, audit: Audit
) -> dict[int, Decided]:
    """Take those that are still open, and write what follows from each."""
    taken = [said[seq] for seq in await _take(tx, sorted(said), actor, now)]
    failpoint("A5")
    await tx.run_many(
        "insert into decision (task, actor, verdict, form, comment, at) values (?, ?, ?, ?, ?, ?)",
        [
            (each.task.seq, actor.id, each.verdict, orjson.dumps(each.answers).decode(), each.comment, now)
            for each in taken
        ],
    )
    await tx.run_many(
        "update process_instance set variables = ? where seq = ?",
        [
            (orjson.dumps({**each.task.variables, **each.answers}).decode(), each.task.process)
            for each in taken
        ],
    )
    approved = [each.task for each in taken if each.verdict is Verdict.APPROVED]
    orders = await order_many(tx, approved, actor.id, now)
    await close_decided(tx, [each.task.process for each in taken if each.closes], Outcome.REJECTED, now)
    await audit(
        tx,
        [
            task_event(
                "complete_task", each.task.seq, "complete", "Task completed", actor.id, now,
                verdict=each.verdict, process=f"workflow/processinstance/{each.task.process}",
                reconId=each.task.recon_id,
            )
            for each in taken
        ],
    )  # fmt: skip
    failpoint("A6")
    return {
        each.task.seq: Decided(
            each.task.seq, each.task.process, each.verdict, orders.get(each.task.seq), each.closes
        )
        for each in taken
    }


def require_action(task: Task) -> None:
    """Raises BadRequest when the process does not say what to do: it was started by hand without that."""
    variables: Mapping[str, Any] = task.variables
    missing = [name for name in ("mapping", "action") if not variables.get(name)]
    if not (variables.get("sourceId") or variables.get("targetId")):
        missing.append("sourceId or targetId")
    if missing:
        raise BadRequest(
            f"Process instance {task.process} was started without {', '.join(missing)}: there is nothing to"
            " approve, it can only be rejected",
            detail={"missing": missing},
        )


def _require_right(task: Task, actor: Person, separation: Separation, earlier: Sequence[str]) -> None:
    require_sight(task, actor)
    if task.status is not TaskStatus.OPEN:
        raise task.ended()
    require_decision(task, actor)
    require_separation(task, actor, separation, earlier)


def _read(task: Task, declaration: ProcessDeclaration, form: Any, comment: Any) -> _Said:
    declared = declaration.task(task.task_key)
    answers = read_form(declared, form)
    found = verdict(declared, answers)
    if found is Verdict.APPROVED and declaration.decides_only:
        require_action(task)
    return _Said(task, declaration, found, answers, _comment(comment, declared, answers))


async def _earlier(tx: Transaction, tasks: Sequence[Task]) -> dict[int, list[str]]:
    """Who has decided before, by process."""
    rows = await tx.fetch(
        "select t.process, d.actor from decision d join task_instance t on t.seq = d.task"
        f" where t.process {tx.among_numbers}",
        (tx.numbers(sorted({task.process for task in tasks})),),
    )
    found: dict[int, list[str]] = {}
    for process, actor in rows:
        found.setdefault(process, []).append(actor)
    return found


async def _take(tx: Transaction, tasks: Sequence[int], actor: Person, now: int) -> list[int]:
    """Compare and set: whoever changes a row has decided, and a free task becomes theirs with it."""
    rows = await tx.fetch(
        "update task_instance set status = ?, ended_at = ?, delete_reason = 'completed', rev = rev + 1,"
        " claimed_at = case when coalesce(assignee, '') = '' then ? else claimed_at end,"
        " assignee = case when coalesce(assignee, '') = '' then ? else assignee end"
        f" where seq {tx.among_numbers} and status = ? returning seq",
        (
            advance_task(TaskStatus.OPEN, TaskStatus.COMPLETED),
            now,
            now,
            actor.id,
            tx.numbers(tasks),
            TaskStatus.OPEN,
        ),
    )
    return sorted(seq for (seq,) in rows)


def _comment(given: Any, declared: UserTask, answers: Mapping[str, str]) -> str | None:
    if given is None:
        return answers.get("comment") if declared.field("comment") else None
    if not isinstance(given, str) or len(given) > LONGEST_COMMENT or "\x00" in given:
        raise BadRequest(f"The comment must be a text of at most {LONGEST_COMMENT} characters")
    return given
