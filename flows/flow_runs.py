"""What Prefect shows of processes, as far as our own code needs to know: a port, without Prefect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from approvals.definitions import ProcessDeclaration, UserTask
from approvals.states import Outcome

if TYPE_CHECKING:
    from flows.procedure import Work
    from flows.process import ProcessDefinition


class PrefectAway(Exception):
    """The Prefect server does not answer."""


@dataclass(frozen=True)
class SuspendedRun:
    """A flow run to be created."""

    key: str
    """Idempotency key: asking twice gives the same run."""
    name: str
    parameters: Mapping[str, Any]
    pause_key: str | None = None
    """What its resumption belongs to; None for a run that is never resumed."""
    task: UserTask | None = None
    """Whose form the resumption takes."""
    tags: tuple[str, ...] = ()
    note: str = ""
    """First line of its log, for whoever looks at it."""


def pause_key(task: int) -> str:
    """What the suspension for a task is known by; Prefect takes lower-case letters, digits and dashes."""
    return f"task-{task}"


class Phase(StrEnum):
    """What a flow run is doing."""

    SUSPENDED = "suspended"
    RESUMED = "resumed"
    """To be carried out, by nobody yet."""
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True)
class ShownRun:
    """A flow run as Prefect has it."""

    id: str
    phase: Phase
    state: str
    """Prefect's own word, as `Resuming` or `Cancelled`."""
    since: int


class Driven(StrEnum):
    """What came of carrying out a process in its flow run."""

    DONE = "done"
    """It ran to its end, or to the next person."""
    TAKEN = "taken"
    """Another worker is at it."""
    GONE = "gone"
    """The run has ended or was deleted; the process needs another one."""


@dataclass(frozen=True)
class Resumption:
    """How a suspended run goes on."""

    flow_run_id: str
    process: int
    answers: Mapping[str, str] = field(default_factory=dict)
    """The form that was sent, for the run's picture; what counts is the decision in our store."""
    patience: timedelta = timedelta(0)
    """A run that somebody is at is taken over once it has been so for this long."""


@dataclass(frozen=True)
class Ending:
    """How runs end that are not carried out."""

    outcome: Outcome | None
    """None for a run that was replaced."""
    message: str


class FlowRuns(Protocol):
    """The flow runs of processes. Every method may raise PrefectAway."""

    async def answers(self) -> bool:
        """Whether the server is there; takes a second at most and never raises."""
        ...

    def forget(self) -> None:
        """The server was away: look everything up again."""
        ...

    async def suspend(self, declaration: ProcessDeclaration, runs: Sequence[SuspendedRun]) -> dict[str, str]:
        """Create suspended runs; answers the ids of those that were created, by key."""
        ...

    async def start(self, declaration: ProcessDeclaration, run: SuspendedRun) -> str:
        """Create a run that is not suspended; answers its id."""
        ...

    async def states(self, ids: Sequence[str]) -> dict[str, ShownRun]:
        """Runs by id; deleted ones are missing."""
        ...

    async def stirring(self) -> list[ShownRun]:
        """All our runs that are neither suspended nor ended."""
        ...

    async def suspended(self, offset: int, limit: int) -> list[ShownRun]:
        """A page of all our suspended runs."""
        ...

    async def close(self, ids: Sequence[str], ending: Ending) -> None:
        """End runs; those that have ended or are gone stay as they are."""
        ...

    async def carry_out(self, resumption: Resumption, definition: ProcessDefinition, work: Work) -> Driven:
        """Resume a run and carry out its process inside it, in this event loop."""
        ...
