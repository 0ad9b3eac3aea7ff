"""A request for approval, and what became of it when it was made. Pure values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from approvals.errors import instant
from conf.errors import ReconError
from conf.terms import DEFAULT_QUALIFIER

Side = Literal["source", "target"]
AfterRejection = Literal["remember", "ask"]


class RequestKey(NamedTuple):
    """What at most one open process exists for."""

    mapping: str
    qualifier: str
    side: str
    object_id: str
    situation: str
    action: str


@dataclass(frozen=True)
class ApprovalRequest:
    """Somebody has to decide about one object of one mapping, or a process is started by hand (no mapping)."""

    definition_key: str
    mapping: str | None = None
    qualifier: str = DEFAULT_QUALIFIER
    side: Side = "source"
    object_id: str = ""
    """Source id, or target id on the target side."""
    situation: str = ""
    action: str = ""
    recon_id: str | None = None
    source_id: str | None = None
    target_id: str | None = None
    ambiguous: tuple[str, ...] = ()
    source_digest: str | None = None
    """Of the object the request is about; a rejection is remembered while it stays the same."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Further variables of the process."""
    start_user: str = ""
    after_rejection: AfterRejection = "remember"
    business_key: str | None = None
    definition: int | None = None
    """An exact version; otherwise the latest of the key."""

    @property
    def key(self) -> RequestKey | None:
        """None for a process that is not about an object of a mapping: any number of those may be open."""
        if self.mapping is None:
            return None
        return RequestKey(
            self.mapping, self.qualifier, self.side, self.object_id, self.situation, self.action
        )

    def all_variables(self) -> dict[str, Any]:
        """The variables of the process: what was requested, and whatever else was given."""
        if self.mapping is None:
            return dict(self.variables)
        requested: dict[str, Any] = {
            "reconId": self.recon_id,
            "mapping": self.mapping,
            "situation": self.situation,
            "action": self.action,
            "linkQualifier": self.qualifier,
            "ambiguousTargetIds": list(self.ambiguous) or None,
            "_action": "performAction",
        }
        if self.source_id is not None:
            requested["sourceId"] = self.source_id
        if self.target_id is not None:
            requested["targetId"] = self.target_id
        return {**self.variables, **requested}

    def shown_business_key(self) -> str | None:
        if self.business_key is not None or self.mapping is None:
            return self.business_key
        parts = {"sourceId": self.source_id, "targetId": self.target_id, "reconId": self.recon_id}
        return ", ".join(
            f"{name}: {'undefined' if value is None else value}" for name, value in parts.items()
        )


class Opening(StrEnum):
    """What became of a request."""

    OPENED = "opened"
    ALREADY_OPEN = "already open"
    REMEMBERED = "remembered rejection"
    """Rejected before, and nothing has changed since."""
    FAILED = "failed"
    """No such process; `error` says so."""


@dataclass(frozen=True)
class Opened:
    """The answer to one request."""

    opening: Opening
    process: int | None = None
    task: int | None = None
    """The open task, or None when nobody is asked (any more, or not yet)."""
    rejected_by: str | None = None
    rejected_at: int | None = None
    error: ReconError | None = None
    superseded: int | None = None
    """The task this one replaced because the situation of its object had changed."""

    @property
    def message(self) -> str | None:
        """For the entry of the run; None when there is nothing to say."""
        match self.opening:
            case Opening.REMEMBERED:
                when = instant(self.rejected_at or 0)[:10]
                return f"rejected by {self.rejected_by} on {when}, unchanged"
            case Opening.FAILED:
                return self.error.message if self.error else None
            case _:
                return None


@dataclass(frozen=True)
class OpenProcess:
    """A process that is under way for an object."""

    process: int
    task: int | None
    """Its open task; None while an approval is being carried out."""
    definition_key: str
    key: RequestKey
    recon_id: str | None
