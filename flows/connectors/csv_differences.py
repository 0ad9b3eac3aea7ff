"""Rows of a CSV file that changed since a moment: ids and digests of its rows are kept, not the rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

import orjson

from flows.connectors.base import Row, SourcePage
from flows.connectors.differences import RowChange

_DIGEST: Final = 12


def compare(
    pages: Iterable[SourcePage], before: dict[str, str] | None
) -> tuple[list[RowChange], dict[str, str]]:
    """The changes, and what to keep of the file as it is now; None before the first time.

    A row that cannot be read has not changed. When a row's id cannot be read either, nobody can say who is gone.
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
    if not complete:
        for id, digest in known.items():
            kept.setdefault(id, digest)
    changes += [RowChange(id, None) for id in known if id not in kept]
    return changes, kept


def digest_of(row: Row) -> str:
    """Changes with any value of the row."""
    text = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=_DIGEST).hexdigest()
