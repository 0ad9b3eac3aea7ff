"""What changed in a system that keeps no log of changes: told by what was kept of it the last time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from flows.connectors.base import BrokenRow, Row


@dataclass(frozen=True)
class RowChange:
    """One object that is new, differs, is gone, or cannot be read."""

    id: str
    """Empty when not even that could be read."""
    row: Row | None
    """The object as it is now; None when it was deleted or cannot be read."""
    damage: str = ""
    """Why it cannot be read; else empty."""

    @property
    def is_gone(self) -> bool:
        return self.row is None and not self.damage

    @classmethod
    def of(cls, found: Row | BrokenRow) -> RowChange:
        """Of what a connector tells as changed."""
        if isinstance(found, BrokenRow):
            return cls(found.id or "", None, found.told)
        return cls(str(found["_id"]), found)


@runtime_checkable
class TellsDifferences(Protocol):
    """A connector that compares the system with what it has kept in a folder."""

    async def differences(
        self, object_type: str, token: str | None, folder: Path
    ) -> tuple[Sequence[RowChange], str]:
        """Changes since the token in the order of the system, deletions last, and the next token.

        Without a token, none. Where nothing is left of the token's moment every object counts as changed.
        """

    async def forget(self, object_type: str, folder: Path, keep: str) -> None:
        """Drop what was kept for other tokens than this."""
