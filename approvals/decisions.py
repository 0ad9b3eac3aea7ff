"""Deciding: one decision per task, taken with everything that follows from it in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from approvals import catalogue, records
from approvals.closing import close_process
from approvals.definitions import ProcessDeclaration, UserTask
from approvals.entitlement import Person, Separation, require_decision, require_separation, require_sight
from approvals.events import Audit, task_event, unaudited
from approvals.forms import read_form, verdict
from approvals.intents import order
from approvals.records import Task
from approvals.states import Outcome, TaskStatus, Verdict, advance_task
from conf.database import Transaction
from conf.errors import BadRequest
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
    task = await records.task(tx, task_id)
    require_sight(task, actor)
    if task.status is not TaskStatus.OPEN:
        raise task.ended()
    require_decision(task, actor)
    if separation is not Separation.OFF:
        earlier = await tx.fetch(
            "select d.actor from decision d join task_instance t on t.seq = d.task where t.process = ?",
            (task.process,),
        )
        require_separation(task, actor, separation, [by for (by,) in earlier])
    declaration = (await catalogue.by_seq(tx, [task.definition]))[task.definition].declaration
    declared = declaration.task(task.task_key)
    answers = read_form(declared, form)
    said = verdict(declared, answers)
    if said is Verdict.APPROVED and declaration.decides_only:
        require_action(task)
    comment = _comment(comment, declared, answers)
    await _take(tx, task, actor, now)
    failpoint("A5")
    await tx.run(
        "insert into decision (task, actor, verdict, form, comment, at) values (?, ?, ?, ?, ?, ?)",
        (task.seq, actor.id, said, orjson.dumps(answers).decode(), comment, now),
    )
    await tx.run(
        "update process_instance set variables = ? where seq = ?",
        (orjson.dumps({**task.variables, **answers}).decode(), task.process),
    )
    intent = await order(tx, task, actor.id, now) if said is Verdict.APPROVED else None
    closed = await _close_rejected(tx, declaration, task, said, now)
    await audit(
        tx,
        [
            task_event(
                "complete_task", task.seq, "complete", "Task completed", actor.id, now,
                verdict=said, process=f"workflow/processinstance/{task.process}", reconId=task.recon_id,
            )
        ],
    )  # fmt: skip
    failpoint("A6")
    return Decided(task.seq, task.process, said, intent, closed)


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


async def _take(tx: Transaction, task: Task, actor: Person, now: int) -> None:
    """Compare and set: whoever changes the row has decided, and a free task becomes theirs with it."""
    free = not task.assignee
    changed = await tx.run(
        "update task_instance set status = ?, ended_at = ?, delete_reason = 'completed', assignee = ?,"
        " claimed_at = ?, rev = rev + 1 where seq = ? and status = ? and rev = ?",
        (
            advance_task(task.status, TaskStatus.COMPLETED),
            now,
            actor.id if free else task.assignee,
            now if free else task.claimed_at,
            task.seq,
            TaskStatus.OPEN,
            task.rev,
        ),
    )
    if changed != 1:
        raise (await records.task(tx, task.seq)).ended()


async def _close_rejected(
    tx: Transaction, declaration: ProcessDeclaration, task: Task, said: Verdict, now: int
) -> bool:
    """Where the procedure is nothing but the decision, a rejection ends it; others go on and may ask further."""
    if said is not Verdict.REJECTED or not declaration.decides_only:
        return False
    return await close_process(tx, task.process, Outcome.REJECTED, now)


def _comment(given: Any, declared: UserTask, answers: Mapping[str, str]) -> str | None:
    if given is None:
        return answers.get("comment") if declared.field("comment") else None
    if not isinstance(given, str) or len(given) > LONGEST_COMMENT or "\x00" in given:
        raise BadRequest(f"The comment must be a text of at most {LONGEST_COMMENT} characters")
    return given
