"""Rules that note what they answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from conf.errors import ReconError
from conf.terms import Action
from flows.engine.copying import copy_json
from flows.engine.rules import Condition, Hook, MappingRules, PolicyRule, PropertyRule, Scope, WorkflowTrigger

if TYPE_CHECKING:
    from conf.mapping import ObjectMapping
    from conf.script_config import ScriptConfig

Place = tuple[str | int, ...]
T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """What a script or condition answered, or why it failed."""

    value: Any = None
    error: str | None = None
    scope: Scope = field(default_factory=dict)


@dataclass
class Trace:
    """Answers by the place of the rule: `("validSource",)`, `("policy", 2, "condition")`."""

    answers: dict[Place, Answer] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    """Scripts that a run would run and an explanation does not."""

    def value(self, *place: str | int) -> Any:
        found = self.answers.get(place)
        return None if found is None else found.value

    def asked(self, *place: str | int) -> bool:
        return place in self.answers

    def hook(self, hook: Hook, *place: str | int) -> Hook:
        def call(scope: Scope, mutable: tuple[str, ...] = ()) -> Any:
            return self._note(lambda: hook(scope, mutable), place, scope)

        return call

    def optional(self, hook: Hook | None, *place: str | int) -> Hook | None:
        return None if hook is None else self.hook(hook, *place)

    def condition(self, condition: Condition | None, *place: str | int) -> Condition | None:
        if condition is None:
            return None
        return lambda scope: self._note(lambda: condition(scope), place, scope)

    def _note(self, ask: Callable[[], T], place: Place, scope: Scope) -> T:
        try:
            found = ask()
        except ReconError as error:
            self.answers[place] = Answer(error=error.message, scope=dict(scope))
            raise
        self.answers[place] = Answer(copy_json(found), scope=dict(scope))
        return found


def traced(rules: MappingRules, mapping: ObjectMapping, trace: Trace) -> MappingRules:
    """The same rules, noting their answers. What only follows a write is left out."""
    numbers = {
        situation: [number for number, found in enumerate(mapping.policies) if found.situation is situation]
        for situation in rules.policies
    }
    for name, script in (
        ("onLink", mapping.on_link),
        ("onUnlink", mapping.on_unlink),
        ("onDelete", mapping.on_delete),
        ("postMapping", mapping.post_mapping),
        ("onError", mapping.on_error),
    ):
        if script is not None:
            trace.left_out.append(name)
    return replace(
        rules,
        valid_source=trace.optional(rules.valid_source, "validSource"),
        valid_target=trace.optional(rules.valid_target, "validTarget"),
        source_condition=trace.condition(rules.source_condition, "sourceCondition"),
        correlation={
            qualifier: trace.hook(hook, "correlationQuery") for qualifier, hook in rules.correlation.items()
        },
        correlation_script=trace.optional(rules.correlation_script, "correlationScript"),
        policies={
            situation: [
                _policy(policy, trace, number)
                for policy, number in zip(found, numbers[situation], strict=True)
            ]
            for situation, found in rules.policies.items()
        },
        properties=[_property(found, trace, number) for number, found in enumerate(rules.properties)],
        on_create=_changing(rules.on_create, mapping.on_create, trace, "onCreate"),
        on_update=_changing(rules.on_update, mapping.on_update, trace, "onUpdate"),
        on_mapping=_changing(rules.on_mapping, mapping.on_mapping, trace, "onMapping"),
        on_link=None,
        on_unlink=None,
        on_delete=None,
        on_error=None,
        post_mapping=None,
    )


def _policy(policy: PolicyRule, trace: Trace, number: int) -> PolicyRule:
    action = policy.action
    if not isinstance(action, Action | WorkflowTrigger):
        action = trace.hook(action, "policy", number, "action")
    return replace(policy, action=action, condition=trace.condition(policy.condition, "policy", number))


def _property(found: PropertyRule, trace: Trace, number: int) -> PropertyRule:
    return replace(
        found,
        condition=trace.condition(found.condition, "property", number, "condition"),
        transform=trace.optional(found.transform, "property", number, "transform"),
    )


def _changing(hook: Hook | None, script: ScriptConfig | None, trace: Trace, name: str) -> Hook | None:
    """A script that may change what is written runs too, unless it is Python, which may do anything."""
    if hook is None or script is None:
        return None
    if script.language == "python":
        trace.left_out.append(name)
        return None
    return trace.hook(hook, name)
