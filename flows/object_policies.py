"""Policies of managed objects: what a property must fulfil before it is stored, under PingIDM's names.

A policy is named in `managed.json` (`{"policyId": "minimum-length", "params": {"minLength": 8}}`) or follows from the
schema (`required`, `type`, `minLength`, `pattern`). Uniqueness needs the store and is checked there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from conf.errors import Forbidden
from flows.policy_rules import MISSING, RULES, TYPES, Rule, Test

Json = dict[str, Any]


@dataclass(frozen=True)
class PropertyPolicy:
    """One policy on one property."""

    id: str
    params: Json = field(default_factory=dict)

    @cached_property
    def rule(self) -> Rule | None:
        """What its id stands for; None for a policy that we do not know."""
        return RULES.get(self.id)

    @cached_property
    def good(self) -> Test:
        """Its test, for its parameters; only of a policy that we know."""
        return RULES[self.id].bind(self.params)

    @property
    def minds_absence(self) -> bool:
        """Whether a missing value can fail it."""
        return self.rule is not None and self.rule.on_missing


class Policies(dict[str, tuple[PropertyPolicy, ...]]):
    """The policies of an object, by property."""

    @cached_property
    def tests(self) -> Mapping[str, Sequence[Test]]:
        """What a value of each property must pass."""
        return {name: [rule.good for rule in rules if rule.rule] for name, rules in self.items()}

    @cached_property
    def minding_absence(self) -> Sequence[str]:
        """Properties that fail when they have no value."""
        return [name for name, rules in self.items() if any(rule.minds_absence for rule in rules)]


def failures(policies: Policies, content: Json, *, kept: Collection[str] = ()) -> list[Json]:
    """The failed requirements of an object, by property; empty when all is well, as it mostly is.

    Properties that are `kept` as they are stored are not in the content, and not looked at.
    """
    failing = {name for name in policies.minding_absence if content.get(name) is None and name not in kept}
    tests = policies.tests
    for name, value in content.items():
        if value is not None:
            for good in tests.get(name, ()):
                if not good(value, content):
                    failing.add(name)
                    break
    if not failing:
        return []
    told = {
        name: property_failures(policies[name], content.get(name, MISSING), content)
        for name in policies
        if name in failing
    }
    return [{"policyRequirements": failed, "property": name} for name, failed in told.items() if failed]


def property_failures(policies: Sequence[PropertyPolicy], value: Any, content: Json) -> list[Json]:
    """The failed requirements of one value; each requirement is told once."""
    found: list[Json] = []
    for policy in policies:
        rule = policy.rule
        if rule is None or (not rule.on_missing and (value is MISSING or value is None)):
            continue
        if not policy.good(value, content):
            told: Json = {"policyRequirement": rule.requirement}
            if params := {name: policy.params[name] for name in rule.parameters if name in policy.params}:
                told["params"] = params
            if told not in found:
                found.append(told)
    return found


def refuse(failed: Sequence[Json]) -> Forbidden:
    """The error for failed policies, as PingIDM answers it."""
    return Forbidden(
        "Policy validation failed", detail={"result": False, "failedPolicyRequirements": list(failed)}
    )


def not_unique(name: str) -> Forbidden:
    """The error for a value that another object has already."""
    return refuse([{"policyRequirements": [{"policyRequirement": "UNIQUE"}], "property": name}])


def read_policies(schema: Json) -> Policies:
    """The policies of a managed type's schema, by property, those that follow from the schema first."""
    required = schema.get("required")
    names = set(required) if isinstance(required, list) else set()
    properties = schema.get("properties")
    found = Policies()
    for name, definition in (properties if isinstance(properties, dict) else {}).items():
        if isinstance(definition, dict):
            policies = (*_implied(name in names, definition), *_configured(definition))
            if policies:
                found[name] = policies
    return found


def _implied(required: bool, definition: Json) -> tuple[PropertyPolicy, ...]:
    found = []
    if required or definition.get("required") is True:
        found.append(PropertyPolicy("required"))
    types = definition.get("type")
    names = types if isinstance(types, list) else [types]
    known = [name for name in names if name in TYPES]
    if known and len(known) == len(names):
        found.append(PropertyPolicy("valid-type", {"types": known}))
    for member, policy, parameter in (
        ("minLength", "minimum-length", "minLength"),
        ("maxLength", "maximum-length", "maxLength"),
        ("pattern", "regexpMatches", "regexp"),
    ):
        if member in definition:
            found.append(PropertyPolicy(policy, {parameter: definition[member]}))
    return tuple(found)


def _configured(definition: Json) -> tuple[PropertyPolicy, ...]:
    policies = definition.get("policies")
    return tuple(
        PropertyPolicy(str(policy["policyId"]), dict(policy.get("params") or {}))
        for policy in (policies if isinstance(policies, list) else ())
        if isinstance(policy, dict) and "policyId" in policy
    )
