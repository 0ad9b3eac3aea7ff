"""Facts in, one situation out: the three assessment tables.

Source: `reconciliation.md` 2.1 to 2.3 of the specification. Everything the tables need is gathered before; nothing is
fetched here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from conf.terms import Situation


@dataclass(frozen=True, slots=True)
class SourceEvidence:
    """What is known of a source that exists, under one link qualifier."""

    qualifies: bool
    """validSource and sourceCondition are both true."""
    linked: bool = False
    target_exists: bool = False
    """Whether the linked target exists; not looked at without a link or when the source does not qualify."""
    candidates: int = 0
    """How many targets correlate; 0 too when correlation did not run."""
    taken: bool = False
    """Whether the only candidate is linked already under this qualifier."""


@dataclass(frozen=True, slots=True)
class TargetEvidence:
    """What is known of a target that no source accounted for, under one link qualifier."""

    qualifies: bool
    linked: bool = False
    source_exists: bool = False
    source_qualifies: bool = False


@dataclass(frozen=True, slots=True)
class DeletedSourceEvidence:
    """What is left of a source that was deleted."""

    linked: bool
    target_exists: bool = False
    target_qualifies: bool = False
    old_source_known: bool = False
    old_source_qualifies: bool = False
    candidates: int = 0


def assess_source(evidence: SourceEvidence) -> Situation:
    """Situation of a source that exists."""
    if evidence.linked:
        if not evidence.qualifies:
            return Situation.UNQUALIFIED
        return Situation.CONFIRMED if evidence.target_exists else Situation.MISSING
    if not evidence.qualifies:
        return Situation.UNQUALIFIED if evidence.candidates else Situation.SOURCE_IGNORED
    if evidence.candidates == 0:
        return Situation.ABSENT
    if evidence.candidates > 1:
        return Situation.AMBIGUOUS
    return Situation.FOUND_ALREADY_LINKED if evidence.taken else Situation.FOUND


def assess_target(evidence: TargetEvidence) -> Situation:
    """Situation of a target in the target phase."""
    if not evidence.qualifies:
        return Situation.TARGET_IGNORED
    if not evidence.linked:
        return Situation.UNASSIGNED
    if not evidence.source_exists:
        return Situation.SOURCE_MISSING
    return Situation.CONFIRMED if evidence.source_qualifies else Situation.UNQUALIFIED


def assess_deleted_source(evidence: DeletedSourceEvidence) -> Situation:
    """Situation of a source that was just deleted; only implicit synchronisation and liveSync meet it."""
    if evidence.linked:
        if not evidence.target_exists:
            return Situation.LINK_ONLY
        return Situation.SOURCE_MISSING if evidence.target_qualifies else Situation.TARGET_IGNORED
    if not evidence.old_source_known or evidence.candidates == 0:
        return Situation.ALL_GONE
    if evidence.candidates == 1:
        return Situation.UNASSIGNED if evidence.old_source_qualifies else Situation.TARGET_IGNORED
    return Situation.AMBIGUOUS if evidence.old_source_qualifies else Situation.UNQUALIFIED


def assess_sources(page: Sequence[SourceEvidence]) -> list[Situation]:
    """A page of evidence in, a page of situations out, in order."""
    return [assess_source(evidence) for evidence in page]


def assess_targets(page: Sequence[TargetEvidence]) -> list[Situation]:
    """As `assess_sources`, for the target phase."""
    return [assess_target(evidence) for evidence in page]
