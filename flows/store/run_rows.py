"""A run as its row says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from conf.terms import Phase, RunState, Stage
from conf.transaction import Row
from flows.store.json_text import load

COLUMNS: Final = (
    "seq, id, mapping, recon_action, is_analysis, persist_associations, state, stage, working, "
    "cancel_requested, trigger, user_id, request, parameters, statistics, checkpoint, reason, created_at, "
    "started_at, ended_at, owner, token, lease_until, flow_run_id"
)
"""All but the configuration, which is large and wanted by the executor alone."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to launch."""

    id: str
    mapping: str
    created_at: int
    recon_action: str = "recon"
    is_analysis: bool = False
    persist_associations: bool = False
    trigger: str = "rest"
    user_id: str = ""
    request: dict[str, Any] = field(default_factory=dict)
    configuration: Any = field(default_factory=dict)
    """All mappings as they are now; the run goes by them to its end."""
    parameters: dict[str, Any] = field(default_factory=dict)
    statistics: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as it stands."""

    seq: int
    id: str
    mapping: str
    recon_action: str
    is_analysis: bool
    persist_associations: bool
    state: RunState
    stage: Stage
    working: bool
    cancel_requested: bool
    trigger: str
    user_id: str
    request: dict[str, Any]
    parameters: dict[str, Any]
    statistics: dict[str, Any]
    checkpoint: dict[str, Any]
    reason: str | None
    created_at: int
    started_at: int | None
    ended_at: int | None
    owner: str | None
    token: int
    lease_until: int | None
    flow_run_id: str | None

    @property
    def ended(self) -> bool:
        return self.state is not RunState.ACTIVE


@dataclass(frozen=True, slots=True)
class DonePage:
    """A page that is committed."""

    phase: Phase
    page: int
    handled: list[str]
    """Ids of targets that the target phase need not visit."""


def run_of(row: Row) -> RunRow:
    """The run in a row of COLUMNS."""
    values = list(row)
    for flag in (4, 5, 8, 9):
        values[flag] = bool(values[flag])
    values[6], values[7] = RunState(values[6]), Stage(values[7])
    for document in (12, 13, 14, 15):
        values[document] = load(values[document])
    return RunRow(*values)
