"""States of tasks, intents and processes, and which may follow which. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class TaskStatus(StrEnum):
    """What a task instance is."""

    OPEN = "OPEN"
    """It waits for a person."""
    COMPLETED = "COMPLETED"
    """Somebody decided; the decision says who and what."""
    CANCELLED = "CANCELLED"
    """Nobody need decide any more: superseded, or its process was deleted."""


class Verdict(StrEnum):
    """What a decision said."""

    APPROVED = "approved"
    REJECTED = "rejected"
    COMPLETED = "completed"
    """The task asked for something else than a yes or a no."""


class IntentState(StrEnum):
    """How far the order to carry out an approval has come."""

    READY = "READY"
    """Committed with the decision; a worker may take it."""
    CLAIMED = "CLAIMED"
    """A worker holds it under a lease; when that lapses another may take it."""
    APPLIED = "APPLIED"
    """Carried out, in the transaction that says so."""
    STALE = "STALE"
    """The situation had changed, so nothing was done."""
    FAILED = "FAILED"
    """The situation was as expected and the act was refused; a successor task asks again."""

    @property
    def is_final(self) -> bool:
        """Nothing follows."""
        return self not in (IntentState.READY, IntentState.CLAIMED)


class Outcome(StrEnum):
    """How a process ended."""

    APPROVED = "approved"
    REJECTED = "rejected"
    COMPLETED = "completed"
    """It ran to its end without a yes or a no."""
    SUPERSEDED = "superseded"
    """It had become pointless."""
    DELETED = "deleted"
    """An administrator ended it."""
    STALE = "stale"
    """Approved, but the situation had changed."""
    FAILED = "failed"
    """Approved, but its action could not be carried out and nobody is asked again."""


class FlowState(StrEnum):
    """What Prefect shows of a process."""

    NONE = "none"
    """It has no run yet, or its run has to be replaced."""
    SUSPENDED = "suspended"
    """A suspended run of its own."""
    GROUP = "group"
    """A suspended run that it shares with others of the same reconciliation."""
    CLOSED = "closed"
    """Its run has ended, or it needs none."""


class IllegalTransition(ValueError):
    """A state was to follow another that it cannot follow."""

    def __init__(self, kind: str, before: str, after: str, allowed: list[str]) -> None:
        options = ", ".join(allowed) or "nothing"
        super().__init__(f"{kind} cannot go from {before} to {after}; what may follow: {options}")


TASK_TRANSITIONS: Final[Mapping[TaskStatus, frozenset[TaskStatus]]] = MappingProxyType(
    {
        TaskStatus.OPEN: frozenset({TaskStatus.COMPLETED, TaskStatus.CANCELLED}),
        TaskStatus.COMPLETED: frozenset(),
        TaskStatus.CANCELLED: frozenset(),
    }
)

INTENT_TRANSITIONS: Final[Mapping[IntentState, frozenset[IntentState]]] = MappingProxyType(
    {
        IntentState.READY: frozenset(IntentState) - {IntentState.READY},
        # CLAIMED after CLAIMED: taken over from a worker whose lease lapsed
        IntentState.CLAIMED: frozenset(IntentState),
        IntentState.APPLIED: frozenset(),
        IntentState.STALE: frozenset(),
        IntentState.FAILED: frozenset(),
    }
)


def advance_task(before: TaskStatus, after: TaskStatus) -> TaskStatus:
    """`after`, if it may follow `before`."""
    if after not in TASK_TRANSITIONS[before]:
        raise IllegalTransition("A task", before, after, sorted(TASK_TRANSITIONS[before]))
    return after


def advance_intent(before: IntentState, after: IntentState) -> IntentState:
    """`after`, if it may follow `before`."""
    if after not in INTENT_TRANSITIONS[before]:
        raise IllegalTransition("An intent", before, after, sorted(INTENT_TRANSITIONS[before]))
    return after
