"""A configured mapping turned into rules: scripts compiled, filters made predicates, every script call measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from conf.filters import evaluate
from conf.script_config import ScriptConfig
from conf.terms import Action, Situation
from flows.engine.rules import (
    Condition,
    Hook,
    MappingRules,
    PolicyRule,
    PropertyRule,
    Scope,
    WorkflowTrigger,
)
from flows.statistics import Statistics
from flows.two_way.compile import scripts_of as two_way_scripts
from flows.two_way.compile import two_way_rules
from flows.two_way.members import Counterparts, no_counterparts

if TYPE_CHECKING:
    from conf.mapping import AttributeMapping, ObjectMapping, Policy
    from flows.scripts.host import ScriptHost
    from flows.scripts.session import ScriptSession

WORKFLOW_TRIGGER: Final = "workflow/triggerWorkflowFromSync.js"
NO_EFFECT: Final = frozenset(
    {
        "roles/onRecon.groovy",
        "roles/defaultPostMapping.groovy",
        "roles/defaultMapping.js",
        "roles/defaultMapping.groovy",
    }
)
"""Shipped scripts that mappings name by habit; role assignments, which they serve, are not part of a plain mapping."""


@dataclass
class Compiler:
    """Compiles mappings for one session of scripts; `statistics` takes the measured times."""

    host: ScriptHost
    session: ScriptSession
    statistics: Statistics
    has_file: Callable[[str], bool] = lambda _file: False
    """Whether the project has a script file of its own of that name."""
    counterparts: Counterparts = no_counterparts
    """Two-way: ids of members on the other side."""
    assesses: str = ""
    """Two-way: `whole` or `part` (of the source) leaves for later what destroys and what writes the other side."""

    def rules(self, mapping: ObjectMapping) -> MappingRules:
        """Compile; raises ConfigError for a script that does not compile."""
        hook = self.hook
        rules = MappingRules(
            name=mapping.name,
            source=mapping.source,
            target=mapping.target,
            properties=tuple(self.property_rule(found) for found in mapping.properties),
            policies=self.policies(mapping.policies),
            valid_source=hook(mapping.valid_source, "validSourceScript"),
            valid_target=hook(mapping.valid_target, "validTargetScript"),
            source_condition=self.condition(mapping.source_condition, None),
            correlation={
                qualifier: self.required(script, "correlationQuery")
                for qualifier, script in mapping.correlation.items()
            },
            correlation_script=hook(mapping.correlation_script, "correlationScript"),
            correlate_empty_target_set=mapping.correlate_empty_target_set,
            linking=mapping.enable_linking,
            on_create=hook(mapping.on_create, "onCreateScript"),
            on_update=hook(mapping.on_update, "onUpdateScript"),
            on_delete=hook(mapping.on_delete, "onDeleteScript"),
            on_link=hook(mapping.on_link, "onLinkScript"),
            on_unlink=hook(mapping.on_unlink, "onUnlinkScript"),
            on_error=hook(mapping.on_error, "onErrorScript"),
            on_mapping=hook(mapping.on_mapping, "onMappingScript"),
            post_mapping=hook(mapping.post_mapping, "postMappingScript"),
            configuration=mapping.raw,
        )
        return rules if mapping.reconciliation is None else two_way_rules(self, rules, mapping)

    def hook(self, script: ScriptConfig | None, metric: str | None) -> Hook | None:
        """A script as a callable, measured under `metric`; None for none, and for shipped ones without effect here."""
        if script is None or (script.file in NO_EFFECT and not self.has_file(script.file or "")):
            return None
        return self.required(script, metric)

    def required(self, script: ScriptConfig, metric: str | None) -> Hook:
        """As `hook`, for a script that is there."""
        compiled, session, statistics = self.host.compile(script), self.session, self.statistics

        def call(scope: Scope, mutable: tuple[str, ...] = ()) -> Any:
            begun = perf_counter()
            try:
                return session.run(compiled, scope, mutable)
            finally:
                if metric is not None:
                    statistics.measured(metric, perf_counter() - begun)

        return call

    def condition(self, condition: Any, metric: str | None) -> Condition | None:
        """A filter over the scope, or a script whose answer must be the boolean true."""
        if condition is None:
            return None
        if not isinstance(condition, ScriptConfig):
            return evaluate.predicate(condition, ignore_case=True)
        hook = self.required(condition, metric)
        return lambda scope: hook(scope) is True

    def property_rule(self, found: AttributeMapping) -> PropertyRule:
        return PropertyRule(
            target=found.target,
            target_text=found.target_text,
            source=found.source,
            transform=self.hook(found.transform, "propertyMappingScript"),
            condition=self.condition(found.condition, None),
            default=found.default,
        )

    def policies(self, policies: Sequence[Policy]) -> dict[Situation, list[PolicyRule]]:
        """Policies by situation, in the order of the configuration."""
        found: dict[Situation, list[PolicyRule]] = {}
        for policy in policies:
            found.setdefault(policy.situation, []).append(
                PolicyRule(
                    action=self.action(policy.action),
                    condition=self.condition(policy.condition, None),
                    post_action=self.hook(policy.post_action, "activePolicyPostActionScript"),
                )
            )
        return found

    def action(self, action: Action | ScriptConfig) -> Action | Hook | WorkflowTrigger:
        """An action, its script, or the built-in workflow trigger where the project has no script of that name."""
        if isinstance(action, Action):
            return action
        if is_workflow_trigger(action, self.has_file):
            return WorkflowTrigger(
                workflow_name=str(action.variables.get("workflowName", "")),
                ask_again=action.variables.get("afterRejection") == "ask",
            )
        return self.required(action, "activePolicyScript")


def is_workflow_trigger(script: ScriptConfig, has_file: Callable[[str], bool]) -> bool:
    """Whether this is the workflow trigger that we have built in."""
    return script.file == WORKFLOW_TRIGGER and not has_file(WORKFLOW_TRIGGER)


def scripts_of(
    mapping: ObjectMapping, has_file: Callable[[str], bool] = lambda _file: False
) -> list[ScriptConfig]:
    """Every script that processing an entry of the mapping may run; what is built in as a rule is none."""
    if mapping.reconciliation is not None:
        return two_way_scripts(mapping.reconciliation)
    found: list[Any] = [
        mapping.valid_source,
        mapping.valid_target,
        mapping.source_condition,
        *mapping.correlation.values(),
        mapping.correlation_script,
        mapping.on_create,
        mapping.on_update,
        mapping.on_delete,
        mapping.on_link,
        mapping.on_unlink,
        mapping.on_error,
        mapping.on_mapping,
        mapping.post_mapping,
        mapping.link_qualifiers,
        *(item for prop in mapping.properties for item in (prop.transform, prop.condition)),
        *(
            item
            for policy in mapping.policies
            for item in (policy.action, policy.condition, policy.post_action)
        ),
    ]
    return [
        script
        for script in found
        if isinstance(script, ScriptConfig)
        and (script.file not in NO_EFFECT | {WORKFLOW_TRIGGER} or has_file(script.file or ""))
    ]
