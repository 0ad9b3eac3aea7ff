"""What the audit is told of processes and tasks; the caller says how it is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from conf.database import Transaction


@dataclass(frozen=True)
class Event:
    """One row of the activity audit."""

    name: str
    """`workflow-complete_task` and the like."""
    object_id: str
    """`workflow/taskinstance/38`."""
    operation: str
    message: str
    user_id: str
    at: int
    more: Mapping[str, Any] = field(default_factory=dict)


class Audit(Protocol):
    """Writes events in the transaction of what they tell of."""

    async def __call__(self, tx: Transaction, events: Sequence[Event], /) -> None: ...


async def unaudited(_tx: Transaction, _events: Sequence[Event], /) -> None:
    """Writes nothing."""


def process_event(
    name: str, process: int, operation: str, message: str, by: str, at: int, **more: Any
) -> Event:
    """An event about a process instance."""
    return Event(f"workflow-{name}", f"workflow/processinstance/{process}", operation, message, by, at, more)


def task_event(name: str, task: int, operation: str, message: str, by: str, at: int, **more: Any) -> Event:
    """An event about a task instance."""
    return Event(f"workflow-{name}", f"workflow/taskinstance/{task}", operation, message, by, at, more)
