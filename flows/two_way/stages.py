"""The stages of a two-way run: ordinary recon runs of the two mappings, each launched once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from conf.reconciliation_terms import Direction, Treatment
from flows.call import Caller
from flows.launch import TWO_WAY, Launch, launch
from flows.store import runs
from flows.two_way.state import Stage, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conf.reconciliation_schema import Reconciliation
    from flows.call import Call, Runtime
    from flows.store.two_way import TwoWayRun

Json = dict[str, Any]


def stage_call(runtime: Runtime, run: TwoWayRun, number: int) -> Call:
    """A call whose id is that of the stage's run, so that it cannot be launched twice."""
    caller = Caller(run.user_id or "system", via="system", roles=frozenset({"openidm-admin"}))
    return runtime.call(caller, transaction_id=f"{run.id}-{number}")


async def begin(
    runtime: Runtime,
    configuration: Reconciliation,
    run: TwoWayRun,
    state: State,
    asked: Launch,
) -> Stage:
    """Launch the next stage, unless a worker before us has."""
    call = stage_call(runtime, run, len(state.stages) + 1)
    stage = Stage(call.transaction_id, asked.mapping == configuration.to_idm, bool(asked.assesses))
    async with call.read() as transaction:
        known = await runs.read(transaction, stage.run)
    if known is None:
        analysis = configuration.treatment is Treatment.RECORD
        await launch(
            call,
            replace(asked, persist_associations=True, is_analysis=analysis, trigger=f"{TWO_WAY}{run.id}"),
        )
    state.stages.append(stage)
    return stage


def assess_idm(configuration: Reconciliation, state: State) -> Launch | None:
    """The stage over the records of the resource, and over objects that have none; None when there are none to ask."""
    overrides: Json = {"sourceQuery": state.resource_query, "allowEmptySourceSet": state.allow_empty}
    if state.idm_query is not None:
        overrides["targetQuery"] = state.idm_query
    if state.is_incremental:
        if not state.changed_resource and not state.gone_idm:
            return None
        return Launch(
            configuration.to_idm,
            recon_action="reconById",
            source_ids=tuple(state.changed_resource),
            target_ids=tuple(state.gone_idm),
            overrides={"runTargetPhase": bool(state.gone_idm), "allowEmptySourceSet": True},
            assesses="part",
        )
    overrides["runTargetPhase"] = configuration.direction is Direction.BOTH
    return Launch(
        configuration.to_idm,
        overrides=overrides,
        assesses="part" if state.is_partial else "whole",
    )


def assess_resource(configuration: Reconciliation, state: State, ids: Sequence[str]) -> Launch | None:
    """The stage over objects of the repository: those of these ids, or, in that direction alone, all."""
    if configuration.direction is Direction.TO_RESOURCE and not state.is_incremental:
        overrides: Json = {"runTargetPhase": False, "allowEmptySourceSet": True}
        if state.idm_query is not None:
            overrides["sourceQuery"] = state.idm_query
        return Launch(configuration.to_resource, overrides=overrides, assesses="part")
    if not ids:
        return None
    return Launch(
        configuration.to_resource,
        recon_action="reconById",
        source_ids=tuple(ids),
        overrides={"runTargetPhase": False, "allowEmptySourceSet": True},
        assesses="part",
    )


def perform(mapping: str, source_ids: Sequence[str], target_ids: Sequence[str]) -> Launch | None:
    """A stage that does what was left for it."""
    if not source_ids and not target_ids:
        return None
    return Launch(
        mapping,
        recon_action="reconById",
        source_ids=tuple(source_ids),
        target_ids=tuple(target_ids),
        overrides={"runTargetPhase": bool(target_ids), "allowEmptySourceSet": True},
    )
