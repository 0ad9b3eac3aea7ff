"""Carrying out the procedure of a process where it belongs: in its flow run, or in the worker alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import orjson

from approvals import records
from approvals.states import FlowState
from flows import procedure
from flows.approval_lane import lane_of
from flows.flow_runs import Driven, Resumption, SuspendedRun
from flows.procedure import AskedAgain, EmbeddedProcessShell, Waiting, Work

if TYPE_CHECKING:
    from flows.call import Runtime
    from flows.flow_runs import FlowRuns
    from flows.process import ProcessDefinition


class Runs:
    """Carries out procedures, with Prefect or without."""

    def __init__(self, runtime: Runtime, prefect: FlowRuns | None) -> None:
        self._runtime = runtime
        self._prefect = prefect

    async def carry_out(
        self,
        process: records.Process,
        definition: ProcessDefinition,
        tokens: Mapping[int, int],
        patience: timedelta = timedelta(0),
    ) -> Driven:
        """Run the procedure to its end or to the next person. Raises PrefectAway, and what the procedure raises."""
        work = Work(self._runtime, EmbeddedProcessShell(), tokens)
        if self._prefect is None:
            return await _alone(work, process, definition)
        flow_run_id = process.flow_run_id
        if flow_run_id is None or process.flow_state != FlowState.SUSPENDED:
            flow_run_id = await self._start(self._prefect, process, definition)
        resumption = Resumption(flow_run_id, process.seq, await self._answers(process.seq), patience)
        driving = lane_of(self._runtime).driving
        driving.add(flow_run_id)
        try:
            driven = await self._prefect.carry_out(resumption, definition, work)
            await self._note(process.seq, driven)
        finally:
            driving.discard(flow_run_id)
        return driven

    async def _start(self, prefect: FlowRuns, process: records.Process, definition: ProcessDefinition) -> str:
        """Give a process a flow run that was decided before it got one, or has work before its first task."""
        run = SuspendedRun(
            key=f"process-{process.seq}-{process.started_at}-after-{process.flow_run_id}",
            name=f"{definition.declaration.name}: {process.object_id or process.seq}",
            parameters={"process": process.seq},
        )
        flow_run_id = await prefect.start(definition.declaration, run)
        async with self._runtime.database.write() as tx:
            await tx.run(
                "update process_instance set flow_run_id = ?, flow_state = ? where seq = ?",
                (flow_run_id, FlowState.SUSPENDED, process.seq),
            )
        return flow_run_id

    async def _answers(self, process: int) -> dict[str, str]:
        async with self._runtime.database.read() as tx:
            rows = await tx.fetch(
                "select d.form from decision d join task_instance t on t.seq = d.task where t.process = ?"
                " order by t.seq desc limit 1",
                (process,),
            )
        answers: dict[str, str] = orjson.loads(rows[0][0]) if rows else {}
        return answers

    async def _note(self, process: int, driven: Driven) -> None:
        """An ended process needs its run no longer; an open one whose run is gone needs another."""
        async with self._runtime.database.write() as tx:
            if driven is Driven.DONE:
                await tx.run(
                    "update process_instance set flow_state = ? where seq = ? and open = 0",
                    (FlowState.CLOSED, process),
                )
            elif driven is Driven.GONE:
                await tx.run(
                    "update process_instance set flow_state = ? where seq = ? and open = 1",
                    (FlowState.NONE, process),
                )


async def _alone(work: Work, process: records.Process, definition: ProcessDefinition) -> Driven:
    try:
        await procedure.carry_out(work, definition.procedure, process.seq)
    except (Waiting, AskedAgain):
        return Driven.DONE
    return Driven.DONE
