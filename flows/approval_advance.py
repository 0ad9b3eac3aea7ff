"""Going on with procedures that nobody has to be asked for: just started, or answered by something else than a yes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from approvals import catalogue, records
from conf.errors import Unavailable
from flows.approval_lane import Presence, lane_of
from flows.flow_runs import Driven, PrefectAway
from flows.procedure_runs import Runs

if TYPE_CHECKING:
    from conf.database import Transaction
    from flows.call import Runtime
    from flows.flow_runs import FlowRuns
    from flows.process import ProcessDefinition

AT_ONCE: Final = 20
TAKE_OVER: Final = timedelta(seconds=60)
"""A flow run that is running is somebody else's until it has been so for this long."""

_LOG = logging.getLogger(__name__)


async def advance(
    runtime: Runtime, prefect: FlowRuns | None, definitions: Mapping[str, ProcessDefinition]
) -> int:
    """Carry out open processes that wait for no person and have no order; answers how many went on."""
    async with runtime.database.read() as tx:
        waiting = await _unattended(tx)
    lane, now = lane_of(runtime), runtime.clock()
    due = [
        process
        for process in waiting
        if process.definition_key in definitions and not lane.rests(process.seq, now)
    ]
    if not due or await lane.presence(prefect, now) not in (Presence.NONE, Presence.HERE):
        return 0
    runs = Runs(runtime, prefect)
    done = 0
    for process in due:
        try:
            driven = await runs.carry_out(process, definitions[process.definition_key], {}, TAKE_OVER)
        except PrefectAway as error:
            _LOG.warning("Prefect does not answer: %s", error)
            if prefect is not None:
                lane.note_away(prefect, runtime.clock())
            break
        except Unavailable:
            raise
        except Exception:
            _LOG.exception("the procedure of process %d failed; it is tried again", process.seq)
            lane.rest(process.seq, runtime.clock())
            continue
        if driven is Driven.TAKEN:
            lane.rest(process.seq, runtime.clock())
        else:
            lane.forget(process.seq)
            done += driven is Driven.DONE
    return done


async def _unattended(tx: Transaction) -> list[records.Process]:
    general = [
        published.seq
        for published in await catalogue.everything(tx, withdrawn=True)
        if not published.declaration.decides_only
    ]
    if not general:
        return []
    rows = await tx.fetch(
        f"select p.seq from process_instance p where p.open = 1 and p.definition {tx.among_numbers}"
        f" and not exists (select 1 from task_instance t where t.process = p.seq and {records.is_open('t')})"
        " and not exists (select 1 from intent i where i.process = p.seq and i.state in ('READY', 'CLAIMED'))"
        f" order by p.seq limit {AT_ONCE}",
        (tx.numbers(general),),
    )
    return await records.processes(tx, [seq for (seq,) in rows])
