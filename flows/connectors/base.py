"""What every connector does: read objects of a system page by page, read some by id, and write them singly.

An object is a plain dict with `_id`; a member without a value is left out. A row that cannot be read is never
dropped: it comes as a `BrokenRow`, because a person whose row is damaged is still there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from conf.errors import Conflict
from conf.filters.ast import Filter

Row = dict[str, Any]


@dataclass(frozen=True)
class BrokenRow:
    """A row that could not be read."""

    id: str | None
    """The object it belongs to; None when not even that could be read, so that the enumeration is incomplete."""
    line: int
    """Line of the file where the row begins, counted from 1; 0 where a system has no lines."""
    reason: str
    """A code and a sentence, as `BAD_ROW: 5 values where the header has 7`."""

    @property
    def told(self) -> str:
        """The reason, with the line where there are lines."""
        return f"line {self.line}: {self.reason}" if self.line else self.reason


@dataclass(frozen=True)
class SourcePage:
    """Some objects of an enumeration, in the order of the system."""

    rows: Sequence[Row]
    broken: Sequence[BrokenRow]
    complete: bool
    """True on the last page of an enumeration in which no row without a readable id was met; else False."""
    cursor: str
    """Where a successor goes on after this page; only the connector understands it."""


@dataclass(frozen=True)
class Capabilities:
    """What a connector can do beyond reading."""

    create: bool = False
    update: bool = False
    delete: bool = False
    changes: bool = False
    """Tells what changed since a token (liveSync)."""


class SourceUnreadable(Conflict):
    """The system cannot be enumerated: file missing, header wrong, connection refused. Nothing was read."""


class RowsUnreadable(SourceUnreadable):
    """Of the objects asked for by id some are there and cannot be read; whoever can tells of these alone."""

    def __init__(self, message: str, found: Mapping[str, Row], broken: Sequence[BrokenRow]) -> None:
        super().__init__(message)
        self.found = found
        """The others."""
        self.broken = broken


class SourceChanged(SourceUnreadable):
    """The system changed under the reader, so what was read is not the whole: SOURCE_CHANGED."""


class Connector(Protocol):
    """One system, as a mapping names it by `system/<name>/<object type>`."""

    name: str
    capabilities: Capabilities

    async def test(self) -> None:
        """Return when the system can be read; else raise a ReconError that says why not."""

    def object_types(self) -> Sequence[str]:
        """Names of the object types, as they stand in `system/<name>/<object type>`."""

    def pages(
        self,
        object_type: str,
        *,
        filter: Filter | None = None,
        fields: Sequence[str] | None = None,
        page_size: int = 1000,
        resume: str | None = None,
    ) -> AsyncIterator[SourcePage]:
        """Enumerate. Ends with one last page, or raises `SourceUnreadable` when it cannot tell the whole.

        `fields` names the members wanted (`_id` always comes); `resume` is the cursor of a page seen before.
        Broken rows are told whatever the filter, which cannot be asked of them.
        """

    async def read_many(self, object_type: str, ids: Collection[str]) -> dict[str, Row]:
        """The objects of these ids that exist; `RowsUnreadable` when some of them cannot be read."""

    async def create(self, object_type: str, content: Mapping[str, Any]) -> Row:
        """Create and return the object as the system holds it; PreconditionFailed when the id is taken."""

    async def update(self, object_type: str, id: str, content: Mapping[str, Any]) -> Row:
        """Write the members of `content`, None clearing one; others stay. NotFound for an unknown id."""

    async def delete(self, object_type: str, id: str) -> None:
        """Delete; NotFound for an unknown id."""

    async def changes(self, object_type: str, token: str | None) -> tuple[Sequence[Row | BrokenRow], str]:
        """Objects that changed since the token, and the next token; without a token only the present one.

        One that cannot be read comes as a `BrokenRow` and holds nobody else up.
        """
