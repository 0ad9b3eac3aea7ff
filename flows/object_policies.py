"""Policies of managed objects: what a property must fulfil before it is stored, under PingIDM's names.

A policy is named in `managed.json` (`{"policyId": "minimum-length", "params": {"minLength": 8}}`) or follows from the
schema (`required`, `type`, `minLength`, `pattern`). Uniqueness needs the store and is checked there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import cached_property, lru_cache
from typing import Any, Final

from conf.errors import BadRequest, Forbidden
from conf.filters import parse as filter_parser

Json = dict[str, Any]
Test = Callable[[Any, Json, Json], bool]
"""(value, whole object, parameters) -> whether the value is good."""

MISSING: Final = object()
#: a pattern sees no longer text than this, because some patterns take for ever on long ones
_LONGEST_MATCHED: Final = 4096
#: what no path segment may hold
UNADDRESSABLE: Final = re.compile(r"[/\x00-\x1f\x7f]")
INTERNAL_NAMES: Final = frozenset({"openidm-admin", "anonymous", "idm-provisioning"})


@dataclass(frozen=True)
class PropertyPolicy:
    """One policy on one property."""

    id: str
    params: Json = field(default_factory=dict)

    @cached_property
    def rule(self) -> Rule | None:
        """What its id stands for; None for a policy that we do not know."""
        return RULES.get(self.id)

    @property
    def minds_absence(self) -> bool:
        """Whether a missing value can fail it."""
        return self.rule is not None and self.rule.on_missing


@dataclass(frozen=True)
class Rule:
    """What a policy id stands for."""

    requirement: str
    good: Test
    parameters: tuple[str, ...] = ()
    on_missing: bool = False
    """Whether a missing or null value is tested too; otherwise it is good."""


class Policies(dict[str, tuple[PropertyPolicy, ...]]):
    """The policies of an object, by property."""

    @cached_property
    def minding_absence(self) -> frozenset[str]:
        """Properties that fail when they have no value."""
        return frozenset(name for name, rules in self.items() if any(rule.minds_absence for rule in rules))


def failures(policies: Policies, content: Json) -> list[Json]:
    """The failed requirements of an object, by property; empty when all is well."""
    found = []
    minding = policies.minding_absence
    for name, rules in policies.items():
        value = content.get(name, MISSING)
        # most properties of most objects have no value, and few rules mind
        if (value is MISSING or value is None) and name not in minding:
            continue
        if failed := property_failures(rules, value, content):
            found.append({"policyRequirements": failed, "property": name})
    return found


def property_failures(policies: Sequence[PropertyPolicy], value: Any, content: Json) -> list[Json]:
    """The failed requirements of one value; each requirement is told once."""
    found: list[Json] = []
    for policy in policies:
        rule = policy.rule
        if rule is None or (not rule.on_missing and (value is MISSING or value is None)):
            continue
        if not rule.good(value, content, policy.params):
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
    known = [name for name in names if name in _TYPES]
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


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": _is_number,
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}


def _not_empty(value: Any, _content: Json, _params: Json) -> bool:
    return value is not MISSING and value is not None and value not in ("", [], {})


def _valid_type(value: Any, _content: Json, params: Json) -> bool:
    types = params.get("types", params.get("type"))
    for name in types if isinstance(types, list) else (types,):  # noqa: SIM110 a generator takes three times as long
        if name not in _TYPES or _TYPES[name](value):
            return True
    return False


def _username(value: Any, _content: Json, _params: Json) -> bool:
    if not isinstance(value, str) or not value.strip() or value.strip().lower() in INTERNAL_NAMES:
        return False
    return UNADDRESSABLE.search(value) is None


def _no_internal(value: Any, _content: Json, _params: Json) -> bool:
    return not isinstance(value, str) or value.strip().lower() not in INTERNAL_NAMES


def _matches(pattern: str, flags: int = 0) -> Test:
    compiled = re.compile(pattern, flags)
    return lambda value, _content, _params: (
        isinstance(value, str) and len(value) <= _LONGEST_MATCHED and compiled.fullmatch(value) is not None
    )


def _regexp(value: Any, _content: Json, params: Json) -> bool:
    pattern = _pattern(str(params.get("regexp", "")), str(params.get("flags") or ""))
    return isinstance(value, str) and len(value) <= _LONGEST_MATCHED and pattern.search(value) is not None


@lru_cache(maxsize=1000)
def _pattern(regexp: str, letters: str) -> re.Pattern[str]:
    flags = (re.IGNORECASE if "i" in letters else 0) | (re.MULTILINE if "m" in letters else 0)
    try:
        return re.compile(regexp, flags)
    except re.error as error:
        raise BadRequest(f"The pattern of a policy is not a regular expression: {error}") from None


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | list) else 0


def _number(params: Json, name: str, default: float) -> float:
    found = params.get(name, default)
    return float(found) if _is_number(found) else default


def _at_least(counted: Callable[[str], bool], parameter: str) -> Test:
    return lambda value, _content, params: (
        isinstance(value, str) and sum(map(counted, value)) >= _number(params, parameter, 1)
    )


def _no_others(value: Any, content: Json, params: Json) -> bool:
    """A password holds no other value of the person."""
    fields = params.get("disallowedFields", ())
    names = fields.split(",") if isinstance(fields, str) else fields
    others = [content.get(name.strip()) for name in names if isinstance(name, str)]
    text = str(value).lower()
    return not any(isinstance(other, str) and other and other.lower() in text for other in others)


def _no_characters(value: Any, _content: Json, params: Json) -> bool:
    forbidden = params.get("forbiddenChars", ())
    return not isinstance(value, str) or not any(str(letter) in value for letter in forbidden)


def _no_duplicates(value: Any, _content: Json, _params: Json) -> bool:
    return not isinstance(value, list) or all(element not in value[:at] for at, element in enumerate(value))


def _filter(value: Any, _content: Json, _params: Json) -> bool:
    try:
        filter_parser.parse(str(value))
    except BadRequest:
        return False
    return True


def _array_items(value: Any, _content: Json, params: Json) -> bool:
    types = params.get("types", params.get("type", []))
    names = types if isinstance(types, list) else [types]
    return not isinstance(value, list) or all(
        not names or any(name not in _TYPES or _TYPES[name](element) for name in names) for element in value
    )


def _iso(read: Callable[[str], Any]) -> Test:
    def good(value: Any, _content: Json, _params: Json) -> bool:
        try:
            read(str(value))
        except ValueError:
            return False
        return True

    return good


_NAME: Final = r"[^\d!#$%&*+/:;<=>?@\[\\\]^_{|}~\"\x00-\x1f]+"
_DURATION: Final = r"P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?"

RULES: Final[Mapping[str, Rule]] = {
    "required": Rule("REQUIRED", _not_empty, on_missing=True),
    "not-empty": Rule("REQUIRED", _not_empty, on_missing=True),
    "not-null": Rule("REQUIRED", lambda value, _content, _params: value is not None, on_missing=True),
    "valid-username": Rule("VALID_USERNAME", _username),
    "no-internal-user-conflict": Rule("NO_INTERNAL_USER_CONFLICT", _no_internal),
    "regexpMatches": Rule("MATCH_REGEXP", _regexp, ("regexp", "flags")),
    "valid-type": Rule("VALID_TYPE", _valid_type, ("types",)),
    "valid-query-filter": Rule("VALID_QUERY_FILTER", _filter),
    "valid-array-items": Rule("VALID_ARRAY_ITEMS", _array_items),
    "valid-date": Rule("VALID_DATE", _iso(date.fromisoformat)),
    "valid-formatted-date": Rule("VALID_FORMATTED_DATE", _iso(date.fromisoformat)),
    "valid-time": Rule("VALID_TIME", _iso(time.fromisoformat)),
    "valid-datetime": Rule("VALID_DATETIME", _iso(datetime.fromisoformat)),
    "valid-duration": Rule("VALID_DURATION", _matches(_DURATION)),
    "valid-email-address-format": Rule(
        "VALID_EMAIL_ADDRESS_FORMAT", _matches(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
    ),
    "valid-name-format": Rule("VALID_NAME_FORMAT", _matches(_NAME)),
    "valid-phone-format": Rule("VALID_PHONE_FORMAT", _matches(r"\+?[0-9\-. ()]*")),
    "at-least-X-capitals": Rule(
        "AT_LEAST_X_CAPITAL_LETTERS", _at_least(str.isupper, "numCaps"), ("numCaps",)
    ),
    "at-least-X-numbers": Rule("AT_LEAST_X_NUMBERS", _at_least(str.isdigit, "numNums"), ("numNums",)),
    "validNumber": Rule("VALID_NUMBER", lambda value, _content, _params: _is_number(value)),
    "minimumNumber": Rule(
        "MINIMUM_NUMBER_VALUE",
        lambda value, _content, params: _is_number(value) and value >= _number(params, "minimum", -1e308),
        ("minimum",),
    ),
    "maximumNumber": Rule(
        "MAXIMUM_NUMBER_VALUE",
        lambda value, _content, params: _is_number(value) and value <= _number(params, "maximum", 1e308),
        ("maximum",),
    ),
    "minimum-length": Rule(
        "MIN_LENGTH",
        lambda value, _content, params: _length(value) >= _number(params, "minLength", 0),
        ("minLength",),
    ),
    "maximum-length": Rule(
        "MAX_LENGTH",
        lambda value, _content, params: _length(value) <= _number(params, "maxLength", 1e308),
        ("maxLength",),
    ),
    "cannot-contain-others": Rule("CANNOT_CONTAIN_OTHERS", _no_others, ("disallowedFields",)),
    "cannot-contain-characters": Rule("CANNOT_CONTAIN_CHARACTERS", _no_characters, ("forbiddenChars",)),
    "cannot-contain-duplicates": Rule("CANNOT_CONTAIN_DUPLICATES", _no_duplicates),
}
"""Every policy that is known, but for `unique`; an unknown id is no obstacle."""
