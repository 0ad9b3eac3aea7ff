"""Entries of the stages of a two-way run, in order, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from conf.transaction import Row, Transaction
from flows.store.json_text import load_optional

_COLUMNS: Final = "seq, phase, status, situation, action, source_id, target_id, message, detail"
_UNSURE: Final = '%"unsure":true%'
_LATER: Final = '%"later":%'


@dataclass(frozen=True, slots=True)
class StageEntry:
    """One entry of a stage."""

    seq: int
    phase: str
    status: str
    situation: str | None
    action: str | None
    source_id: str | None
    target_id: str | None
    message: str | None
    detail: Any

    @property
    def facts(self) -> dict[str, Any]:
        """What the responder kept; empty where it was not asked."""
        found = self.detail.get("reconciliation") if isinstance(self.detail, dict) else None
        return found if isinstance(found, dict) else {}


async def entries_after(tx: Transaction, run: int, seq: int, limit: int) -> list[StageEntry]:
    """The next entries of a stage behind a number."""
    rows = await tx.fetch(
        f"select {_COLUMNS} from recon_entry where run = ? and seq > ? order by seq limit ?",
        (run, seq, limit),
    )
    return [_entry(row) for row in rows]


async def left_for_later(tx: Transaction, run: int) -> list[StageEntry]:
    """Entries of a stage that a later stage is to deal with."""
    rows = await tx.fetch(
        f"select {_COLUMNS} from recon_entry where run = ? and detail like ? order by seq", (run, _LATER)
    )
    return [_entry(row) for row in rows]


def _entry(row: Row) -> StageEntry:
    values = list(row)
    values[-1] = load_optional(values[-1])
    return StageEntry(*values)


async def unsure_targets(tx: Transaction, run: int) -> list[str]:
    """Ids of the targets of which a stage could not tell whether they have a counterpart."""
    rows = await tx.fetch(
        "select target_id from recon_entry where run = ? and phase = 'target' and detail like ? order by seq",
        (run, _UNSURE),
    )
    return [row[0] for row in rows if row[0] is not None]


async def target_ids(tx: Transaction, run: int) -> set[str]:
    """Ids of the targets that a stage met."""
    rows = await tx.fetch("select target_id from recon_entry where run = ? and target_id is not null", (run,))
    return {row[0] for row in rows}
