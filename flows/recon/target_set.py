"""The targets that a run's target query gave, and which of them no source has accounted for yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class TargetSet:
    """Ids as the link type compares them; order is that of the query."""

    remaining: dict[str, str] = field(default_factory=dict)
    """Key to id of targets that no source accounted for."""
    known: set[str] = field(default_factory=set)
    objects: dict[str, Json] = field(default_factory=dict)
    """Objects that the query gave in place of those that the store has: only when it asked for a part of them."""
    was_empty: bool = True
    is_partial: bool = False
    """There may be targets beside these: whether one exists is looked up."""
    horizon: int | None = None
    """Mark of the time of the query, by which a resumed run leaves out what was made since."""

    @classmethod
    def of(cls, found: Iterable[tuple[str, str]]) -> TargetSet:
        """From (key, id) pairs; the first of equal keys counts."""
        remaining: dict[str, str] = {}
        for key, id in found:
            remaining.setdefault(key, id)
        return cls(remaining, set(remaining), {}, not remaining)

    def __contains__(self, key: str) -> bool:
        return key in self.known

    def __len__(self) -> int:
        return len(self.known)

    def handled(self, keys: Iterable[str]) -> None:
        """Take these out of what the target phase visits."""
        for key in keys:
            self.remaining.pop(key, None)
