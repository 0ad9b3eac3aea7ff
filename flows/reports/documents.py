"""Two-way runs and their results as REST shows them. Pure."""

from __future__ import annotations

from typing import Any

from flows.reports import words
from flows.reports.comparison import Pair, lines
from flows.reports.summary import result_line, summarize
from flows.store.audit_recon import timestamp
from flows.store.two_way_rows import Counts, TwoWayResult, TwoWayRun

Json = dict[str, Any]


def run_document(run: TwoWayRun, counts: Counts | None = None) -> Json:
    """A run; `counts` where the row does not have them yet."""
    found = counts or run.counts
    return {
        "_id": run.id,
        "_rev": "0",
        "name": run.name,
        "status": run.status,
        "result": result_line(run, found),
        "message": run.message,
        "trigger": run.trigger,
        "userId": run.user_id,
        "direction": run.direction,
        "isManual": run.is_manual,
        "started": timestamp(run.started),
        "ended": _moment(run.ended),
        "idmChangedSince": _moment(run.idm_changed_since),
        "resourceChangedSince": _moment(run.resource_changed_since),
        "toResourceRun": run.to_resource_run,
        "toIdmRun": run.to_idm_run,
        "objects": summarize(found).total,
        "statusSummary": summarize(found).totals,
        "counts": found,
        "notification": run.mail,
    }


def result_document(result: TwoWayResult) -> Json:
    """An object in a list."""
    return {
        "_id": str(result.seq),
        "_rev": "0",
        "case": result.category,
        "situation": result.situation,
        "response": result.response,
        "principal": result.principal,
        "idmObjectId": result.idm_id,
        "resourceObjectId": result.resource_id,
        "status": result.status,
        "message": result.message,
        "idmBefore": result.idm_before,
        "idmAfter": result.idm_after,
        "resourceBefore": result.resource_before,
        "resourceAfter": result.resource_after,
    }


def result_info(result: TwoWayResult, pairs: tuple[Pair, ...]) -> Json:
    """One object with all that is known of it: in words, and attribute by attribute."""
    return {
        **result_document(result),
        "caseText": words.category(result.category).title,
        "situationText": words.situation(result.situation),
        "responseText": words.response(result.response),
        "attributes": [
            {
                "name": line.name,
                "idmBefore": line.idm.before,
                "idmAfter": line.idm.after,
                "resourceBefore": line.resource.before,
                "resourceAfter": line.resource.after,
                "differs": line.differs,
                "changed": line.idm.changed or line.resource.changed,
            }
            for line in lines(result, pairs)
        ],
    }


def _moment(at: int | None) -> str | None:
    return None if at is None else timestamp(at)
