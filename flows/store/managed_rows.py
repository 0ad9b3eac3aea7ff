"""A managed object as its row says it."""

from __future__ import annotations

import random
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

from conf.transaction import Row
from flows.store.filter_sql import Columns, TextColumn
from flows.store.json_text import load, load_optional

CHUNK: Final = 5000
"""Ids in one statement; a longer list is split."""
COLUMNS: Final = "seq, id, rev, body, secrets, unique_key"

_REV: Final = re.compile("[0-9a-f]{16}")

MEMBERS: Final = Columns(
    {
        "_id": TextColumn("id"),
        "_rev": TextColumn("printf('%016x', rev)", "lpad(to_hex(rev), 16, '0')"),
    },
    "body",
)


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it is kept."""

    id: str
    rev: int
    body: dict[str, Any]
    """Without `_id`, `_rev` and secrets."""
    secrets: dict[str, Any] | None = None
    unique_key: str | None = None
    seq: int = field(default=0, compare=False)
    """Order of creation, given by the database."""

    def object(self) -> dict[str, Any]:
        """The object as queries and scripts see it; a new dict around the same values."""
        return {"_id": self.id, "_rev": rev_text(self.rev), **self.body}


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a query."""

    rows: list[Stored]
    total: int = -1
    """Of all pages; -1 when it was not asked for."""
    after: str | None = None
    """Give it as `after` to go on; None at the end."""


def new_rev() -> int:
    """A revision that no other write will get. Nothing is kept secret by it, so the fast generator will do."""
    return random.getrandbits(63)


def rev_text(rev: int) -> str:
    """A revision as the wire has it: 16 hexadecimal digits."""
    return f"{rev:016x}"


def parse_rev(text: str) -> int | None:
    """The revision that a caller names; None for a text that can be none, which is stale like any other."""
    rev = int(text, 16) if _REV.fullmatch(text) else 2**63
    return rev if rev < 2**63 else None


def stored(row: Row) -> Stored:
    """The object in a row of COLUMNS."""
    seq, id_, rev, body, secrets, unique_key = row
    return Stored(id_, rev, load(body), load_optional(secrets), unique_key, seq)


def chunks(values: Collection[str]) -> list[list[str]]:
    """The values in lists that one statement takes."""
    found = list(values)
    return [found[start : start + CHUNK] for start in range(0, len(found), CHUNK)]
