"""What a mapping says, read and checked: the frozen form that the engine works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from conf.filters.ast import Filter
from conf.reconciliation_schema import Reconciliation
from conf.script_config import ScriptConfig
from conf.terms import DEFAULT_QUALIFIER, Action, Situation

Condition = Filter | ScriptConfig | None
"""None holds always; a script must return true."""


@dataclass(frozen=True)
class AttributeMapping:
    """One target attribute and where its value comes from."""

    target: tuple[str, ...]
    target_text: str
    """The pointer as it was written, for messages."""
    source: tuple[str, ...] | None
    """None: no source, the value comes from transform or default. `()`: the whole source object."""
    transform: ScriptConfig | None
    condition: Condition
    default: Any
    """Copy it before use: it may be a list or an object."""
    has_default: bool


@dataclass(frozen=True)
class Policy:
    """What to do in a situation, when the condition holds."""

    situation: Situation
    condition: Condition
    action: Action | ScriptConfig
    post_action: ScriptConfig | None


@dataclass(frozen=True)
class LinkType:
    """The links of a mapping, which it may share with the mapping that defines them.

    Case sensitivity is seen from the mapping that uses the links: `source` is its own source side.
    """

    name: str
    """Name of the defining mapping, as `linkType` stores it."""
    reverse: bool
    """True when this mapping runs against the definer: its source id is the link's secondId."""
    source_case_sensitive: bool
    target_case_sensitive: bool

    @property
    def first_case_sensitive(self) -> bool:
        return self.target_case_sensitive if self.reverse else self.source_case_sensitive

    @property
    def second_case_sensitive(self) -> bool:
        return self.source_case_sensitive if self.reverse else self.target_case_sensitive


@dataclass(frozen=True)
class ObjectMapping:
    """How objects of a source correspond to objects of a target, and what is done about each situation."""

    name: str
    source: str
    target: str
    links: str
    """Name of the link type: the mapping's own name, or that of the mapping whose links it shares."""
    link_type: LinkType
    link_qualifiers: tuple[str, ...] | ScriptConfig = (DEFAULT_QUALIFIER,)
    enable_sync: bool = True
    enable_linking: bool = True
    properties: tuple[AttributeMapping, ...] = ()
    policies: tuple[Policy, ...] = ()
    correlation: dict[str, ScriptConfig] = field(default_factory=dict)
    """`correlationQuery` by link qualifier."""
    correlation_script: ScriptConfig | None = None
    """Serves all qualifiers; never together with `correlation`."""
    correlate_empty_target_set: bool = False
    valid_source: ScriptConfig | None = None
    valid_target: ScriptConfig | None = None
    source_condition: Condition = None
    on_create: ScriptConfig | None = None
    on_update: ScriptConfig | None = None
    on_delete: ScriptConfig | None = None
    on_link: ScriptConfig | None = None
    on_unlink: ScriptConfig | None = None
    on_recon: ScriptConfig | None = None
    on_error: ScriptConfig | None = None
    on_mapping: ScriptConfig | None = None
    post_mapping: ScriptConfig | None = None
    result: ScriptConfig | None = None
    source_query: dict[str, Any] | None = None
    target_query: dict[str, Any] | None = None
    source_query_full_entry: bool | None = None
    target_query_full_entry: bool | None = None
    run_target_phase: bool | None = None
    """None: yes for recon, no for reconById."""
    allow_empty_source_set: bool = False
    prefetch_links: bool = True
    recon_source_query_paging: bool = False
    recon_source_query_page_size: int = 1000
    task_threads: int = 10
    feed_size: int = 1000
    trigger_sync_properties: tuple[tuple[str, ...], ...] | None = None
    """None: every change synchronises."""
    max_analysis_runs: int | None = 1
    """How many analysis runs keep their associations; None keeps all."""
    max_runs: int | None = 1
    clustered: bool = False
    raw: dict[str, Any] = field(default_factory=dict)
    """The mapping as it was written, unknown members included."""
    reconciliation: Reconciliation | None = None
    """The two-way configuration that it was compiled from."""
    problems: tuple[str, ...] = ()
    """Why it cannot run; the mapping is out of service while there are any."""

    def policies_for(self, situation: Situation) -> tuple[Policy, ...]:
        """Policies of a situation, in order."""
        return tuple(policy for policy in self.policies if policy.situation == situation)
