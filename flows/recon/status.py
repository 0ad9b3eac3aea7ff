"""The status document of a run, as `recon/{id}` answers it (PingIDM 8.1, `reconciliation.md` 3.5)."""

from __future__ import annotations

from typing import Any

from conf.terms import RunState
from flows.statistics import Statistics
from flows.store.audit_recon import timestamp
from flows.store.run_rows import RunRow

Json = dict[str, Any]


def status_document(run: RunRow, now: int) -> Json:
    """The whole document; `now` dates the duration of a run under way."""
    statistics = Statistics.load(run.statistics)
    if run.state is RunState.SUCCESS and statistics.links_total is None:
        statistics.links_total = statistics.links_processed
    begun = run.started_at
    end = run.ended_at if run.ended_at is not None else now
    document: Json = {
        "_id": run.id,
        "mapping": run.mapping,
        "state": str(run.state),
        "stage": str(run.stage),
        "stageDescription": run.stage.description,
        "progress": statistics.progress(),
        **statistics.summaries(),
        "parameters": run.parameters,
        "started": "" if begun is None else timestamp(begun),
        "ended": "" if run.ended_at is None else timestamp(run.ended_at),
        "duration": -1 if begun is None else max(end - begun, 0),
        "sourceProcessedByNode": {node: count for node, count in statistics.nodes.items() if count},
    }
    if run.reason:
        document["reason"] = run.reason
    return document


def situation_line(statistics: Statistics) -> str:
    """The message of a summary audit entry."""
    summary = statistics.summaries()["situationSummary"]
    return "".join(f"{situation}: {count} " for situation, count in summary.items())
