"""The published process definitions: written by the worker that loaded them, read by everybody else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.definitions import ProcessDeclaration, declaration_of
from approvals.errors import UnknownDefinition, UnknownProcess
from conf.database import Transaction
from conf.errors import Conflict

#: a row without digest is withdrawn: no file declares it any more, and it stays for the history of its processes
_COLUMNS = "seq, version, body, digest, published_at"


@dataclass(frozen=True)
class Published:
    """One version of a process definition."""

    seq: int
    version: int
    declaration: ProcessDeclaration
    published_at: int
    withdrawn: bool

    @property
    def key(self) -> str:
        return self.declaration.key

    @property
    def id(self) -> str:
        """`key:version:number`, as every answer names it."""
        return f"{self.key}:{self.version}:{self.seq}"


async def publish(tx: Transaction, declared: Sequence[ProcessDeclaration], now: int) -> dict[str, Published]:
    """Make these the definitions in force; a changed one becomes the next version, one left out is withdrawn."""
    before = await latest(tx, None, withdrawn=True)
    for declaration in declared:
        known = before.get(declaration.key)
        if known is not None and known.declaration.digest == declaration.digest:
            if known.withdrawn:
                await tx.run(
                    "update process_definition set digest = ? where seq = ?", (declaration.digest, known.seq)
                )
            continue
        await tx.run(
            "insert into process_definition (key, version, name, description, digest, body, published_at)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            (
                declaration.key,
                known.version + 1 if known else 1,
                declaration.name,
                declaration.description,
                declaration.digest,
                declaration.body,
                now,
            ),
        )
    gone = set(before) - {declaration.key for declaration in declared}
    await tx.run(
        f"update process_definition set digest = '' where seq {tx.among_numbers}",
        (tx.numbers([before[key].seq for key in gone]),),
    )
    return await latest(tx, None)


async def latest(
    tx: Transaction, keys: Iterable[str] | None, *, withdrawn: bool = False
) -> dict[str, Published]:
    """The definition in force for each key, or for all keys; withdrawn ones are left out unless asked for."""
    where, parameters = "", []
    if keys is not None:
        where, parameters = f" where key {tx.among}", [tx.texts(sorted(set(keys)))]
    rows = await tx.fetch(
        f"select {_COLUMNS} from process_definition{where} order by key, version", parameters
    )
    newest = {found.key: found for found in map(_published, rows)}
    return {key: found for key, found in newest.items() if withdrawn or not found.withdrawn}


async def latest_of(tx: Transaction, key: str) -> Published:
    """The definition in force for a key; raises UnknownProcess."""
    found = (await latest(tx, [key])).get(key)
    if found is None:
        raise UnknownProcess(key)
    return found


async def by_seq(tx: Transaction, seqs: Iterable[int]) -> dict[int, Published]:
    """Definitions by their number, whatever their version."""
    rows = await tx.fetch(
        f"select {_COLUMNS} from process_definition where seq {tx.among_numbers}",
        [tx.numbers(sorted(set(seqs)))],
    )
    return {found.seq: found for found in map(_published, rows)}


async def by_id(tx: Transaction, id: str) -> Published:
    """One definition by `key:version:number`; raises UnknownDefinition."""
    number = id.rpartition(":")[2]
    if number.isascii() and number.isdigit() and len(number) < 18:
        found = (await by_seq(tx, [int(number)])).get(int(number))
        if found is not None and found.id == id:
            return found
    raise UnknownDefinition(id)


async def everything(tx: Transaction, *, withdrawn: bool = False) -> list[Published]:
    """All versions, oldest first; withdrawn ones are left out unless asked for."""
    rows = await tx.fetch(f"select {_COLUMNS} from process_definition order by seq")
    return [found for found in map(_published, rows) if withdrawn or not found.withdrawn]


async def remove(tx: Transaction, id: str) -> Published:
    """Delete a definition that no process was ever started from; its history would not be readable without it."""
    found = await by_id(tx, id)
    rows = await tx.fetch(
        "select max(open), count(*) from process_instance where definition = ?", (found.seq,)
    )
    running, count = rows[0]
    if running:
        raise Conflict("The process definition has running instances, can not be deleted")
    if count:
        raise Conflict(
            f"The process definition is part of the history of {count} instances, can not be deleted"
        )
    await tx.run("delete from process_definition where seq = ?", (found.seq,))
    return found


def _published(row: tuple[Any, ...]) -> Published:
    seq, version, body, digest, published_at = row
    return Published(seq, version, declaration_of(body), published_at, not digest)
