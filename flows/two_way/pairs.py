"""Writing one side's attributes from the other's, so that equal pairs stay as they are.

What a system can say differs: a directory has lists where the repository has single values, a CSV file has only texts.
Values that say the same are left alone, so a second run has nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from conf import pointer
from flows.engine.attributes import mapped_value
from flows.engine.copying import copy_json
from flows.engine.rules import Json, PropertyRule

_NOTHING: Final[tuple[Any, ...]] = (None, "", [])
_TELLING: Final = ("password", "userpassword", "unicodepwd", "__password__", "secret", "credential")


@dataclass(frozen=True, slots=True)
class Merging(PropertyRule):
    """A list that is mapped into one which holds more than what is mapped."""

    others: Callable[[Any], list[Any]] = lambda _present: []
    """What of the present value is not mapped, and stays."""


def write(properties: Iterable[PropertyRule], source: Json, target: Json) -> None:
    """Map every property onto `target`, in place. No value takes the attribute away; raises EntryFailed of scripts."""
    for rule in properties:
        value = mapped_value(rule, source, "default")
        present = pointer.get(target, rule.target)
        if isinstance(rule, Merging) and (kept := rule.others(present)):
            value = [*(value or ()), *kept]
        if same(present, value):
            continue
        if value in _NOTHING and len(rule.target) == 1:
            target.pop(rule.target[0], None)
        else:
            pointer.put(target, rule.target, value)


def same(one: Any, other: Any) -> bool:
    """Whether two values say the same: order of lists, a list around one value, and texts of values do not count."""
    if one in _NOTHING or other in _NOTHING:
        return one in _NOTHING and other in _NOTHING
    if isinstance(one, list) or isinstance(other, list):
        return sorted(map(text_of, listed(one))) == sorted(map(text_of, listed(other)))
    return text_of(one) == text_of(other)


def listed(value: Any) -> list[Any]:
    """The value as a list."""
    return value if isinstance(value, list) else [value]


def text_of(value: Any) -> str:
    """A value as a system of texts has it; of a reference only what it leads to."""
    if isinstance(value, dict) and "_ref" in value:
        return str(value["_ref"])
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def differ(properties: Sequence[PropertyRule], source: Json, target: Json) -> bool:
    """Whether writing would change anything."""
    changed = copy_json(target)
    write(properties, source, changed)
    return changed != target


def shown(paths: Iterable[tuple[tuple[str, ...], str]], value: Json | None) -> Json | None:
    """The attributes of the policy map, for results; never a password."""
    if value is None:
        return None
    found = {}
    for path, text in paths:
        if any(word in part.lower() for part in path for word in _TELLING):
            continue
        present = pointer.get(value, path)
        if present not in _NOTHING:
            found[text] = copy_json(present)
    return found
