"""Rows of a CSV file that changed since a moment: ids and digests of its rows are kept, not the rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

import orjson

from flows.connectors.base import Row, SourcePage
from flows.connectors.differences import RowChange

_DIGEST: Final = 12
_DAMAGED: Final = "\n"
"""Before the id of a row that cannot be read, where it is kept that this was told; no id begins with it."""


def compare(
    pages: Iterable[SourcePage], before: dict[str, str] | None
) -> tuple[list[RowChange], dict[str, str]]:
    """The changes, and what to keep of the file as it is now; None before the first time.

    A row that cannot be read is told once, and its object has not changed. When a row's id cannot be read either,
    nobody can say who is gone.
    """
    known = before or {}
    changes: list[RowChange] = []
    kept: dict[str, str] = {}
    complete = True
    for page in pages:
        for row in page.rows:
            id, digest = str(row["_id"]), digest_of(row)
            kept[id] = digest
            if before is not None and known.get(id) != digest:
                changes.append(RowChange(id, row))
        for broken in page.broken:
            if broken.id is None:
                complete = False
            elif broken.id in known:
                kept.setdefault(broken.id, known[broken.id])
            told = f"{_DAMAGED}{broken.id or ''}{_DAMAGED}{digest_of({'damage': broken.reason})}"
            kept[told] = "told"
            if before is not None and told not in known:
                changes.append(RowChange.of(broken))
    left = [id for id in known if id not in kept and not id.startswith(_DAMAGED)]
    if complete:
        changes += [RowChange(id, None) for id in left]
    else:
        kept |= {id: known[id] for id in left}
    return changes, kept


def digest_of(row: Row) -> str:
    """Changes with any value of the row."""
    text = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=_DIGEST).hexdigest()
