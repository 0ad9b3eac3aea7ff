"""Tasks and processes as they are read from the store, with what was decided about them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import orjson

from approvals.errors import TaskEnded, UnknownInstance, UnknownTask
from approvals.states import TaskStatus, Verdict
from conf.database import Transaction

_SHARED: Final = (
    "definition", "definition_key", "mapping", "qualifier", "side", "object_id", "situation", "action", "recon_id",
    "variables", "start_user_id", "open", "outcome",
)  # fmt: skip
_TASK_COLUMNS: Final = (
    "seq", "process", "definition_id", "task_key", "name", "description", "owner", "assignee", "candidate_users",
    "candidate_groups", "priority", "due_at", "status", "rev", "created_at", "claimed_at", "ended_at", "delete_reason",
)  # fmt: skip
_PROCESS_COLUMNS: Final = (
    *_SHARED, "seq", "business_key", "started_at", "ended_at", "end_activity", "delete_reason", "flow_run_id",
    "flow_state",
)  # fmt: skip
_DECISION: Final = "d.verdict, d.actor, d.at, d.comment, i.state, i.message"
TASKS: Final = (
    "select "
    + ", ".join([f"t.{name}" for name in _TASK_COLUMNS] + [f"p.{name}" for name in _SHARED])
    + f", {_DECISION}"
    " from task_instance t join process_instance p on p.seq = t.process"
    " left join decision d on d.task = t.seq left join intent i on i.task = t.seq"
)
"""All tasks; a condition may follow."""
PROCESSES: Final = (
    "select " + ", ".join(f"p.{name}" for name in _PROCESS_COLUMNS) + f", {_DECISION}"
    " from process_instance p left join task_instance t on t.seq ="
    " (select max(last.seq) from task_instance last where last.process = p.seq and last.status = 'COMPLETED')"
    " left join decision d on d.task = t.seq left join intent i on i.task = t.seq"
)
"""All processes, each with its last decision; a condition may follow."""


@dataclass(frozen=True)
class Decision:
    """Who decided what and when, and what came of it."""

    verdict: Verdict
    by: str
    at: int
    comment: str | None
    intent: str | None
    """State of the order that an approval made."""
    message: str | None
    """Why it was not carried out."""


@dataclass(frozen=True)
class Task:
    """A task instance and the process it belongs to."""

    seq: int
    process: int
    definition_id: str
    task_key: str
    name: str
    description: str | None
    owner: str | None
    assignee: str | None
    candidate_users: tuple[str, ...]
    candidate_groups: tuple[str, ...]
    priority: int
    due_at: int | None
    status: TaskStatus
    rev: int
    created_at: int
    claimed_at: int | None
    ended_at: int | None
    delete_reason: str | None
    definition: int
    definition_key: str
    mapping: str | None
    qualifier: str
    side: str
    object_id: str
    situation: str
    action: str
    recon_id: str | None
    variables_text: str
    start_user_id: str
    open: bool
    """Of the process, as is the outcome."""
    outcome: str | None
    decision: Decision | None

    @property
    def id(self) -> str:
        return str(self.seq)

    @cached_property
    def variables(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.variables_text)
        return found

    def ended(self) -> TaskEnded:
        """The error for whoever still wants to decide."""
        if self.decision is not None:
            return TaskEnded.decided(self.id, self.decision.verdict, self.decision.by, self.decision.at)
        return TaskEnded.closed(self.id, self.delete_reason or "closed", self.ended_at)


@dataclass(frozen=True)
class Process:
    """A process instance."""

    seq: int
    definition: int
    definition_key: str
    business_key: str | None
    open: bool
    mapping: str | None
    qualifier: str
    side: str
    object_id: str
    situation: str
    action: str
    recon_id: str | None
    variables_text: str
    start_user_id: str
    started_at: int
    ended_at: int | None
    end_activity: str | None
    delete_reason: str | None
    outcome: str | None
    flow_run_id: str | None
    flow_state: str
    decision: Decision | None

    @property
    def id(self) -> str:
        return str(self.seq)

    @cached_property
    def variables(self) -> Mapping[str, Any]:
        found: dict[str, Any] = orjson.loads(self.variables_text)
        return found


def is_open(task: str) -> str:
    """SQL for an open task that is found by its process, never by going through all open tasks for each process."""
    return f"coalesce({task}.status, '') = 'OPEN'"


def number_of(id: str | None) -> int | None:
    """The number behind an id of the wire, or None when it cannot be one."""
    if (
        id is None
        or not (id.isascii() and id.isdigit())
        or len(id) > 17
        or (id != "0" and id.startswith("0"))
    ):
        return None
    return int(id)


async def task(tx: Transaction, id: str | int) -> Task:
    """One task, open or ended; raises UnknownTask."""
    seq = id if isinstance(id, int) else number_of(id)
    rows = [] if seq is None else await tx.fetch(f"{TASKS} where t.seq = ?", (seq,))
    if not rows:
        raise UnknownTask(str(id))
    return as_task(rows[0])


async def tasks(tx: Transaction, seqs: Iterable[int]) -> list[Task]:
    """Tasks by number, open or ended, in order of their creation; unknown ones are left out."""
    rows = await tx.fetch(
        f"{TASKS} where t.seq {tx.among_numbers} order by t.seq", (tx.numbers(sorted(set(seqs))),)
    )
    return [as_task(row) for row in rows]


async def process(tx: Transaction, id: str | int) -> Process:
    """One process, open or ended; raises UnknownInstance."""
    seq = id if isinstance(id, int) else number_of(id)
    rows = [] if seq is None else await tx.fetch(f"{PROCESSES} where p.seq = ?", (seq,))
    if not rows:
        raise UnknownInstance(str(id))
    return as_process(rows[0])


async def processes(tx: Transaction, seqs: Iterable[int]) -> list[Process]:
    """Processes by number, in order of their start."""
    rows = await tx.fetch(
        f"{PROCESSES} where p.seq {tx.among_numbers} order by p.seq", (tx.numbers(sorted(set(seqs))),)
    )
    return [as_process(row) for row in rows]


async def tasks_of(tx: Transaction, processes: Iterable[int]) -> list[Task]:
    """All tasks of these processes, in order of their creation."""
    rows = await tx.fetch(
        f"{TASKS} where t.process {tx.among_numbers} order by t.seq", (tx.numbers(sorted(set(processes))),)
    )
    return [as_task(row) for row in rows]


def as_task(row: tuple[Any, ...]) -> Task:
    """A row of `TASKS`."""
    members = _members((*_TASK_COLUMNS, *_SHARED), row)
    for name in ("candidate_users", "candidate_groups"):
        members[name] = tuple(orjson.loads(members[name]))
    members["status"] = TaskStatus(members["status"])
    return Task(**members)


def as_process(row: tuple[Any, ...]) -> Process:
    """A row of `PROCESSES`."""
    return Process(**_members(_PROCESS_COLUMNS, row))


def _members(names: tuple[str, ...], row: tuple[Any, ...]) -> dict[str, Any]:
    *values, verdict, actor, at, comment, state, message = row
    members: dict[str, Any] = dict(zip(names, values, strict=True))
    members["variables_text"] = members.pop("variables")
    members["open"] = bool(members["open"])
    members["decision"] = (
        None if verdict is None else Decision(Verdict(verdict), actor, at, comment, state, message)
    )
    return members
