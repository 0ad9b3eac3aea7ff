"""What must hold of processes, tasks, decisions and orders at every commit."""

from dataclasses import dataclass
from typing import Final

from conf.database import Transaction


@dataclass(frozen=True)
class Violation:
    """An invariant that does not hold, and where."""

    sentence: str
    rows: tuple[int, ...]


_INVARIANTS: Final = (
    (
        "A task is completed if and only if somebody decided it",
        "select t.seq from task_instance t left join decision d on d.task = t.seq"
        " where (t.status = 'COMPLETED') <> (d.task is not null)",
    ),
    (
        "There is an order if and only if a decision approved",
        "select d.task from decision d left join intent i on i.task = d.task"
        " where (d.verdict = 'approved') <> (i.task is not null)",
    ),
    (
        "Every order belongs to a decision",
        "select i.seq from intent i left join decision d on d.task = i.task where d.task is null",
    ),
    (
        "At most one process is open for a mapping, qualifier, side, object, situation and action",
        "select min(seq) from process_instance where open = 1 and mapping is not null"
        " group by mapping, qualifier, side, object_id, situation, action having count(*) > 1",
    ),
    (
        "An ended process has no open task",
        "select t.seq from task_instance t join process_instance p on p.seq = t.process"
        " where t.status = 'OPEN' and p.open = 0",
    ),
    (
        "An ended process has no unfinished order",
        "select i.seq from intent i join process_instance p on p.seq = i.process"
        " where i.state in ('READY', 'CLAIMED') and p.open = 0",
    ),
    (
        "A process is ended if and only if it has an outcome and an end",
        "select seq from process_instance"
        " where (open = 0) <> (outcome is not null) or (open = 0) <> (ended_at is not null)",
    ),
)


async def check(tx: Transaction) -> list[Violation]:
    """The invariants that do not hold, with the numbers of at most 20 rows each."""
    found = []
    for sentence, sql in _INVARIANTS:
        rows = await tx.fetch(f"{sql} limit 20")
        if rows:
            found.append(Violation(sentence, tuple(seq for (seq,) in rows)))
    return found
