"""Association entries of runs that keep them: one row for each outcome."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, Final

from conf.filters.ast import Filter
from conf.transaction import Row, Transaction
from flows.store.filter_sql import Columns, Constant, JsonMember, TextColumn, condition, order_by
from flows.store.json_text import dump, dump_told, load_optional, plain


@dataclass(frozen=True, slots=True)
class Entry:
    """One outcome. Ids are bare."""

    seq: int
    """Rises within the run; whoever writes a page numbers its entries."""
    phase: str
    status: str
    situation: str | None = None
    action: str | None = None
    qualifier: str | None = None
    source_id: str | None = None
    target_id: str | None = None
    ambiguous: Sequence[str] | None = None
    message: str | None = None
    detail: Any = None
    changed: bool = field(default=False)


COLUMNS: Final = tuple(each.name for each in fields(Entry))
_VALUES: Final = attrgetter(*COLUMNS)
_AMBIGUOUS: Final = COLUMNS.index("ambiguous")
_DETAIL: Final = COLUMNS.index("detail")


async def append(tx: Transaction, run: int, entries: Iterable[Entry]) -> None:
    """Add entries of a page to the run with that number."""
    await tx.insert("recon_entry", ("run", *COLUMNS), [_row(run, entry) for entry in entries])


def _row(run: int, entry: Entry) -> Row:
    values = list(_VALUES(entry))
    if entry.ambiguous is not None:
        values[_AMBIGUOUS] = dump(list(entry.ambiguous))
    if entry.detail is not None:
        values[_DETAIL] = dump_told(entry.detail)
    return (run, *(plain(value) if type(value) is str else value for value in values))


async def last_seq(tx: Transaction, run: int) -> int:
    """The highest number given in a run; 0 when there is none."""
    rows = await tx.fetch("select max(seq) from recon_entry where run = ?", (run,))
    return int(rows[0][0] or 0)


MEMBERS: Final = Columns(
    {
        "_id": TextColumn("cast(seq as text)"),
        "_rev": Constant("0"),
        "phase": TextColumn("phase"),
        "situation": TextColumn("situation"),
        "action": TextColumn("action"),
        "linkQualifier": TextColumn("qualifier"),
        "sourceObjectId": TextColumn("source_id"),
        "targetObjectId": TextColumn("target_id"),
        "status": TextColumn("status"),
        "message": TextColumn("message"),
        "messageDetail": JsonMember("detail", ()),
        "ambiguousTargetObjectIds": JsonMember("ambiguous", ()),
    }
)
"""Members that differ within a run."""


async def query(
    tx: Transaction,
    run: int,
    filter: Filter,
    *,
    same: Mapping[str, str] | None = None,
    sort_keys: Sequence[str] = (),
    page_size: int = 0,
    offset: int = 0,
    count: bool = False,
) -> tuple[list[Entry], int]:
    """Entries of a run that match, in their order, and the total of all pages (-1 unless counted).

    `same` are the members that do not differ within the run (reconId, mapping, collections).
    """
    members = Columns({**MEMBERS.known, **{name: Constant(value) for name, value in (same or {}).items()}})
    where = condition(filter, members, tx.dialect)
    parameters = (run, *where.parameters)
    total = -1
    if count:
        sql = f"select count(*) from recon_entry where run = ? and ({where.sql})"
        total = (await tx.fetch(sql, parameters))[0][0]
    order = order_by(sort_keys, members, tx.dialect, "seq")
    rows = await tx.fetch(
        f"select {', '.join(COLUMNS)} from recon_entry where run = ? and ({where.sql}) "
        f"order by {order} limit ? offset ?",
        (*parameters, page_size or 2**62, offset),
    )
    return [_entry(row) for row in rows], total


async def counts(tx: Transaction, run: int) -> dict[tuple[str | None, str | None, str], int]:
    """How many entries of a run have each (situation, action, status)."""
    rows = await tx.fetch(
        "select situation, action, status, count(*) from recon_entry where run = ? "
        "group by situation, action, status",
        (run,),
    )
    return {(situation, action, status): number for situation, action, status, number in rows}


def _entry(row: Row) -> Entry:
    values = list(row)
    values[_AMBIGUOUS] = load_optional(values[_AMBIGUOUS])
    values[_DETAIL] = load_optional(values[_DETAIL])
    values[-1] = bool(values[-1])
    return Entry(*values)
