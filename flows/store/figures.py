"""Figures of the store that operators watch: runs, tasks, decisions, orders, workers. Read-only and cheap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from conf.transaction import Transaction
from flows.store.json_text import load

HOUR_MS: Final = 3_600_000
AGES: Final = (("1h", HOUR_MS), ("1d", 24 * HOUR_MS), ("7d", 7 * 24 * HOUR_MS))
"""Ages of open tasks: younger than this; what is older is `older`."""


@dataclass(frozen=True)
class RunFigures:
    """The latest run of a mapping."""

    mapping: str
    state: str
    processed: int
    seconds: float
    """From its start to its end, or until now."""
    steps: dict[str, float]
    """Seconds spent in each step; those whose names end in Script are scripts."""

    @property
    def rows_per_second(self) -> float:
        return self.processed / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True)
class Figures:
    """What the store knows at a moment."""

    runs: dict[str, int]
    """By state."""
    latest: Sequence[RunFigures]
    open_tasks: dict[str, int]
    """By age."""
    oldest_task_seconds: float
    decisions: dict[str, int]
    """By verdict."""
    orders: dict[str, int]
    """By state."""
    oldest_order_seconds: float
    """Of those that are to be carried out."""
    outcomes: dict[str, int]
    """Of ended processes."""
    workers: int
    prefect: dict[str, int]
    """Workers by what they last saw of the Prefect server: `ok` or `away`; those without one are left out."""
    untold: int
    """Two-way runs that have ended and of which somebody is still to be told."""


async def read(tx: Transaction, now: int, alive_ms: int) -> Figures:
    """All figures; a worker counts when it was seen within `alive_ms`."""
    orders = await _counted(tx, "select state, count(*) from intent group by state")
    waiting = await tx.fetch("select min(created_at) from intent where state in ('READY', 'CLAIMED')")
    oldest = await tx.fetch("select min(created_at) from task_instance where status = 'OPEN'")
    seen = await tx.fetch(
        "select prefect, count(*) from worker where seen_at >= ? group by prefect", (now - alive_ms,)
    )
    untold = await tx.fetch(
        "select count(*) from two_way_run where mail_due is not null and ended is not null"
    )
    return Figures(
        runs=await _counted(tx, "select state, count(*) from recon_run group by state"),
        latest=[_run(row, now) for row in await tx.fetch(_LATEST)],
        open_tasks=await _ages(tx, now),
        oldest_task_seconds=_age(oldest, now),
        decisions=await _counted(tx, "select verdict, count(*) from decision group by verdict"),
        orders=orders,
        oldest_order_seconds=_age(waiting, now),
        outcomes=await _counted(
            tx, "select outcome, count(*) from process_instance where open = 0 group by outcome"
        ),
        workers=sum(count for _, count in seen),
        prefect={state: count for state, count in seen if state},
        untold=int(untold[0][0]),
    )


_LATEST: Final = (
    "select r.mapping, r.state, r.started_at, r.ended_at, r.statistics from recon_run r"
    " where r.seq in (select max(seq) from recon_run where started_at is not null group by mapping) order by r.mapping"
)


async def _ages(tx: Transaction, now: int) -> dict[str, int]:
    cases = " ".join(f"when created_at > {now - limit} then '{name}'" for name, limit in AGES)
    counted = await _counted(
        tx,
        f"select age, count(*) from (select case {cases} else 'older' end as age from task_instance"
        " where status = 'OPEN') aged group by age",
    )
    return {name: counted.get(name, 0) for name in (*(name for name, _ in AGES), "older")}


async def _counted(tx: Transaction, sql: str) -> dict[str, int]:
    return {str(name): count for name, count in await tx.fetch(sql)}


def _age(rows: Sequence[tuple[Any, ...]], now: int) -> float:
    return 0.0 if rows[0][0] is None else max(0, now - rows[0][0]) / 1000


def _run(row: tuple[Any, ...], now: int) -> RunFigures:
    mapping, state, started, ended, text = row
    statistics = load(text) if text else {}
    source = statistics.get("source", [0])
    durations = statistics.get("durations", {})
    return RunFigures(
        mapping,
        state,
        int(source[0]),
        max(0, (ended or now) - started) / 1000,
        {name: float(measured[1]) for name, measured in durations.items()},
    )
