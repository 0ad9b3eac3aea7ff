"""What happened to one managed object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

HELD_BACK: Final = "changes_held_back"
"""Member of a call's context: a list that takes changes which must wait for their link."""


@dataclass(frozen=True)
class Change:
    """Objects as mappings see them; None before a create and after a delete."""

    id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
