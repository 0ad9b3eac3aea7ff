"""The frozen outcome of one entry, with what each counter of the run needs to know."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from conf.terms import Action, EntryStatus, Phase, Situation


class Effect(StrEnum):
    """What happened to the target object."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DELETED = "deleted"


@dataclass(slots=True)
class Entry:
    """One source or target under one link qualifier."""

    phase: Phase
    qualifier: str
    source_id: str | None = None
    target_id: str | None = None
    """As the audit shows it: only when the target exists at the end, always in the target phase."""
    recorded_target: str | None = None
    """The target that was dealt with, whether it exists at the end or not."""
    situation: Situation | None = None
    action: Action | None = None
    status: EntryStatus = EntryStatus.SUCCESS
    message: str | None = None
    detail: Any = None
    ambiguous: tuple[str, ...] = ()
    performed: bool = False
    """The action was tried: only then do situation and progress counters move."""
    had_target: bool = False
    """A target was recorded: it counts as processed unless it was created."""
    had_link: bool = False
    link_created: bool = False
    effect: Effect | None = None
    handled: tuple[str, ...] = ()
    """Target ids that the target phase need not visit."""
    reported: bool = True
    """Whether an audit entry is written: not for NOREPORT that succeeded."""
    fingerprint_holds: bool = False
    """The target now equals what this source maps to, so an unchanged source needs no mapping next time."""
    facts: dict[str, Any] | None = None
    """What a responder keeps of the entry."""
    mark: bytes | None = None
    """How the pair stands now, kept with its link for the responder."""
    fields: dict[str, Any] = field(default_factory=dict)
    """Further members for audit, as the approver."""
