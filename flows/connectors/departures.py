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
class KnowsStillness(Protocol):
    """A connector whose tokens tell of deletions too."""

    def is_still(self, before: str, after: str) -> bool:
        """Whether nothing at all lies between two tokens."""


async def changes_and_departures(
    connector: Connector, object_type: str, token: str | None, folder: Path
) -> tuple[Sequence[RowChange], str]:
    """Changes since the token in the order of the system, deletions last, and the next token; without a token, none.

    All ids are read again for it, unless the system says that nothing happened. When very many are gone at once no
    deletion is told: a right that was lost looks the same, and a reconciliation asks before it believes that.
    """
    copies = _copies(connector, object_type, folder)
    copy, before = _parted(token)
    rows, after = await connector.changes(object_type, before)
    known = copies.load(copy) if copy else None
    if known is not None and before is not None and _is_still(connector, before, after):
        return [RowChange(str(row["_id"]), row) for row in rows], f"{MARK}{copy};{after}"
    now, broken, is_whole = await _ids(connector, object_type)
    gone = [id for id in known or {} if id not in now and id not in broken] if is_whole else []
    if len(gone) >= MANY and len(gone) > SHARE * len(known or {}):
        _LOG.warning(
            "system/%s/%s: %d of %d objects are seen no more; none is taken for deleted before a reconciliation",
            *(connector.name, object_type, len(gone), len(known or {})),
        )
        gone = []
    kept = {**{id: "" for id in known or {} if not is_whole or id in broken}, **dict.fromkeys(now, "")}
    changes = [RowChange(str(row["_id"]), row) for row in rows]
    return [*changes, *(RowChange(id, None) for id in gone)], f"{MARK}{copies.keep(kept)};{after}"


def forget(connector: Connector, object_type: str, folder: Path, token: str) -> None:
    """Drop what was kept for other tokens than this."""
    _copies(connector, object_type, folder).forget(_parted(token)[0])


async def _ids(connector: Connector, object_type: str) -> tuple[set[str], Collection[str], bool]:
    """Ids of sound objects, of damaged ones, and whether these are all."""
    now: set[str] = set()
    broken: set[str] = set()
    is_whole = False
    async for page in connector.pages(object_type, fields=["_id"]):
        now.update(str(row["_id"]) for row in page.rows)
        broken.update(one.id for one in page.broken if one.id is not None)
        is_whole = page.complete
    return now, broken, is_whole


def _is_still(connector: Connector, before: str, after: str) -> bool:
    return isinstance(connector, KnowsStillness) and connector.is_still(before, after)


def _parted(token: str | None) -> tuple[str, str | None]:
    """The name of the kept ids, and the system's own token."""
    if token is None or not token.startswith(MARK):
        return "", token
    copy, _, own = token.removeprefix(MARK).partition(";")
    return copy, own


def _copies(connector: Connector, object_type: str, folder: Path) -> RetainedCopies:
    return RetainedCopies(folder, f"{connector.name}/{object_type}")
