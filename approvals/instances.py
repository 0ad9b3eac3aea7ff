"""Writing process and task instances."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from approvals import catalogue, records
from approvals.catalogue import Published
from approvals.definitions import UserTask
from approvals.forms import resolve_text
from approvals.requests import ApprovalRequest, Opened, Opening, RequestKey
from approvals.states import FlowState, TaskStatus
from conf.database import Transaction

_PROCESS_COLUMNS: Final = (
    "definition, definition_key, business_key, open, mapping, qualifier, side, object_id, situation, action,"
    " recon_id, source_digest, variables, start_user_id, started_at, flow_state"
)
_TASK_COLUMNS: Final = (
    "process, definition_key, definition_id, task_key, name, description, owner, assignee, candidate_users,"
    " candidate_groups, priority, status, rev, created_at"
)


async def insert_processes(
    tx: Transaction, requests: Sequence[tuple[ApprovalRequest, Published]], now: int
) -> list[Opened]:
    """Write a process for each request, with its first task unless its procedure opens that itself."""
    if not requests:
        return []
    before: int = (await tx.fetch("select coalesce(max(seq), 0) from process_instance"))[0][0]
    # writers take turns, so a conflict can only come from a writer that does not ask this function
    await tx.run_many(
        f"insert into process_instance ({_PROCESS_COLUMNS})"
        " values (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing",
        [_process_row(request, published, now) for request, published in requests],
    )
    rows = await tx.fetch(
        "select seq, mapping, qualifier, side, object_id, situation, action from process_instance"
        " where seq > ? order by seq",
        (before,),
    )
    by_key = {RequestKey(*row[1:]): row[0] for row in rows if row[1] is not None}
    unkeyed = iter([row[0] for row in rows if row[1] is None])
    numbers: list[int | None] = [
        next(unkeyed) if request.key is None else by_key.get(request.key) for request, _ in requests
    ]
    started = [
        (process, request, published)
        for process, (request, published) in zip(numbers, requests, strict=True)
        if process is not None and not published.declaration.runs_first
    ]
    await _insert_tasks(
        tx,
        [
            _task_row(process, published, published.declaration.tasks[0], request.all_variables(), now, None)
            for process, request, published in started
        ],
    )
    task_rows = await tx.fetch(
        f"select process, seq from task_instance where process {tx.among_numbers}",
        (tx.numbers([process for process, _, _ in started]),),
    )
    tasks: dict[int, int] = dict(task_rows)
    return [
        Opened(Opening.ALREADY_OPEN)
        if process is None
        else Opened(Opening.OPENED, process, tasks.get(process))
        for process in numbers
    ]


async def _insert_tasks(tx: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * (_TASK_COLUMNS.count(",") + 1))
    await tx.run_many(f"insert into task_instance ({_TASK_COLUMNS}) values ({marks})", rows)


def _process_row(request: ApprovalRequest, published: Published, now: int) -> tuple[Any, ...]:
    return (
        published.seq,
        published.key,
        request.shown_business_key(),
        request.mapping,
        request.qualifier,
        request.side,
        request.object_id,
        request.situation,
        request.action,
        request.recon_id,
        request.source_digest,
        orjson.dumps(request.all_variables()).decode(),
        request.start_user,
        now,
        FlowState.NONE,
    )


def _task_row(
    process: int,
    published: Published,
    task: UserTask,
    variables: Mapping[str, Any],
    now: int,
    description: str | None,
) -> tuple[Any, ...]:
    def names(texts: Iterable[str]) -> str:
        return orjson.dumps([found for text in texts if (found := resolve_text(text, variables))]).decode()

    return (
        process,
        published.key,
        published.id,
        task.key,
        resolve_text(task.name, variables) or task.key,
        description if description is not None else resolve_text(task.description, variables),
        resolve_text(task.owner, variables),
        resolve_text(task.assignee, variables),
        names(task.candidate_users),
        names(task.candidate_groups),
        task.priority,
        TaskStatus.OPEN,
        1,
        now,
    )


async def open_task(
    tx: Transaction, process: records.Process, task_key: str, now: int, *, description: str | None = None
) -> int:
    """Open a further task of a process that is under way; answers its number."""
    published = (await catalogue.by_seq(tx, [process.definition]))[process.definition]
    task = published.declaration.task(task_key)
    row = _task_row(process.seq, published, task, process.variables, now, description)
    await _insert_tasks(tx, [row])
    found = await tx.fetch("select max(seq) from task_instance where process = ?", (process.seq,))
    number: int = found[0][0]
    return number


async def ask_again(tx: Transaction, task: records.Task, why: str, now: int) -> int:
    """Open the successor of a task whose approval could not be carried out; answers its number.

    Prefect is told by a new suspended run: the old one has been resumed.
    """
    process = await records.process(tx, task.process)
    number = await open_task(tx, process, task.task_key, now, description=f"Asked again: {why}"[:4000])
    await tx.run("update process_instance set flow_state = ? where seq = ?", (FlowState.NONE, task.process))
    return number
