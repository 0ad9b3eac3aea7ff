"""The first and the last acts of a run: onRecon and the start entry; the result script, the summary and the end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from conf.errors import ReconError
from conf.terms import EntryStatus, Phase, RunState, Stage
from flows.engine.failures import RunFailed
from flows.recon.bridge import Bridge
from flows.recon.status import situation_line, status_document
from flows.recon.superseding import supersede_gone
from flows.statistics import Statistics
from flows.store import audit, retention, runs
from flows.store.audit_recon import ReconAudit

if TYPE_CHECKING:
    from conf.script_config import ScriptConfig
    from conf.transaction import Transaction
    from flows.call import Runtime
    from flows.recon.run import Run
    from flows.store.run_rows import RunRow

LOG = logging.getLogger("reconvene.recon")
Json = dict[str, Any]


async def open_audit(run: Run) -> None:
    """Run onRecon, then write the start entry."""
    await run_script(
        run, run.mapping.on_recon, "onReconScript", {"context": {}, "mappingConfig": run.mapping.raw}
    )
    row = ReconAudit(
        recon_id=run.id,
        entry_type="start",
        at=run.call.now(),
        mapping=run.mapping.name,
        user_id=run.row.user_id,
        recon_action=run.row.recon_action,
        message=f"Reconciliation initiated by {run.row.user_id}",
    )
    async with run.call.runtime.database.write() as transaction:
        with run.statistics.measure("auditLog"):
            await audit.append_recon(transaction, [row])
        checkpoint = {"phase": "source", "page": 0, "cursor": ""}
        await runs.save(transaction, run.id, run.token, {"checkpoint": checkpoint})


async def run_result_script(run: Run, *, quiet: bool = False) -> None:
    """Run the `result` script over the run's numbers; with `quiet` its failure is only logged."""
    begun, now = run.row.started_at or run.call.now(), run.call.now()
    side = {"startTime": begun, "endTime": now, "duration": now - begun}
    scope: Json = {
        "source": {
            "name": run.mapping.source,
            "processed": run.statistics.source_processed,
            **side,
            **run.statistics.phase(Phase.SOURCE),
        },
        "target": {
            "name": run.mapping.target,
            "processed": run.statistics.target_processed,
            **side,
            **run.statistics.phase(Phase.TARGET),
        },
        "global": {"reconId": run.id, "mappingName": run.mapping.name, **side},
        "context": {},
        "mappingConfig": run.mapping.raw,
        "reconState": str(RunState.FAILED if quiet else RunState.SUCCESS),
    }
    try:
        await run_script(run, run.mapping.result, "resultScript", scope)
    except ReconError as error:
        if not quiet:
            raise
        LOG.warning("result script failed", extra={"run": run.id, "reason": error.message})


async def run_script(run: Run, script: ScriptConfig | None, metric: str, scope: Json) -> None:
    """Run a script of the whole run in a transaction of its own; its failure breaks the run off."""
    hook = run.compiler.hook(script, metric)
    if hook is None:
        return
    async with run.call.runtime.database.write() as transaction:
        run.open_world(transaction, Bridge.here())
        try:
            await asyncio.to_thread(hook, scope)
        except ReconError as error:
            raise RunFailed(f"The {metric.removesuffix('Script')} script failed: {error.message}") from error


async def finish(
    runtime: Runtime,
    run_id: str,
    token: int,
    stage: Stage,
    *,
    reason: str | None = None,
    run: Run | None = None,
) -> None:
    """End the run: summary entry, retention, final state, all in one transaction."""
    now = runtime.clock()
    async with runtime.database.write() as transaction:
        if run is not None and stage is Stage.COMPLETED_SUCCESS:
            await _close_approvals(run, transaction, now)
        values: Json = {}
        told = [*(run.notes if run is not None else ()), *([reason] if reason else ())]
        if told:
            values["reason"] = " ".join(told)
        if run is not None:
            values["statistics"] = run.statistics.dump()
        await runs.finish(transaction, run_id, token, stage, now, values)
        row = await runs.read(transaction, run_id)
        if row is None:
            return
        await audit.append_recon(transaction, [_summary(row, now)])
        if run is not None:
            mapping = run.mapping
            await retention.purge(transaction, mapping.name, mapping.max_analysis_runs, mapping.max_runs)
        transaction.after_commit(lambda: runtime.wake("run"))


async def _close_approvals(run: Run, transaction: Transaction, now: int) -> None:
    query = run.source_query
    listed = query.is_complete and query.resource == run.mapping.source
    whole = run.source_ids is None and listed and not run.resumed
    if whole and run.source_complete and run.last_page_complete and run.open_processes is not False:
        await supersede_gone(run, transaction, now)


def _summary(row: RunRow, now: int) -> ReconAudit:
    succeeded = row.state is RunState.SUCCESS
    return ReconAudit(
        recon_id=row.id,
        entry_type="summary",
        at=now,
        mapping=row.mapping,
        user_id=row.user_id,
        recon_action=row.recon_action,
        status=str(EntryStatus.SUCCESS if succeeded else EntryStatus.FAILURE),
        message=situation_line(Statistics.load(row.statistics)),
        detail=status_document(row, now),
    )
