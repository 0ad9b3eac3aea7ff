"""What people may change of themselves: the properties that the schema calls editable, by PATCH.

A new password needs the old one beside it (`X-OpenIDM-Reauth-Password`): who finds a screen unlocked gets no further.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conf.errors import Forbidden
from conf.managed_schema import ManagedType
from flows import patch


def check_operations(type: ManagedType, operations: Sequence[Any]) -> bool:
    """Raise Forbidden for anything but an editable property; True when a secret is among them."""
    touches_secret = False
    for operation in patch.parse(operations):
        if operation.name == "transform" or not operation.field:
            raise Forbidden("Access denied")
        named = [operation.field[0], *(operation.source or ())[:1]]
        if not all(_is_editable(type, name) for name in named):
            raise Forbidden("Access denied")
        touches_secret = touches_secret or operation.field[0] in type.secrets
    return touches_secret


def _is_editable(type: ManagedType, name: str) -> bool:
    found = type.properties.get(name)
    return found is not None and found.raw.get("userEditable") is True and not found.is_relationship
