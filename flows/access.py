"""Who may do what over REST: the rules of access.json, denied by default, decided after routing.

An administrator may do everything. A rule's further condition (`customAuthz`) counts only when all parts of it are known
here; a rule with an unknown one allows nothing. Where a rule lets somebody into a collection of which he may see only
a part (tasks, processes), the resource itself shows him his part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from conf.access import AccessRule
from conf.errors import Forbidden
from flows.call import Caller
from flows.router import Found

Condition = Callable[[Caller, Found | None, str], bool]
"""(caller, where the path leads, verb) -> whether the rule holds."""

_MANAGED: Final = "managed/{type}"
_PART: Final = re.compile(r"\s*(\w+)\((.*?)\)\s*")


def _own_object(caller: Caller, found: Found | None, _verb: str) -> bool:
    if found is None or not caller.resource_id or found.route != _MANAGED:
        return False
    return found.id == caller.resource_id and caller.component == f"managed/{found.parts['type']}"


def _told_by_resource(_caller: Caller, _found: Found | None, _verb: str) -> bool:
    return True


def _editing(_caller: Caller, found: Found | None, verb: str) -> bool:
    """Of managed objects: what a PATCH or a PUT changes is looked at when its body is read."""
    return found is not None and found.route == _MANAGED and verb in {"read", "patch", "update"}


EDITABLE_ONLY: Final = "onlyEditableManagedObjectProperties"
REAUTHENTICATE: Final = "reauthIfProtectedAttributeChange"

CONDITIONS: Final[Mapping[str, Condition]] = {
    "ownDataOnly": _own_object,
    EDITABLE_ONLY: _editing,
    REAUTHENTICATE: _editing,
    "isMyTask": _told_by_resource,
    "ownTasksOnly": _told_by_resource,
    "ownProcessesOnly": _told_by_resource,
    "isAllowedToStartProcess": _told_by_resource,
    "disallowQueryExpression": _told_by_resource,
}


def permit(
    rules: Sequence[AccessRule], caller: Caller, verb: str, found: Found | None, path: str, action: str | None
) -> str:
    """The condition under which the caller may, empty for none; Forbidden when he may not.

    `found` is None for a path that leads nowhere.
    """
    if caller.is_admin:
        return ""
    for rule in rules:
        if rule.covers(path, verb, action or "", caller.roles) and _holds(rule.custom, caller, found, verb):
            return rule.custom
    raise Forbidden("Access denied")


def unknown_conditions(custom: str) -> list[str]:
    """Parts of a `customAuthz` that no request fulfils, because nothing here knows them."""
    parts = [part.strip() for part in custom.split("&&") if part.strip()]
    return [part for part in parts if not (match := _PART.fullmatch(part)) or match[1] not in CONDITIONS]


def _holds(custom: str, caller: Caller, found: Found | None, verb: str) -> bool:
    for part in filter(None, map(str.strip, custom.split("&&"))):
        match = _PART.fullmatch(part)
        condition = CONDITIONS.get(match[1]) if match else None
        if condition is None or not condition(caller, found, verb):
            return False
    return True
