"""The words of reconciliation, as an operator writes them and as every answer spells them.

Sources: PingIDM 8.1 (situations, actions, stages) and the recon endpoint's status document.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Situation(StrEnum):
    """What the source, the link and the target, taken together, tell us."""

    CONFIRMED = "CONFIRMED"
    """The source qualifies, is linked, and the linked target exists."""
    FOUND = "FOUND"
    """The source qualifies, has no link, and exactly one unlinked target correlates."""
    FOUND_ALREADY_LINKED = "FOUND_ALREADY_LINKED"
    """As FOUND, but another source is already linked to that target."""
    ABSENT = "ABSENT"
    """The source qualifies and nothing on the target side corresponds to it."""
    AMBIGUOUS = "AMBIGUOUS"
    """The source qualifies, has no link, and more than one target correlates."""
    MISSING = "MISSING"
    """The source qualifies and is linked, but the linked target is gone."""
    UNQUALIFIED = "UNQUALIFIED"
    """The source does not qualify, yet a link or a correlating target exists."""
    SOURCE_IGNORED = "SOURCE_IGNORED"
    """The source does not qualify and nothing corresponds to it."""
    TARGET_IGNORED = "TARGET_IGNORED"
    """The target does not qualify."""
    UNASSIGNED = "UNASSIGNED"
    """The target qualifies and no link leads to it."""
    SOURCE_MISSING = "SOURCE_MISSING"
    """The target qualifies and is linked, but the linked source is gone."""
    LINK_ONLY = "LINK_ONLY"
    """A deleted source has a link whose target is gone too; never in a run."""
    ALL_GONE = "ALL_GONE"
    """A deleted source has neither link nor correlating target; never in a run."""


class Action(StrEnum):
    """What is done about a situation."""

    CREATE = "CREATE"
    """Create the target from the source and link both."""
    UPDATE = "UPDATE"
    """Link if needed, map, and write the target when it differs."""
    DELETE = "DELETE"
    """Delete the target, then the link."""
    LINK = "LINK"
    """Link only; the target is not written."""
    UNLINK = "UNLINK"
    """Delete the link; the target is not touched."""
    EXCEPTION = "EXCEPTION"
    """Nothing; the entry carries a message that names the situation."""
    REPORT = "REPORT"
    """Nothing but the audit entry and postAction."""
    NOREPORT = "NOREPORT"
    """Nothing but postAction; no audit entry."""
    ASYNC = "ASYNC"
    """Nothing now: a process was started and a person decides."""
    IGNORE = "IGNORE"
    """Nothing at all."""


DEFAULT_ACTIONS: Final[Mapping[Situation, Action]] = MappingProxyType(
    {
        Situation.CONFIRMED: Action.UPDATE,
        Situation.FOUND: Action.UPDATE,
        Situation.FOUND_ALREADY_LINKED: Action.EXCEPTION,
        Situation.ABSENT: Action.CREATE,
        Situation.AMBIGUOUS: Action.EXCEPTION,
        Situation.MISSING: Action.EXCEPTION,
        Situation.UNQUALIFIED: Action.DELETE,
        Situation.SOURCE_IGNORED: Action.IGNORE,
        Situation.TARGET_IGNORED: Action.IGNORE,
        Situation.UNASSIGNED: Action.EXCEPTION,
        Situation.SOURCE_MISSING: Action.EXCEPTION,
        Situation.LINK_ONLY: Action.EXCEPTION,
        Situation.ALL_GONE: Action.IGNORE,
    }
)
"""Action of a situation for which no policy applies (PingIDM 8.1 documentation)."""


class EntryStatus(StrEnum):
    """Outcome of one entry of a run."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


class Phase(StrEnum):
    """Which side an entry was found on; the audit's word is `reconciling`."""

    SOURCE = "source"
    TARGET = "target"


class RunState(StrEnum):
    """High-level state of a run."""

    ACTIVE = "ACTIVE"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


class Stage(StrEnum):
    """Current stage of a run."""

    ACTIVE_INITIALIZED = "ACTIVE_INITIALIZED"
    ACTIVE_QUERY_ENTRIES = "ACTIVE_QUERY_ENTRIES"
    ACTIVE_RECONCILING_SOURCE = "ACTIVE_RECONCILING_SOURCE"
    ACTIVE_RECONCILING_TARGET = "ACTIVE_RECONCILING_TARGET"
    ACTIVE_LINK_CLEANUP = "ACTIVE_LINK_CLEANUP"
    ACTIVE_PROCESSING_RESULTS = "ACTIVE_PROCESSING_RESULTS"
    ACTIVE_CANCELING = "ACTIVE_CANCELING"
    COMPLETED_SUCCESS = "COMPLETED_SUCCESS"
    COMPLETED_CANCELED = "COMPLETED_CANCELED"
    COMPLETED_FAILED = "COMPLETED_FAILED"

    @property
    def description(self) -> str:
        """The exact text of `stageDescription`."""
        return STAGE_DESCRIPTIONS[self]

    @property
    def state(self) -> RunState:
        """The state that a run in this stage shows."""
        return COMPLETED_STATES.get(self, RunState.ACTIVE)


STAGE_DESCRIPTIONS: Final[Mapping[Stage, str]] = MappingProxyType(
    {
        Stage.ACTIVE_INITIALIZED: "initialized",
        Stage.ACTIVE_QUERY_ENTRIES: "querying sets of entries to reconcile",
        Stage.ACTIVE_RECONCILING_SOURCE: "reconciling source entries",
        Stage.ACTIVE_RECONCILING_TARGET: "reconciling target entries",
        Stage.ACTIVE_LINK_CLEANUP: "link clean-up",
        Stage.ACTIVE_PROCESSING_RESULTS: "processing reconciling results",
        Stage.ACTIVE_CANCELING: "aborting reconciling",
        Stage.COMPLETED_SUCCESS: "reconciliation completed.",
        Stage.COMPLETED_CANCELED: "reconciliation aborted.",
        Stage.COMPLETED_FAILED: "reconciliation failed",
    }
)

COMPLETED_STATES: Final[Mapping[Stage, RunState]] = MappingProxyType(
    {
        Stage.COMPLETED_SUCCESS: RunState.SUCCESS,
        Stage.COMPLETED_CANCELED: RunState.CANCELED,
        Stage.COMPLETED_FAILED: RunState.FAILED,
    }
)

LONGEST_NAME: Final = 255
"""Characters of a mapping's name and of a link qualifier: both stand in the keys of links."""
DEFAULT_QUALIFIER: Final = "default"
"""Link qualifier of a mapping that names none."""
