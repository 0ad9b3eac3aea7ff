"""Runs: launched once, worked on by one owner at a time, whose every write names its fencing token."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from typing import Any, Final

from conf.errors import Conflict
from conf.terms import Phase, RunState, Stage
from conf.transaction import Transaction
from flows.store.json_text import dump, load
from flows.store.run_rows import COLUMNS, DonePage, NewRun, RunRow, run_of

__all__ = ["DonePage", "LeaseLost", "NewRun", "RunRow"]

DOCUMENTS: Final = frozenset({"parameters", "statistics", "checkpoint", "request"})
SAVED: Final = DOCUMENTS | {"stage", "reason", "started_at", "flow_run_id"}


class LeaseLost(Conflict):
    """Another owner has the run; the old one must stop without writing anything more."""


async def insert(tx: Transaction, run: NewRun) -> int:
    """Add a run that waits to be claimed; answers its number. Duplicate when the id is taken."""
    rows = await tx.fetch(
        "insert into recon_run (id, mapping, recon_action, is_analysis, persist_associations, state, stage, "
        "working, cancel_requested, trigger, user_id, request, configuration, parameters, statistics, "
        "checkpoint, created_at, token) values (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, '{}', ?, 0) "
        "returning seq",
        (
            run.id,
            run.mapping,
            run.recon_action,
            run.is_analysis,
            run.persist_associations,
            RunState.ACTIVE.value,
            Stage.ACTIVE_INITIALIZED.value,
            False,
            run.trigger,
            run.user_id,
            dump(run.request),
            dump(run.configuration),
            dump(run.parameters),
            dump(run.statistics),
            run.created_at,
        ),
    )
    return int(rows[0][0])


async def read(tx: Transaction, id: str) -> RunRow | None:
    rows = await tx.fetch(f"select {COLUMNS} from recon_run where id = ?", (id,))
    return run_of(rows[0]) if rows else None


async def read_seq(tx: Transaction, seq: int) -> RunRow | None:
    rows = await tx.fetch(f"select {COLUMNS} from recon_run where seq = ?", (seq,))
    return run_of(rows[0]) if rows else None


async def configuration(tx: Transaction, id: str) -> Any:
    """The mappings as they were when the run was launched."""
    rows = await tx.fetch("select configuration from recon_run where id = ?", (id,))
    return load(rows[0][0]) if rows else None


async def list_all(
    tx: Transaction,
    *,
    mapping: str | None = None,
    state: RunState | None = None,
    newest: int = 0,
    requests: bool = True,
) -> list[RunRow]:
    """Runs in the order they were launched; with `newest` only the last so many.

    Without `requests`, which may hold thousands of ids, each has an empty one.
    """
    wanted = {"mapping": mapping, "state": None if state is None else state.value}
    given = {column: value for column, value in wanted.items() if value is not None}
    where = " and ".join(f"{column} = ?" for column in given) or "true"
    columns = COLUMNS if requests else COLUMNS.replace("request,", "'{}',")
    sql = f"select {columns} from recon_run where {where} order by seq desc"
    rows = await tx.fetch(f"{sql} limit ?", (*given.values(), newest or 2**62))
    return [run_of(row) for row in reversed(rows)]


async def latest(tx: Transaction, mapping: str) -> RunRow | None:
    """The run of a mapping that was launched last."""
    found = await list_all(tx, mapping=mapping, newest=1)
    return found[0] if found else None


async def working(tx: Transaction, mapping: str) -> RunRow | None:
    """The run of a mapping that has an owner."""
    rows = await tx.fetch(f"select {COLUMNS} from recon_run where mapping = ? and working = 1", (mapping,))
    return run_of(rows[0]) if rows else None


async def waiting(tx: Transaction, mapping: str) -> int:
    """How many runs of a mapping wait for an owner."""
    rows = await tx.fetch(
        "select count(*) from recon_run where mapping = ? and state = 'ACTIVE' and working = 0", (mapping,)
    )
    return int(rows[0][0])


async def claimable(tx: Transaction, now: int) -> list[str]:
    """Ids of the runs that `claim` would give away now, oldest first."""
    rows = await tx.fetch(
        "select id from recon_run as r where state = 'ACTIVE' and ((working = 1 and lease_until <= ?) or "
        "(working = 0 and not exists (select 1 from recon_run as o where o.mapping = r.mapping and "
        "o.state = 'ACTIVE' and (o.working = 1 or o.seq < r.seq)))) order by seq",
        (now,),
    )
    return [row[0] for row in rows]


async def claim(tx: Transaction, id: str, owner: str, now: int, lease_until: int) -> RunRow | None:
    """Take a run; None when it has ended, is held, or another run of its mapping comes first.

    A run whose lease has run out is taken over and goes on from its checkpoint.
    """
    rows = await tx.fetch(
        "update recon_run set working = 1, owner = ?, token = token + 1, lease_until = ?, "
        "started_at = coalesce(started_at, ?) where id = ? and state = 'ACTIVE' and "
        "((working = 1 and lease_until <= ?) or (working = 0 and not exists "
        "(select 1 from recon_run as o where o.mapping = recon_run.mapping and o.state = 'ACTIVE' "
        f"and (o.working = 1 or o.seq < recon_run.seq)))) returning {COLUMNS}",
        (owner, lease_until, now, id, now),
    )
    return run_of(rows[0]) if rows else None


async def renew(tx: Transaction, owner: str, now: int, lease_until: int) -> list[str]:
    """Extend all leases of an owner that have not run out; answers the ids of its runs."""
    rows = await tx.fetch(
        "update recon_run set lease_until = ? where owner = ? and working = 1 and lease_until > ? returning id",
        (lease_until, owner, now),
    )
    return [row[0] for row in rows]


async def expired(tx: Transaction, now: int) -> list[RunRow]:
    """Runs whose owner let the lease run out."""
    rows = await tx.fetch(
        f"select {COLUMNS} from recon_run where working = 1 and lease_until <= ? order by seq", (now,)
    )
    return [run_of(row) for row in rows]


async def release_owner(tx: Transaction, owner: str) -> int:
    """Let the leases of a dead worker lapse now, so that others may take its runs over."""
    return await tx.run("update recon_run set lease_until = 0 where owner = ? and working = 1", (owner,))


async def hold(tx: Transaction, id: str, token: int) -> None:
    """Make sure, in this very transaction, that the run is still ours; raises LeaseLost."""
    rows = await tx.fetch(
        "select 1 from recon_run where id = ? and token = ? and working = 1 and state = 'ACTIVE'", (id, token)
    )
    _held(len(rows), id)


async def save(tx: Transaction, id: str, token: int, values: Mapping[str, Any]) -> bool:
    """Write progress: any of stage, statistics, checkpoint, parameters, reason, ...

    Answers whether somebody asked to cancel the run. Raises LeaseLost.
    """
    if unknown := set(values) - SAVED:
        raise ValueError(f"not progress of a run: {', '.join(sorted(unknown))}")
    assignments = ", ".join(f"{name} = ?" for name in values)
    given = [dump(value) if name in DOCUMENTS else value for name, value in values.items()]
    rows = await tx.fetch(
        f"update recon_run set {assignments} where id = ? and token = ? and working = 1 and state = 'ACTIVE' "
        "returning cancel_requested",
        (*given, id, token),
    )
    _held(len(rows), id)
    return bool(rows[0][0])


async def finish(
    tx: Transaction, id: str, token: int, stage: Stage, now: int, values: Mapping[str, Any] | None = None
) -> None:
    """End a run in a final stage and give it up; raises LeaseLost."""
    await save(tx, id, token, {**(values or {}), "stage": stage.value})
    changed = await tx.run(
        "update recon_run set state = ?, working = 0, owner = null, lease_until = null, ended_at = ? "
        "where id = ? and token = ?",
        (stage.state.value, now, id, token),
    )
    _held(changed, id)
    await tx.run("delete from recon_page where run = (select seq from recon_run where id = ?)", (id,))


async def end_waiting(tx: Transaction, id: str, stage: Stage, now: int, reason: str | None = None) -> bool:
    """End a run that nobody has claimed yet; False when somebody has, or it has ended."""
    changed = await tx.run(
        "update recon_run set state = ?, stage = ?, ended_at = ?, started_at = coalesce(started_at, ?), "
        "reason = coalesce(?, reason) where id = ? and state = 'ACTIVE' and working = 0",
        (stage.state.value, stage.value, now, now, reason, id),
    )
    return changed == 1


async def request_cancel(tx: Transaction, id: str) -> bool:
    """Ask the owner to stop after its page; False when the run has ended."""
    changed = await tx.run(
        "update recon_run set cancel_requested = ? where id = ? and state = 'ACTIVE'", (True, id)
    )
    return changed == 1


async def cancel_requested(tx: Transaction, id: str) -> bool:
    rows = await tx.fetch("select cancel_requested from recon_run where id = ?", (id,))
    return bool(rows and rows[0][0])


async def set_flow_run(tx: Transaction, id: str, flow_run_id: str) -> None:
    """Name the flow run that shows this run."""
    await tx.run("update recon_run set flow_run_id = ? where id = ?", (flow_run_id, id))


def _held(changed: int, id: str) -> None:
    if changed != 1:
        raise LeaseLost(f"The run {id} has another owner or has ended; this worker stops writing to it")


async def insert_page(tx: Transaction, run: int, phase: Phase, page: int, handled: Collection[str]) -> None:
    """Note, in the page's own transaction, that it is done."""
    await tx.run(
        "insert into recon_page (run, phase, page, handled) values (?, ?, ?, ?)",
        (run, phase.value, page, zlib.compress(dump(list(handled)).encode(), 1)),
    )


async def pages(tx: Transaction, run: int) -> list[DonePage]:
    """The pages of a run that are done, in order."""
    rows = await tx.fetch(
        "select phase, page, handled from recon_page where run = ? order by phase, page", (run,)
    )
    return [
        DonePage(Phase(phase), page, load(zlib.decompress(handled).decode())) for phase, page, handled in rows
    ]
