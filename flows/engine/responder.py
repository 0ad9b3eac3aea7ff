"""A second way to decide: by both objects, in place of the policies.

Policies see the situation and the source alone. Where the answer depends on the target too, or on which of the two
sides is to be written, a mapping has a responder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from conf.terms import Action

if TYPE_CHECKING:
    from flows.engine.entry import Entry
    from flows.engine.operation import Operation
    from flows.engine.rules import Hook, Json, WorkflowTrigger


@dataclass(slots=True)
class Answer:
    """What is to be done about one entry."""

    action: Action
    content: Hook | None = None
    """What CREATE and UPDATE write in place of the mapping's properties: it changes `target` in its scope. With it,
    UPDATE needs no source."""
    trigger: WorkflowTrigger | None = None
    """The approval that the action waits for."""
    command: Callable[[], Any] | None = None
    """Called in place of whatever the action would do; a text that it answers becomes the message."""
    message: str | None = None
    facts: Json = field(default_factory=dict)
    """Kept with the entry."""


class Responder(Protocol):
    """Decides entries of one mapping."""

    def respond(self, operation: Operation, *, approved: bool = False) -> Answer:
        """The answer to an assessed entry; `approved`: somebody has said yes, so nothing waits. Raises ReconError."""
        ...

    @property
    def knows_rest(self) -> bool:
        """Whether a pair that is as it was when nothing was to be done needs no look: then `settle` sets the entry's
        `fingerprint_holds`."""
        ...

    def at_rest(self, source_id: str, source: Json, target_id: str) -> Json:
        """The facts of such a pair."""
        ...

    def settle(self, operation: Operation, answer: Answer, entry: Entry) -> Json:
        """What is kept of the entry now that it is over; may set its `mark`."""
        ...
