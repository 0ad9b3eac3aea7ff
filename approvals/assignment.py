"""Taking a task and handing it on."""

from collections.abc import Mapping
from typing import Any, Final

from approvals import records
from approvals.entitlement import Person, is_admin, is_candidate, require_sight
from approvals.errors import AlreadyClaimed, NotEntitled
from approvals.events import Audit, task_event, unaudited
from approvals.records import Task
from approvals.states import TaskStatus
from conf.database import Transaction
from conf.errors import BadRequest, Conflict, PreconditionFailed

LENGTHS: Final = {"assignee": 255, "description": 4000, "name": 255, "owner": 255}
"""What a PUT may change, and how long it may be."""


async def claim(
    tx: Transaction, task_id: str | int, actor: Person, user_id: Any, now: int, *, audit: Audit = unaudited
) -> Task:
    """Make `user_id` the assignee of a free task: candidates for themselves, administrators for anybody."""
    task = await _open_task(tx, task_id, actor)
    if not isinstance(user_id, str) or not user_id:
        raise BadRequest(
            'claim needs a userId, such as {"userId": "async.admin"}', detail={"field": "userId"}
        )
    _check_text("userId", user_id, LENGTHS["assignee"])
    if not is_admin(actor) and user_id != actor.id:
        raise NotEntitled("A task can be claimed for oneself only")
    if task.assignee == user_id:
        return task
    if task.assignee:
        raise AlreadyClaimed(task.id, task.assignee)
    changed = await tx.run(
        "update task_instance set assignee = ?, claimed_at = ?, rev = rev + 1"
        " where seq = ? and status = ? and (assignee is null or assignee = '')",
        (user_id, now, task.seq, TaskStatus.OPEN),
    )
    if changed != 1:
        raise AlreadyClaimed(task.id, "somebody else")
    await audit(
        tx, [task_event("claim_task", task.seq, "claim", f"Task claimed for {user_id}", actor.id, now)]
    )
    return await records.task(tx, task.seq)


async def assign(
    tx: Transaction,
    task_id: str | int,
    actor: Person,
    content: Mapping[str, Any],
    now: int,
    *,
    revision: str | None = None,
    unchanged: Mapping[str, Any] | None = None,
    audit: Audit = unaudited,
) -> Task:
    """Change assignee, description, name or owner. `unchanged` are members that may be sent back as they were."""
    task = await _open_task(tx, task_id, actor)
    if revision not in (None, "*") and str(revision).strip('"') != str(task.rev):
        raise PreconditionFailed(f"Task '{task.id}' was changed meanwhile: its revision is {task.rev}")
    changes = _changes(task, content, unchanged or {})
    _require_right(task, actor, changes)
    if not changes:
        return task
    settings = ", ".join(f"{name} = ?" for name in changes)
    await tx.run(
        f"update task_instance set {settings}, rev = rev + 1 where seq = ? and status = ?",
        (*changes.values(), task.seq, TaskStatus.OPEN),
    )
    names = ", ".join(changes)
    await audit(
        tx,
        [
            task_event(
                "update_task", task.seq, "UPDATE", f"Task updated: {names}", actor.id, now,
                changedFields=[f"/{name}" for name in changes],
            )
        ],
    )  # fmt: skip
    return await records.task(tx, task.seq)


def refuse_deletion(task: Task) -> Conflict:
    """Tasks end by a decision or with their process."""
    return Conflict(
        f"Task '{task.id}' can not be deleted because it is part of a running process;"
        f" delete process instance {task.process} instead"
    )


async def _open_task(tx: Transaction, task_id: str | int, actor: Person) -> Task:
    task = await records.task(tx, task_id)
    require_sight(task, actor)
    if task.status is not TaskStatus.OPEN:
        raise task.ended()
    return task


def _changes(task: Task, content: Mapping[str, Any], unchanged: Mapping[str, Any]) -> dict[str, str | None]:
    changes: dict[str, str | None] = {}
    for name, value in content.items():
        if name not in LENGTHS:
            if name in unchanged and unchanged[name] == value:
                continue
            raise BadRequest(
                f"'{name}' of a task cannot be changed; what can: {', '.join(LENGTHS)}",
                detail={"field": name},
            )
        if name == "name" and not value:
            raise BadRequest("A task needs a name", detail={"field": name})
        if value is not None:
            _check_text(name, value, LENGTHS[name])
        # an assignee of "" would be nobody whom everybody takes for somebody
        wanted = value or None if name == "assignee" else value
        if wanted != getattr(task, name):
            changes[name] = wanted
    return changes


def _require_right(task: Task, actor: Person, changes: Mapping[str, str | None]) -> None:
    """Administrators change anything, the assignee hands the task on, a candidate takes a free one."""
    if is_admin(actor) or task.assignee == actor.id:
        return
    takes = not task.assignee and is_candidate(task, actor)
    if not (takes and set(changes) <= {"assignee"} and changes.get("assignee", actor.id) == actor.id):
        raise NotEntitled(f"Task '{task.id}' is not yours to change; a free task can be taken for oneself")


def _check_text(name: str, value: Any, longest: int) -> None:
    if not isinstance(value, str):
        raise BadRequest(f"'{name}' must be a text", detail={"field": name})
    if len(value) > longest or any(ord(character) < 32 and character not in "\t\n\r" for character in value):
        raise BadRequest(
            f"'{name}' may have {longest} characters at most and no control characters",
            detail={"field": name},
        )
