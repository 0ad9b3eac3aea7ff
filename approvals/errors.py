"""What can go wrong with processes and tasks; every one carries its HTTP status."""

from datetime import UTC, datetime
from typing import Any

from conf.errors import Conflict, Forbidden, NotFound


def instant(milliseconds: int) -> str:
    """A moment as answers and messages write it: `2026-03-01T09:30:00.000Z`."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class UnknownProcess(NotFound):
    """No process definition has that key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"No process is deployed with key '{key}'; a project defines it in workflow/*.py")


class UnknownDefinition(NotFound):
    """No process definition has that id."""

    def __init__(self, id: str) -> None:
        super().__init__(f"No deployed process definition found with id '{id}'")


class UnknownInstance(NotFound):
    """There is no such process, it has ended, or it is not the caller's to see."""

    def __init__(self, id: str) -> None:
        super().__init__(f"No process instance found for id '{id}'")


class UnknownTask(NotFound):
    """There is no such task, or it is not the caller's to see."""

    def __init__(self, id: str) -> None:
        super().__init__(f"Task '{id}' not found")


class TaskEnded(NotFound):
    """The task is no longer open: somebody decided, or it was closed."""

    def __init__(self, id: str, message: str, detail: dict[str, Any]) -> None:
        super().__init__(f"Task '{id}' is no longer open: {message}", detail=detail)

    @classmethod
    def decided(cls, id: str, verdict: str, by: str, at: int) -> "TaskEnded":
        moment = instant(at)
        return cls(id, f"{verdict} by {by} at {moment}", {"verdict": verdict, "by": by, "at": moment})

    @classmethod
    def closed(cls, id: str, reason: str, at: int | None) -> "TaskEnded":
        return cls(id, reason, {"reason": reason, "at": None if at is None else instant(at)})


class NotEntitled(Forbidden):
    """The caller sees the task and may not do this with it."""


class NeedsAnother(Forbidden):
    """Separation of duties: somebody else has to decide."""


class AlreadyClaimed(Conflict):
    """Somebody else has taken the task."""

    def __init__(self, id: str, by: str) -> None:
        super().__init__(f"Task '{id}' is already claimed by {by}", detail={"assignee": by})
