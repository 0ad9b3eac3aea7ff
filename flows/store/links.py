"""Links, set by set. Ids are given as they are kept: lower-cased where that side ignores case."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from conf.filters.ast import Comparison, Filter
from conf.transaction import Row, Transaction
from flows.store.filter_sql import Columns, TextColumn, condition, order_by
from flows.store.json_sql import NEVER, Condition, JsonSql
from flows.store.managed_rows import chunks

COLUMNS: Final = "seq, link_type, qualifier, first_id, second_id, rev, fingerprint, target_rev"
_OWN: Final = "link.seq, first_id, second_id, link.rev, fingerprint, target_rev"


class LinkRow(NamedTuple):
    """A link as it is kept."""

    seq: int
    link_type: str
    qualifier: str
    first_id: str
    second_id: str
    rev: int = 1
    fingerprint: bytes | None = None
    target_rev: int | None = None
    present_rev: int | None = None
    """Of the managed object that it leads to, as it stands now; None where there is none or nobody asked."""

    @property
    def id(self) -> str:
        """`_id` on the wire."""
        return link_id(self.seq)

    def document(self) -> dict[str, Any]:
        """The link as `repo/link` answers it."""
        return {
            "_id": self.id,
            "_rev": str(self.rev),
            "linkType": self.link_type,
            "linkQualifier": self.qualifier,
            "firstId": self.first_id,
            "secondId": self.second_id,
        }


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link to insert."""

    link_type: str
    qualifier: str
    first_id: str
    second_id: str
    fingerprint: bytes | None = None
    target_rev: int | None = None


def link_id(seq: int) -> str:
    return str(uuid.UUID(int=seq))


def parse_link_id(text: str) -> int | None:
    """The number behind an `_id`; None for a text that is no link's."""
    try:
        seq = uuid.UUID(text).int
    except ValueError:
        return None
    return seq if 0 < seq < 2**63 and str(uuid.UUID(int=seq)) == text else None


async def by_first(
    tx: Transaction, link_type: str, qualifier: str, ids: Collection[str], *, leading_to: str | None = None
) -> dict[str, LinkRow]:
    """Links by the id on the defining mapping's source side.

    With `leading_to`, a managed type, each has the present revision of that object on its other side.
    """
    found = await _by(tx, ("first_id", "second_id"), link_type, qualifier, ids, leading_to)
    return {link.first_id: link for link in found}


async def by_second(
    tx: Transaction, link_type: str, qualifier: str, ids: Collection[str], *, leading_to: str | None = None
) -> dict[str, LinkRow]:
    """Links by the id on the defining mapping's target side."""
    found = await _by(tx, ("second_id", "first_id"), link_type, qualifier, ids, leading_to)
    return {link.second_id: link for link in found}


async def _by(
    tx: Transaction,
    sides: tuple[str, str],
    link_type: str,
    qualifier: str,
    ids: Collection[str],
    leading_to: str | None,
) -> list[LinkRow]:
    near, far = sides
    sql = f"select {_OWN}, null from link where link_type = ? and qualifier = ? and {near} {tx.among}"
    parameters = [link_type, qualifier]
    if leading_to is not None:
        sql = (
            f"select {_OWN}, held.rev from link left join managed_object held on held.type = ? and held.id = {far} "
            f"where link_type = ? and qualifier = ? and {near} {tx.among}"
        )
        parameters.insert(0, leading_to)
    return [
        LinkRow(seq, link_type, qualifier, first, second, rev, fingerprint, target_rev, present_rev)
        for chunk in chunks(ids)
        for seq, first, second, rev, fingerprint, target_rev, present_rev in await tx.fetch(
            sql, (*parameters, tx.texts(chunk))
        )
    ]


async def all_links(
    tx: Transaction, link_type: str, qualifier: str | None = None, *, after: int = 0, limit: int = 0
) -> list[LinkRow]:
    """Links of a type in order of their creation; with a limit in pages, each after the last one's `seq`."""
    parameters: list[Any] = [link_type]
    # page by page, SQLite must follow the numbers: with an index on the type it would sort all links each time
    column = "+link_type" if limit and tx.dialect == "sqlite" else "link_type"
    sql = f"select {COLUMNS} from link where {column} = ?"
    if qualifier is not None:
        sql += " and qualifier = ?"
        parameters.append(qualifier)
    if after:
        sql += " and seq > ?"
        parameters.append(after)
    sql += " order by seq"
    if limit:
        sql += " limit ?"
        parameters.append(limit)
    return [LinkRow(*row) for row in await tx.fetch(sql, parameters)]


async def counts(tx: Transaction, link_type: str) -> dict[str, int]:
    """How many links each qualifier has."""
    rows = await tx.fetch(
        "select qualifier, count(*) from link where link_type = ? group by qualifier", (link_type,)
    )
    return dict(rows)


async def qualifiers(tx: Transaction, link_type: str) -> list[str]:
    """The qualifiers that links of a type have; one step in the index for each, however many links."""
    least = "select min(qualifier) from link where link_type = ?"
    rows = await tx.fetch(
        f"with recursive one(name) as ({least} union all "
        f"select ({least} and qualifier > one.name) from one where one.name is not null) "
        "select name from one where name is not null",
        (link_type, link_type),
    )
    return [row[0] for row in rows]


async def insert_many(tx: Transaction, rows: Sequence[NewLink]) -> None:
    """Insert links, or raise Duplicate when one of the ids is linked already."""
    await tx.insert(
        "link",
        ("link_type", "qualifier", "first_id", "second_id", "rev", "fingerprint", "target_rev"),
        [
            (row.link_type, row.qualifier, row.first_id, row.second_id, 1, row.fingerprint, row.target_rev)
            for row in rows
        ],
    )


async def repoint(tx: Transaction, seq: int, first_id: str, second_id: str) -> None:
    """Give a link other ends; its fingerprint no longer holds."""
    await tx.run(
        "update link set first_id = ?, second_id = ?, rev = rev + 1, fingerprint = null, target_rev = null "
        "where seq = ?",
        (first_id, second_id, seq),
    )


async def set_fingerprints(tx: Transaction, rows: Iterable[tuple[int, bytes | None, int | None]]) -> None:
    """Remember what was synchronised last: (seq, fingerprint, revision of the target); None forgets."""
    await tx.run_many(
        "update link set fingerprint = ?, target_rev = ? where seq = ?",
        [(fingerprint, target_rev, seq) for seq, fingerprint, target_rev in rows],
    )


async def delete_many(tx: Transaction, seqs: Collection[int]) -> int:
    """Delete links by number; answers how many there were."""
    found = list(seqs)
    deleted = 0
    for start in range(0, len(found), 5000):
        part = found[start : start + 5000]
        deleted += await tx.run(f"delete from link where seq {tx.among_numbers}", (tx.numbers(part),))
    return deleted


async def delete_by_second(tx: Transaction, link_types: Collection[str], ids: Collection[str]) -> int:
    """Delete all links of these types, whatever their qualifier, that lead to these ids."""
    return await _delete_by(tx, "second_id", link_types, ids)


async def delete_by_first(tx: Transaction, link_types: Collection[str], ids: Collection[str]) -> int:
    """Delete all links of these types, whatever their qualifier, that start at these ids."""
    return await _delete_by(tx, "first_id", link_types, ids)


async def _delete_by(tx: Transaction, column: str, link_types: Collection[str], ids: Collection[str]) -> int:
    deleted = 0
    for link_type in link_types:
        # with its qualifiers named, the unique index finds the rows
        found = await qualifiers(tx, link_type)
        sql = f"delete from link where link_type = ? and qualifier {tx.among} and {column} {tx.among}"
        for chunk in chunks(ids) if found else ():
            deleted += await tx.run(sql, (link_type, tx.texts(found), tx.texts(chunk)))
    return deleted


async def delete_type(tx: Transaction, link_type: str) -> int:
    """Delete all links of a mapping."""
    return await tx.run("delete from link where link_type = ?", (link_type,))


async def read(tx: Transaction, id: str) -> LinkRow | None:
    """A link by its `_id` on the wire."""
    seq = parse_link_id(id)
    if seq is None:
        return None
    rows = await tx.fetch(f"select {COLUMNS} from link where seq = ?", (seq,))
    return LinkRow(*rows[0]) if rows else None


class IdColumn(TextColumn):
    """`_id`: found by its number; only equality is worth an answer."""

    def compare(self, words: JsonSql, comparison: Comparison) -> Condition:
        wanted = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
        seqs = [seq for text in wanted if isinstance(text, str) and (seq := parse_link_id(text))]
        if comparison.operator not in {"eq", "in"} or not seqs:
            return NEVER
        return Condition(f"seq in ({','.join('?' * len(seqs))})", tuple(seqs))

    def order(self, words: JsonSql) -> list[str]:
        return ["seq"]  # a number, of which the text on the wire keeps the order


MEMBERS: Final = Columns(
    {
        "_id": IdColumn("seq"),
        "_rev": TextColumn("cast(rev as text)"),
        "linkType": TextColumn("link_type"),
        "linkQualifier": TextColumn("qualifier"),
        "firstId": TextColumn("first_id"),
        "secondId": TextColumn("second_id"),
    }
)


async def query(
    tx: Transaction,
    filter: Filter,
    *,
    sort_keys: Sequence[str] = (),
    page_size: int = 0,
    offset: int = 0,
    count: bool = False,
) -> tuple[list[LinkRow], int]:
    """Links that match a filter on wire names, and the total of all pages (-1 unless counted)."""
    where = condition(filter, MEMBERS, tx.dialect)
    total = -1
    if count:
        total = (await tx.fetch(f"select count(*) from link where {where.sql}", where.parameters))[0][0]
    sql = f"select {COLUMNS} from link where {where.sql} order by {order_by(sort_keys, MEMBERS, tx.dialect, 'seq')}"
    rows: list[Row] = await tx.fetch(
        f"{sql} limit ? offset ?", (*where.parameters, page_size or 2**62, offset)
    )
    return [LinkRow(*row) for row in rows], total
