"""Keeping Prefect's picture of processes true: a level-triggered comparison of its flow runs with our rows.

Processes without a run get one, ended processes have theirs closed, and whatever people or crashes did to a run
in Prefect is repaired: only our own REST decides.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from approvals import catalogue, records
from approvals.catalogue import Published
from approvals.states import FlowState, Outcome
from flows.approval_inspection import inspect
from flows.approval_lane import Presence, lane_of
from flows.failpoints import failpoint
from flows.flow_runs import Ending, PrefectAway, SuspendedRun, pause_key

if TYPE_CHECKING:
    from conf.database import Transaction
    from flows.call import Runtime
    from flows.flow_runs import FlowRuns

GROUP_ABOVE: Final = 200
"""A reconciliation that asks for more decisions than this shows them as one run."""
LINKED_AT_ONCE: Final = 500
LARGEST_GROUP: Final = 20_000

_WAITING: Final = (
    "select p.seq, p.definition, p.object_id, p.mapping, p.recon_id, p.flow_run_id, t.seq, t.task_key, t.name,"
    " t.assignee, t.created_at from process_instance p"
    f" join task_instance t on t.process = p.seq and {records.is_open('t')}"
    " where p.open = 1 and p.flow_state = 'none' and not exists"
    " (select 1 from recon_run r where r.id = p.recon_id and r.state = 'ACTIVE')"
)
#: in the words of an index, so that ended processes are not gone through at every look
_UNCLOSED: Final = "open = 0 and flow_state <> 'closed'"
#: a group run stays as it is until its last process has ended
_ENDED_GROUPS: Final = (
    "select flow_run_id from process_instance where flow_state = 'group'"
    " group by flow_run_id having max(open) = 0"
)
_LOG = logging.getLogger(__name__)

Row = tuple[Any, ...]


async def reconcile_flow_runs(runtime: Runtime, prefect: FlowRuns) -> int:
    """Bring Prefect's picture up to date; answers how many runs were created, closed or replaced."""
    lane, now = lane_of(runtime), runtime.clock()
    async with runtime.database.read() as tx:
        work = await _has_work(tx)
    inspecting = lane.inspecting(now)
    if not work and not inspecting:
        return 0
    if await lane.presence(prefect, now) is not Presence.HERE:
        return 0
    done = 0
    try:
        if work:
            done += await _close_ended(runtime, prefect, lane.driving)
            done += await _link(runtime, prefect)
        if inspecting:
            replaced = await inspect(runtime, prefect, lane)
            lane.inspected(now, quiet=not (work or replaced))
            done += replaced
            if replaced:
                done += await _link(runtime, prefect)
    except PrefectAway as error:
        _LOG.warning("Prefect does not answer: %s", error)
        lane.note_away(prefect, runtime.clock())
    return done


async def _has_work(tx: Transaction) -> bool:
    ended = (
        f"select 1 from process_instance where {_UNCLOSED} and flow_state in ('none', 'suspended') limit 1"
    )
    return bool(
        await tx.fetch(ended)
        or await tx.fetch(f"{_WAITING} limit 1")
        or await tx.fetch(f"{_ENDED_GROUPS} limit 1")
    )


async def _link(runtime: Runtime, prefect: FlowRuns) -> int:
    """Give every process that waits for a person a suspended run."""
    async with runtime.database.read() as tx:
        rows = await tx.fetch(f"{_WAITING} order by p.seq limit {LINKED_AT_ONCE}")
        published = await catalogue.by_seq(tx, {row[1] for row in rows})
        groups = await _groups(tx, rows, published)
    alone = [row for row in rows if (row[4], row[1]) not in groups]
    linked = 0
    for (_, definition), members in groups.items():
        run = _group_run(published[definition], members)
        created = await prefect.suspend(published[definition].declaration, [run])
        failpoint("L2")
        if run.key in created:
            pairs = [(created[run.key], FlowState.GROUP, member[0]) for member in members]
            linked += await _note(runtime, pairs)
    by_definition: dict[int, list[Row]] = defaultdict(list)
    for row in alone:
        by_definition[row[1]].append(row)
    for definition, members in by_definition.items():
        runs = {_run(published[definition], row).key: row for row in members}
        created = await prefect.suspend(
            published[definition].declaration, [_run(published[definition], row) for row in members]
        )
        failpoint("L2")
        linked += await _note(
            runtime, [(id, FlowState.SUSPENDED, runs[key][0]) for key, id in created.items()]
        )
    return linked


async def _groups(
    tx: Transaction, rows: Sequence[Row], published: Mapping[int, Published]
) -> dict[tuple[str, int], list[Row]]:
    """The processes that are shown together: many of one reconciliation and one definition that only decides."""
    candidates = {
        (row[4], row[1]) for row in rows if row[4] is not None and published[row[1]].declaration.decides_only
    }
    found: dict[tuple[str, int], list[Row]] = {}
    for recon_id, definition in sorted(candidates):
        counted = await tx.fetch(
            "select count(*) from process_instance where recon_id = ? and definition = ?",
            (recon_id, definition),
        )
        if counted[0][0] > GROUP_ABOVE:
            found[recon_id, definition] = await tx.fetch(
                f"{_WAITING} and p.recon_id = ? and p.definition = ? order by p.seq limit {LARGEST_GROUP}",
                (recon_id, definition),
            )
    return found


def _run(published: Published, row: Row) -> SuspendedRun:
    process, _, object_id, mapping, _, replaced, task, task_key, name, assignee, created_at = row
    return SuspendedRun(
        # a run is never used twice: one that was replaced, or whose task was asked again, keeps its own key
        key=f"task-{task}-{created_at}" + (f"-after-{replaced}" if replaced else ""),
        name=f"{name}: {object_id or process}",
        parameters={"process": process},
        pause_key=pause_key(task),
        task=published.declaration.task(task_key),
        tags=(mapping,) if mapping else (),
        note=(
            f"Task {task} ({name}) waits for {assignee or 'somebody to take it'}. Decide it with"
            f" `recon approve {task}` or `recon reject {task}`; Resume and Cancel on this page decide nothing."
        ),
    )


def _group_run(published: Published, rows: Sequence[Row]) -> SuspendedRun:
    first = rows[0]
    mapping, recon_id, replaced, task, created_at = first[3], first[4], first[5], first[6], first[10]
    return SuspendedRun(
        key=f"group-{recon_id}-{task}-{created_at}" + (f"-after-{replaced}" if replaced else ""),
        name=f"{first[8]}: {len(rows)} of {mapping}",
        parameters={"processes": [row[0] for row in rows]},
        tags=(mapping,) if mapping else (),
        note=(
            f"{len(rows)} tasks of {published.declaration.name} wait, the first is {task}. List them with"
            " `recon tasks`; Resume and Cancel on this page decide nothing."
        ),
    )


async def _note(runtime: Runtime, pairs: Sequence[tuple[str, FlowState, int]]) -> int:
    async with runtime.database.write() as tx:
        # an ended process is noted as well, so that its run is closed
        await tx.run_many(
            "update process_instance set flow_run_id = ?, flow_state = ? where seq = ? and flow_state = 'none'",
            list(pairs),
        )
    return len(pairs)


async def _close_ended(runtime: Runtime, prefect: FlowRuns, driving: Collection[str]) -> int:
    async with runtime.database.write() as tx:
        await tx.run(
            f"update process_instance set flow_state = 'closed' where {_UNCLOSED} and flow_state = 'none'"
        )
    async with runtime.database.read() as tx:
        alone = await tx.fetch(
            f"select outcome, flow_run_id, seq from process_instance where {_UNCLOSED} and flow_state = 'suspended'"
            f" order by seq limit {LINKED_AT_ONCE}"
        )
        groups = await tx.fetch(
            "select flow_run_id, count(*), sum(case outcome when 'approved' then 1 else 0 end),"
            " sum(case outcome when 'rejected' then 1 else 0 end) from process_instance"
            f" where flow_state = 'group' and flow_run_id in ({_ENDED_GROUPS}) group by flow_run_id"
        )
    # one that is carried out here ends by itself
    alone = [row for row in alone if row[1] not in driving]
    by_outcome: dict[str, list[Row]] = defaultdict(list)
    for row in alone:
        by_outcome[row[0]].append(row)
    for outcome, rows in by_outcome.items():
        await prefect.close(
            [row[1] for row in rows], Ending(Outcome(outcome), f"The process has ended: {outcome}")
        )
    for id, count, approved, rejected in groups:
        message = f"All {count} tasks have ended: {approved} approved, {rejected} rejected"
        await prefect.close([id], Ending(Outcome.COMPLETED, message))
    async with runtime.database.write() as tx:
        await tx.run_many(
            "update process_instance set flow_state = 'closed' where seq = ?", [(row[2],) for row in alone]
        )
        await tx.run_many(
            "update process_instance set flow_state = 'closed' where flow_run_id = ? and flow_state = 'group'",
            [(row[0],) for row in groups],
        )
    return len(alone) + len(groups)
