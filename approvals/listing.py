"""Lists of tasks and processes: narrowed, ordered and paged by the database, filtered on their members."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from approvals.columns import COLUMNS_OF_PROCESSES, COLUMNS_OF_TASKS, Column
from approvals.conditions import Condition, seen_processes, seen_tasks
from approvals.entitlement import Person, is_admin
from approvals.records import PROCESSES, TASKS, Process, Task, as_process, as_task
from conf.database import Transaction
from conf.errors import BadRequest

FIRST_BATCH: Final = 200
LARGEST_BATCH: Final = 5000
"""Rows read at once when members have to be looked at: few at first, as a page may be full soon."""

R = TypeVar("R", Task, Process)
Matches = Callable[[R], bool]


@dataclass(frozen=True)
class Wanted(Generic[R]):
    """What somebody wants listed."""

    conditions: Sequence[Condition] = ()
    matches: Sequence[Matches[R]] = ()
    """What the database cannot decide."""
    sort_keys: Sequence[str] = ()
    page_size: int = 0
    offset: int = 0
    cookie: str | None = None
    count: bool = False


@dataclass(frozen=True)
class Listed(Generic[R]):
    """A page of what was wanted."""

    rows: Sequence[R] = field(default_factory=tuple)
    cookie: str | None = None
    total: int = -1


async def tasks(tx: Transaction, person: Person, wanted: Wanted[Task]) -> Listed[Task]:
    """The tasks this person may see."""
    seen = [] if is_admin(person) else [seen_tasks(tx.dialect, person)]
    return await _list(tx, TASKS, "t.seq", COLUMNS_OF_TASKS, as_task, wanted, seen)


async def processes(tx: Transaction, person: Person, wanted: Wanted[Process]) -> Listed[Process]:
    """The processes this person may see."""
    seen = [] if is_admin(person) else [seen_processes(tx.dialect, person)]
    return await _list(tx, PROCESSES, "p.seq", COLUMNS_OF_PROCESSES, as_process, wanted, seen)


async def _list(
    tx: Transaction,
    select: str,
    seq: str,
    columns: Mapping[str, Column],
    read: Callable[[tuple[Any, ...]], R],
    wanted: Wanted[R],
    seen: Sequence[Condition],
) -> Listed[R]:
    conditions = [*seen, *wanted.conditions]
    order = _order(tx.dialect, wanted.sort_keys, columns, seq)
    after, offset = _start(wanted)
    if wanted.cookie is not None and after is not None:
        if wanted.sort_keys:
            raise BadRequest(f"The cookie '{wanted.cookie}' belongs to a list in another order")
        conditions.append(Condition(f"{seq} > ?", (after,)))
    scan = _Scan(
        tx, f"{select}{_where(conditions)} order by {order}", _parameters(conditions), read, wanted.matches
    )
    rows = await scan.page(offset, wanted.page_size)
    cookie = None
    if wanted.page_size and len(rows) > wanted.page_size:
        rows = rows[: wanted.page_size]
        cookie = f"o{offset + wanted.page_size}" if wanted.sort_keys else f"s{rows[-1].seq}"
    total = -1
    if wanted.count:
        everything = [*seen, *wanted.conditions]
        whole = f"{select}{_where(everything)}"
        total = await _Scan(
            tx, f"{whole} order by {seq}", _parameters(everything), read, wanted.matches
        ).count(whole)
    return Listed(rows, cookie, total)


@dataclass(frozen=True)
class _Scan(Generic[R]):
    """Reading rows in order, in batches where their members decide."""

    tx: Transaction
    statement: str
    parameters: Sequence[Any]
    read: Callable[[tuple[Any, ...]], R]
    matches: Sequence[Matches[R]]

    async def page(self, offset: int, size: int) -> list[R]:
        """At most one row more than the page has, so that the caller knows whether there are more."""
        if not self.matches:
            return await self._rows(size + 1 if size else None, offset)
        found: list[R] = []
        wanted = offset + size + 1 if size else None
        start, size_of_batch = 0, FIRST_BATCH
        while wanted is None or len(found) < wanted:
            batch = await self._rows(size_of_batch, start)
            found += [row for row in batch if all(holds(row) for holds in self.matches)]
            if len(batch) < size_of_batch:
                break
            start += size_of_batch
            size_of_batch = min(size_of_batch * 4, LARGEST_BATCH)
        return found[offset:wanted]

    async def count(self, whole: str) -> int:
        if self.matches:
            return len(await self.page(0, 0))
        rows = await self.tx.fetch(f"select count(*) from ({whole}) listed", self.parameters)
        number: int = rows[0][0]
        return number

    async def _rows(self, limit: int | None, offset: int) -> list[R]:
        tail = "" if limit is None else f" limit {limit}"
        # SQLite takes an offset only after a limit
        tail += f" offset {offset}" if limit is not None and offset else ""
        rows = await self.tx.fetch(self.statement + tail, self.parameters)
        found = [self.read(row) for row in rows]
        return found[offset:] if limit is None else found


def _start(wanted: Wanted[R]) -> tuple[int | None, int]:
    """Number of the row to start after, and rows to skip."""
    if wanted.cookie is None:
        return None, wanted.offset
    kind, number = wanted.cookie[:1], wanted.cookie[1:]
    if kind not in {"s", "o"} or not (number.isascii() and number.isdigit()) or len(number) > 17:
        raise BadRequest(f"'{wanted.cookie}' is not a cookie of this list")
    if wanted.offset:
        raise BadRequest("_pagedResultsCookie and _pagedResultsOffset are mutually exclusive")
    return (int(number), 0) if kind == "s" else (None, int(number))


def _order(dialect: str, keys: Sequence[str], columns: Mapping[str, Column], seq: str) -> str:
    terms = []
    for key in keys:
        name = key.lstrip("+-").lstrip("/")
        column = columns.get(name)
        if column is None:
            raise BadRequest(f"Sort key: {name} is not valid; these are: {', '.join(sorted(columns))}")
        direction = "desc" if key.startswith("-") else "asc"
        collation = ' collate "C"' if dialect == "postgresql" and column.is_text else ""
        # the two databases put nulls at different ends
        terms.append(f"case when {column.sql} is null then 0 else 1 end {direction}")
        terms.append(f"{column.sql}{collation} {direction}")
    return ", ".join([*terms, f"{seq} asc"])


def _where(conditions: Sequence[Condition]) -> str:
    return " where " + " and ".join(f"({condition.sql})" for condition in conditions) if conditions else ""


def _parameters(conditions: Sequence[Condition]) -> list[Any]:
    return [value for condition in conditions for value in condition.parameters]
