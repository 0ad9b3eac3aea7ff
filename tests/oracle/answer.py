"""What is seen of a run, whoever carried it out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.oracle.terms import Json


@dataclass
class Answer:
    """Counters as the status document has them, and the entries of the audit."""

    state: str = "SUCCESS"
    source: tuple[int, str] = (0, "?")
    target: tuple[int, str] = (0, "?")
    links: tuple[int, str] = (0, "?")
    links_created: int = 0
    effects: Counter[str] = field(default_factory=Counter)
    situations: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    entries: list[Json] = field(default_factory=list)
