"""A mapping ready to be applied: names resolved, scripts turned into callables, conditions into predicates.

The engine never sees configuration or a script engine; whoever compiles the rules decides how a hook runs and measures it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from conf.terms import Action, Situation
from flows.engine.responder import Responder

Json = dict[str, Any]
Scope = dict[str, Any]


class Hook(Protocol):
    """A script or callable of the mapping.

    `scope` holds the variables; a name that is absent is undefined. Changes that the script makes to the names in
    `mutable` show in the scope's own objects afterwards. Raises ScriptFailed.
    """

    def __call__(self, scope: Scope, mutable: tuple[str, ...] = ()) -> Any: ...


Condition = Callable[[Scope], bool]
"""True or not; a script's answer counts only when it is the boolean true."""


@dataclass(frozen=True, slots=True)
class WorkflowTrigger:
    """An action that starts an approval process and answers ASYNC."""

    workflow_name: str
    ask_again: bool = False
    """Ask again after a rejection although the source is unchanged."""


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One policy of one situation."""

    action: Action | Hook | WorkflowTrigger
    condition: Condition | None = None
    post_action: Hook | None = None


@dataclass(frozen=True, slots=True)
class PropertyRule:
    """One attribute of the target."""

    target: tuple[str, ...]
    target_text: str
    source: tuple[str, ...] | None = None
    """Pointer into the source; the empty pointer is the whole object, None is no source."""
    transform: Hook | None = None
    condition: Condition | None = None
    default: Any = None


@dataclass(frozen=True)
class MappingRules:
    """One mapping, compiled."""

    name: str
    source: str
    target: str
    properties: Sequence[PropertyRule] = ()
    policies: Mapping[Situation, Sequence[PolicyRule]] = field(default_factory=dict)
    valid_source: Hook | None = None
    valid_target: Hook | None = None
    source_condition: Condition | None = None
    correlation: Mapping[str, Hook] = field(default_factory=dict)
    """correlationQuery of each link qualifier."""
    correlation_script: Hook | None = None
    correlate_empty_target_set: bool = False
    linking: bool = True
    on_create: Hook | None = None
    on_update: Hook | None = None
    on_delete: Hook | None = None
    on_link: Hook | None = None
    on_unlink: Hook | None = None
    on_error: Hook | None = None
    on_mapping: Hook | None = None
    post_mapping: Hook | None = None
    configuration: Json = field(default_factory=dict)
    """What scripts see as `mappingConfig`."""
    responder: Responder | None = None
    """Decides in place of the policies."""

    def correlates(self, qualifier: str) -> bool:
        """Whether a correlation is configured for this qualifier."""
        return self.correlation_script is not None or qualifier in self.correlation
