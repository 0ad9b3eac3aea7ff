"""Repairing what people and crashes did to flow runs in Prefect: the task stays, the run is replaced, the audit tells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from approvals import records
from approvals.events import process_event
from approvals.states import FlowState
from flows.flow_runs import Ending, Phase
from flows.workflow_audit import activity_audit

if TYPE_CHECKING:
    from flows.approval_lane import ApprovalLane
    from flows.call import Runtime
    from flows.flow_runs import FlowRuns

PAGE: Final = 200
DEAD_AFTER_MS: Final = 60_000
"""A run that is running without need has lost its worker after so long; before, it may be between two steps."""
SETTLED_AFTER_MS: Final = 10_000
"""A run without a process is an orphan after so long; before, another worker may be about to note it."""


async def inspect(runtime: Runtime, prefect: FlowRuns, lane: ApprovalLane) -> int:
    """Compare what is moving, and one page of what rests, with our rows; answers how many processes get a new run."""
    moving = [run for run in await prefect.stirring() if run.id not in lane.driving]
    resting = await prefect.suspended(lane.offset, PAGE)
    lane.offset = lane.offset + PAGE if len(resting) == PAGE else 0
    waiting = await _waiting_page(runtime, lane)
    known = await prefect.states(sorted(set(waiting.values())))
    owners = await _owners(runtime, [run.id for run in (*moving, *resting)])
    now = runtime.clock()

    broken: dict[str, str] = {}
    orphans: list[str] = []
    for run in moving:
        if run.id not in owners:
            if now - run.since > (DEAD_AFTER_MS if run.phase is Phase.RUNNING else SETTLED_AFTER_MS):
                orphans.append(run.id)
        elif owners[run.id] and (run.phase is Phase.RESUMED or now - run.since > DEAD_AFTER_MS):
            broken[run.id] = f"is {run.state} though nobody has decided"
    orphans += [run.id for run in resting if run.id not in owners and now - run.since > SETTLED_AFTER_MS]
    for id in set(waiting.values()) - lane.driving:
        if id not in known:
            broken[id] = "was deleted"
        elif known[id].phase is Phase.ENDED:
            broken[id] = f"was ended ({known[id].state})"
    replaced = await _replace(runtime, broken)
    await prefect.close(
        sorted(broken), Ending(None, "Replaced: only a decision of ours goes on with a process")
    )
    await prefect.close(orphans, Ending(None, "No process belongs to this run"))
    return replaced


async def _waiting_page(runtime: Runtime, lane: ApprovalLane) -> dict[int, str]:
    """Processes that wait for a person, with the run that should show it: the next page of them."""
    async with runtime.database.read() as tx:
        rows = await tx.fetch(
            "select p.seq, p.flow_run_id from process_instance p where p.open = 1 and p.seq > ?"
            " and p.flow_state in ('suspended', 'group') and p.flow_run_id is not null and exists"
            f" (select 1 from task_instance t where t.process = p.seq and {records.is_open('t')})"
            f" order by p.seq limit {PAGE}",
            (lane.last_process,),
        )
    lane.last_process = rows[-1][0] if len(rows) == PAGE else 0
    return dict(rows)


async def _owners(runtime: Runtime, ids: Iterable[str]) -> dict[str, bool]:
    """Runs that belong to open processes, and whether one of those waits for a person."""
    async with runtime.database.read() as tx:
        rows = await tx.fetch(
            "select p.flow_run_id, max(case when exists (select 1 from task_instance t where t.process = p.seq"
            f" and {records.is_open('t')}) then 1 else 0 end) from process_instance p"
            f" where p.open = 1 and p.flow_state in ('suspended', 'group') and p.flow_run_id {tx.among}"
            " group by p.flow_run_id",
            (tx.texts(sorted(set(ids))),),
        )
    return {id: bool(waits) for id, waits in rows}


async def _replace(runtime: Runtime, broken: dict[str, str]) -> int:
    """Let the processes of these runs be given new ones."""
    if not broken:
        return 0
    call, now = runtime.call(), runtime.clock()
    async with runtime.database.write() as tx:
        rows = await tx.fetch(
            "select seq, flow_run_id from process_instance where open = 1 and flow_state in ('suspended', 'group')"
            f" and flow_run_id {tx.among}",
            (tx.texts(sorted(broken)),),
        )
        await tx.run_many(
            "update process_instance set flow_state = ? where seq = ?",
            [(FlowState.NONE, seq) for seq, _ in rows],
        )
        await activity_audit(call)(
            tx,
            [
                process_event(
                    "replace_flow_run", seq, "UPDATE",
                    f"The flow run {id} {broken[id]}; the task stays open and a new run shows it", "system", now,
                )
                for seq, id in rows
            ],
        )  # fmt: skip
    return len(rows)
