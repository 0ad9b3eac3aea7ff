"""What people may change of themselves: the properties that the schema calls editable, by PATCH or PUT.

A new password needs the old one beside it (`X-OpenIDM-Reauth-Password`): who finds a screen unlocked gets no further.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from conf.errors import Forbidden
from conf.managed_schema import ManagedType
from flows import patch

_MISSING: Final = object()


def check_operations(type: ManagedType, operations: Sequence[Any], *, editable_only: bool) -> bool:
    """Raise Forbidden for anything but an editable property, where only these count; True when a secret is touched."""
    touches_secret = False
    for operation in patch.parse(operations):
        is_open = operation.name == "transform" or not operation.field
        named = [*operation.field[:1], *(operation.source or ())[:1]]
        if editable_only and (is_open or not all(_is_editable(type, name) for name in named)):
            raise Forbidden("Access denied")
        touches_secret = touches_secret or is_open or operation.field[0] in type.secrets
    return touches_secret


def check_replacement(
    type: ManagedType, before: Mapping[str, Any], content: Mapping[str, Any], *, editable_only: bool
) -> bool:
    """The same for a whole object in place of `before`, the object as it is shown to this caller.

    What is not shown to them, such as their roles, they may not name.
    """
    members = (before.keys() | content.keys()) - {"_id", "_rev"}
    # null of what is not shown takes it away, so it is a change too
    changed = {name for name in members if before.get(name, _MISSING) != content.get(name, _MISSING)}
    if editable_only and not all(_is_editable(type, name) for name in changed):
        raise Forbidden("Access denied")
    return not changed.isdisjoint(type.secrets)


def _is_editable(type: ManagedType, name: str) -> bool:
    found = type.properties.get(name)
    return found is not None and found.raw.get("userEditable") is True and not found.is_relationship
