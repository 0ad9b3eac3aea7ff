"""Which flow run shows which run: made or found when a run begins, put right afterwards when it is not."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

from conf.terms import RunState
from flows.prefect_client import FLOW, TAG, Deployments
from flows.prefect_shell import Conclusion, publish
from flows.run_report import report_of, rest_address
from flows.store import runs
from flows.store.run_rows import COLUMNS, RunRow, run_of

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun

    from conf.database import Database
    from flows.call import Runtime

SETTLED_MS: Final = 15_000
"""A run that ended so long ago has had time to write its flow run's state itself."""
RECORDED_MS: Final = 86_400_000
"""Runs that Prefect never saw are shown afterwards if they ended so recently."""
AT_ONCE: Final = 50

_LOG = logging.getLogger(__name__)


def conclusion_of(run: RunRow) -> Conclusion:
    """How a run stands, in words."""
    return Conclusion(run.state, run.reason or run.stage.description)


def name_of(run: RunRow) -> str:
    """Name of the flow run: the mapping and the start."""
    started = datetime.fromtimestamp((run.started_at or run.created_at) / 1000, UTC)
    return f"{run.mapping} {started:%Y-%m-%d %H:%M:%S}"


async def run_behind(database: Database, flow_run: FlowRun) -> RunRow | None:
    """The run that a flow run shows."""
    async with database.read() as tx:
        rows = await tx.fetch(
            f"select {COLUMNS} from recon_run where flow_run_id = ? or id = ? limit 1",
            (str(flow_run.id), str(flow_run.parameters.get("run_id", ""))),
        )
    return run_of(rows[0]) if rows else None


async def flow_run_for(
    client: PrefectClient, deployments: Deployments, database: Database, run: RunRow
) -> FlowRun:
    """The flow run that shows this run: the one it has, or a new one of the mapping's deployment."""
    if run.flow_run_id is not None:
        try:
            found = await client.read_flow_run(UUID(run.flow_run_id))
        except ObjectNotFound:
            _LOG.info("flow run is gone; a new one shows the run", extra={"run": run.id})
        else:
            if found.name != name_of(run):
                await client.set_flow_run_name(found.id, name_of(run))
            return found
    try:
        made = await _create(client, deployments, run)
    except (ObjectNotFound, PrefectHTTPStatusError):
        # the server has lost its database, so the deployment we knew is gone
        deployments.forget()
        made = await _create(client, deployments, run)
    async with database.write() as tx:
        await runs.set_flow_run(tx, run.id, str(made.id))
    return made


async def _create(client: PrefectClient, deployments: Deployments, run: RunRow) -> FlowRun:
    return await client.create_flow_run_from_deployment(
        await deployments.of(client, run.mapping),
        name=name_of(run),
        parameters={"run_id": run.id},
        # the same run never has two flow runs, however often this is tried
        idempotency_key=run.id,
        tags=[TAG, run.trigger],
    )


async def settle(client: PrefectClient, deployments: Deployments, runtime: Runtime) -> None:
    """Put right what Prefect shows: flow runs left open by a worker that died, and runs it never saw."""
    await _close_left_open(client, runtime.database, runtime.clock())
    await _record_unseen(client, deployments, runtime)


async def _close_left_open(client: PrefectClient, database: Database, now: int) -> None:
    open_types = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
    found = await client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=open_types))),
        limit=AT_ONCE,
    )
    for flow_run in found:
        run = await run_behind(database, flow_run)
        if run is None:
            lost = Conclusion(RunState.CANCELED, "This run is not known here: the store was replaced")
            await client.set_flow_run_state(flow_run.id, lost.shown(), force=True)
        elif run.ended and (run.ended_at or 0) < now - SETTLED_MS:
            await client.set_flow_run_state(flow_run.id, conclusion_of(run).shown(), force=True)


async def _record_unseen(client: PrefectClient, deployments: Deployments, runtime: Runtime) -> None:
    async with runtime.database.read() as tx:
        rows = await tx.fetch(
            f"select {COLUMNS} from recon_run where state <> ? and flow_run_id is null and ended_at > ? "
            "order by seq limit ?",
            (RunState.ACTIVE.value, runtime.clock() - RECORDED_MS, AT_ONCE),
        )
    for run in map(run_of, rows):
        flow_run = await flow_run_for(client, deployments, runtime.database, run)
        await publish(client, flow_run.id, run.mapping, report_of(run, rest_address(runtime.settings)))
        state: Any = conclusion_of(run).shown()
        state.message = f"{state.message} Prefect was away: {_when(run.started_at)} to {_when(run.ended_at)}."
        await client.set_flow_run_state(flow_run.id, state, force=True)


def _when(at: int | None) -> str:
    return "?" if at is None else f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
