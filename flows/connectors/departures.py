"""Who is gone from a system that tells what changed and not what was deleted: told by the ids that it had before."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from flows.connectors.base import Connector
from flows.connectors.differences import RowChange
from flows.connectors.retained import RetainedCopies

_LOG = logging.getLogger("reconvene.departures")
MARK: Final = "ids:"
"""Begins a token that names kept ids before the system's own token."""
MANY, SHARE = 10, 0.25
"""So many, and such a part of all, are not taken for deleted because they are seen no more."""


@runtime_checkable
class TellsDepartures(Protocol):
    """A connector whose tokens tell of deletions too."""

    async def departed(
        self, object_type: str, before: str, after: str, known: Collection[str]
    ) -> Collection[str] | None:
        """Which of the ids known at the token `before` are gone; None when all must be read to find that out."""


async def changes_and_departures(
    connector: Connector, object_type: str, token: str | None, folder: Path
) -> tuple[Sequence[RowChange], str]:
    """Changes since the token in the order of the system, deletions last, and the next token; without a token, none.

    All ids are read again for it, unless the system can tell who is gone. When very many are gone at once no deletion
    is told: a right that was lost looks the same, and a reconciliation asks before it believes that.
    """
    copies = _copies(connector, object_type, folder)
    copy, before = _parted(token)
    rows, after = await connector.changes(object_type, before)
    changes = [RowChange.of(row) for row in rows]
    known = copies.load(copy) if copy else None
    gone = None
    if known is not None and before is not None and isinstance(connector, TellsDepartures):
        gone = await connector.departed(object_type, before, after, known)
    if gone is None:
        now = await _ids(connector, object_type, known or {})
        gone = [id for id in known or {} if id not in now]
    else:
        now = {*(known or {}), *(change.id for change in changes if change.id)}.difference(gone)
    if len(gone) >= MANY and len(gone) > SHARE * len(known or {}):
        _LOG.warning(
            "system/%s/%s: %d of %d objects are seen no more; none is taken for deleted before a reconciliation",
            *(connector.name, object_type, len(gone), len(known or {})),
        )
        gone = []
    kept = copies.keep(dict.fromkeys(sorted(now), ""))
    return [*changes, *(RowChange(id, None) for id in gone)], f"{MARK}{kept};{after}"


def forget(connector: Connector, object_type: str, folder: Path, token: str) -> None:
    """Drop what was kept for other tokens than this."""
    _copies(connector, object_type, folder).forget(_parted(token)[0])


async def _ids(connector: Connector, object_type: str, known: Collection[str]) -> set[str]:
    """Ids of objects that are there, or may be: a damaged one is, and when not all can be read, so are those known."""
    now: set[str] = set()
    is_whole = False
    async for page in connector.pages(object_type, fields=["_id"]):
        now.update(str(row["_id"]) for row in page.rows)
        now.update(one.id for one in page.broken if one.id is not None and one.id in known)
        is_whole = page.complete
    return now if is_whole else now.union(known)


def _parted(token: str | None) -> tuple[str, str | None]:
    """The name of the kept ids, and the system's own token."""
    if token is None or not token.startswith(MARK):
        return "", token
    copy, _, own = token.removeprefix(MARK).partition(";")
    return copy, own


def _copies(connector: Connector, object_type: str, folder: Path) -> RetainedCopies:
    return RetainedCopies(folder, f"{connector.name}/{object_type}")
