"""Whether two objects differ, and in which attributes, told apart as JSON tells them apart."""

from dataclasses import dataclass
from typing import Any

from flows.engine.rules import Json

_ABSENT = object()


def equal(one: Any, other: Any) -> bool:
    """Deep and type-sensitive: true is not 1, 1 is not 1.0, null is not absent, and the order of lists counts."""
    kind = type(one)
    if kind is not type(other):
        return False
    if kind is str:  # as most values are
        return bool(one == other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """One attribute that differs; `before` or `after` is absent when the attribute is added or removed."""

    attribute: str
    before: Any
    after: Any
    added: bool = False
    removed: bool = False


def attribute_changes(before: Json, after: Json) -> list[AttributeChange]:
    """The top-level attributes that differ, in the order of the old object, then of the new one."""
    changes = []
    for key in (*before, *(k for k in after if k not in before)):
        old, new = before.get(key, _ABSENT), after.get(key, _ABSENT)
        if old is _ABSENT:
            changes.append(AttributeChange(key, None, new, added=True))
        elif new is _ABSENT:
            changes.append(AttributeChange(key, old, None, removed=True))
        elif not equal(old, new):
            changes.append(AttributeChange(key, old, new))
    return changes
