"""Promises about ended runs: their counters against the audit, their associations, and what they deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from conf.mapping import load_mappings
from conf.terms import RunState
from flows.statistics import Statistics
from flows.store import runs
from flows.violation import Violation

if TYPE_CHECKING:
    from conf.transaction import Transaction
    from flows.store.run_rows import RunRow

AUDITED: Final = "the entries of a run in the audit are as many as its status summary says"
ASSOCIATED: Final = "a run keeps one association for each entry"
NAMED: Final = "no entry of a run is counted under two situations"
GUARDED: Final = "a run that met no source deletes and unlinks nothing in its target phase"


async def violations_of_runs(transaction: Transaction) -> list[Violation]:
    """Runs that have ended and break a promise."""
    audited = await _counted(
        transaction,
        "select recon_id, count(*) from audit_recon where entry_type = 'entry' and task_id is null "
        "and recon_id is not null group by recon_id",
    )
    associated = await _counted(
        transaction,
        "select r.id, count(*) from recon_entry e join recon_run r on r.seq = e.run group by r.id",
    )
    removed = await _counted(
        transaction,
        "select recon_id, count(*) from audit_recon where entry_type = 'entry' and task_id is null "
        "and phase = 'target' and action in ('DELETE', 'UNLINK') and status = 'SUCCESS' "
        "and recon_id is not null group by recon_id",
    )
    found: list[Violation] = []
    for run in await runs.list_all(transaction):
        if run.ended:
            statistics = Statistics.load(run.statistics)
            found += _counters(run, statistics, audited.get(run.id, 0), associated.get(run.id, 0))
            found += await _guards(transaction, run, statistics, removed.get(run.id, 0))
    return found


async def _counted(transaction: Transaction, sql: str) -> dict[str, int]:
    return {str(id): int(number) for id, number in await transaction.fetch(sql)}


def _counters(run: RunRow, statistics: Statistics, audited: int, associated: int) -> list[Violation]:
    """I12: every entry is counted once, under one status and at most one situation."""
    entries = sum(statistics.statuses.values())
    named = sum(statistics.situations.values())
    found = []
    # entries of NOREPORT are counted and not written, so fewer may stand in the audit, never more
    if audited > entries:
        found.append(Violation("I12", AUDITED, f"run {run.id}: {audited} entries, {entries} counted"))
    # retention takes the associations of older runs away, all at once
    if run.state is RunState.SUCCESS and associated not in (0, entries):
        found.append(Violation("I12", ASSOCIATED, f"run {run.id}: {associated} kept, {entries} counted"))
    if named > entries:
        found.append(Violation("I12", NAMED, f"run {run.id}: {named} situations, {entries} entries"))
    return found


async def _guards(
    transaction: Transaction, run: RunRow, statistics: Statistics, removed: int
) -> list[Violation]:
    """I15: an empty source is no reason to delete, unless the run was told that it is."""
    if not removed or statistics.source_processed or run.is_analysis or run.recon_action != "recon":
        return []
    overrides = run.request.get("overrides", {})
    pinned = load_mappings(await runs.configuration(transaction, run.id))
    configured = any(mapping.allow_empty_source_set for mapping in pinned if mapping.name == run.mapping)
    if overrides.get("allowEmptySourceSet", configured):
        return []
    return [Violation("I15", GUARDED, f"run {run.id}: {removed} removed")]
