"""An answer that is a file: JSON for scripts and other callers inside, its bytes for REST."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class File:
    """What goes out over REST."""

    parts: AsyncIterator[bytes]
    content_type: str
    name: str
    """For whoever saves it; plain ASCII."""
    is_shown: bool = False
    """By a browser in its window, instead of being saved."""
    headers: Mapping[str, str] = field(default_factory=dict)


class Download(dict[str, Any]):
    """A resource whose REST answer is `file`."""

    file: File

    @classmethod
    def of(cls, file: File, **members: Any) -> Download:
        found = cls(members)
        found.file = file
        return found
