"""What a two-way configuration says, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conf.reconciliation_terms import (
    AnsweredBy,
    Direction,
    Kind,
    Response,
    Treatment,
    TwoWaySituation,
)
from conf.script_config import ScriptConfig


@dataclass(frozen=True)
class Members:
    """How members of one side become those of the other."""

    reconciliation: str
    """Name of the configuration whose links tell."""
    path: str = "managed/user"
    as_references: bool = True
    """In the repository they are references (`{"_ref": ...}`), else plain ids."""


@dataclass(frozen=True)
class AttributePair:
    """One line of the policy map: an attribute of the repository and its counterpart in the resource."""

    idm: tuple[str, ...]
    idm_text: str
    """The pointer as it was written."""
    resource: tuple[str, ...]
    resource_text: str
    direction: Direction = Direction.BOTH
    to_idm: ScriptConfig | None = None
    """Makes the repository's value of the resource's, which it sees as `source`."""
    to_resource: ScriptConfig | None = None
    on_create: bool = False
    """Written only when the object is made: names and ids that stay."""
    members: Members | None = None
    """The values are members, whose ids differ between the sides."""


@dataclass(frozen=True)
class StatusAttribute:
    """The attribute that says whether an object is in use, and its values."""

    attribute: str
    active: Any = "active"
    disabled: Any = "inactive"
    deleted: tuple[Any, ...] = ("deleted",)
    """Values with which an object counts as deleted."""


@dataclass(frozen=True)
class Answering:
    """What is done in one situation."""

    response: Response = Response.NOTHING
    script: ScriptConfig | None = None
    """Population script: sees `record` and `user` and changes the one that is written."""
    custom_command: ScriptConfig | None = None
    """Runs in place of the response."""
    workflow: Mapping[str, Any] | None = None
    """The approval that the response waits for, `{"workflowName": ...}`."""
    notification: Any = None
    """Who is told of each object in this situation; read by the notifications."""


@dataclass(frozen=True)
class GuardLimits:
    """A destructive response is held when it meets more than `count` objects and more than `percent` of the side."""

    count: int = 10
    percent: int = 25


@dataclass(frozen=True)
class Search:
    """What one side's search is: a script, a filter, or both; without either everything."""

    script: ScriptConfig | None = None
    filter: str | Mapping[str, Any] | None = None

    @property
    def is_everything(self) -> bool:
        return self.script is None and not self.filter


@dataclass(frozen=True)
class Reconciliation:
    """One configuration. Field names follow the document's."""

    name: str
    kind: Kind
    idm_path: str
    """`managed/<type>`."""
    resource_path: str
    """`system/<name>/<object type>`."""
    is_active: bool = True
    frequency: str = ""
    """As written; empty for manual."""
    cron: str | None = None
    time_zone: str | None = None
    misfire_policy: str = "fireAndProceed"
    email: str = ""
    report_nothing: bool = False
    treatment: Treatment = Treatment.NONE
    workflow_name: str = ""
    """Of `inbox`: the process that every response waits for."""
    direction: Direction = Direction.BOTH
    custom_processor: ScriptConfig | None = None
    """Runs in place of the whole reconciliation."""
    resource_search: Search = Search()
    idm_search: Search = Search()
    updated_since: str | None = None
    """An ISO 8601 time, or `last`: since the last run that finished."""
    idm_field: tuple[str, ...] = ()
    resource_field: tuple[str, ...] = ()
    match_rule: ScriptConfig | None = None
    pre_processor: ScriptConfig | None = None
    post_processor: ScriptConfig | None = None
    policy_map: tuple[AttributePair, ...] = ()
    answers: Mapping[TwoWaySituation, Answering] = field(default_factory=dict)
    idm_status: StatusAttribute | None = None
    resource_status: StatusAttribute | None = None
    conflict: AnsweredBy = AnsweredBy.RESPONSE
    guard: GuardLimits = GuardLimits()
    ignore_case: bool = False
    """Ids of the resource compare without case, as DNs do."""
    notifications: Any = None
    """Channels beside mail; read by the notifications."""
    report: str = "HTML"
    raw: dict[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def to_idm(self) -> str:
        """Name of the mapping from the resource to the repository."""
        return f"reconciliation_{self.name}_toIdm"

    @property
    def to_resource(self) -> str:
        """Name of the mapping from the repository to the resource."""
        return f"reconciliation_{self.name}_toResource"

    def pairs(self, *, to_idm: bool) -> list[AttributePair]:
        """The lines of the policy map that lead that way, as the mapping's properties stand."""
        left_out = Direction.TO_RESOURCE if to_idm else Direction.TO_IDM
        return [pair for pair in self.policy_map if pair.direction is not left_out]

    @property
    def idm_type(self) -> str:
        return self.idm_path.partition("/")[2]

    @property
    def system(self) -> str:
        return self.resource_path.split("/")[1]

    @property
    def object_type(self) -> str:
        return self.resource_path.split("/", 2)[2]

    def answer(self, situation: TwoWaySituation) -> Answering:
        return self.answers.get(situation, NOTHING)


NOTHING = Answering()
