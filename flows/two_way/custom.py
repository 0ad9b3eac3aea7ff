"""Scripts of a whole run: pre- and post-processor, and the processor that replaces the built-in logic.

Each sees `RECONCILIATION_CONFIG` (the configuration as written) and `reconciliation`: `id`, `name`, `type`,
`idmObject`, `managedSystem`, `direction`, `trigger`, `started` (epoch milliseconds), `updatedSince` (the same, or null),
and may call `openidm`. The post-processor also sees `status` and `message`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from conf.reconciliation_terms import Response, TwoWaySituation
from flows.engine.failures import RunFailed
from flows.run_script import run_script
from flows.store import two_way
from flows.store.two_way import TwoWayResult

if TYPE_CHECKING:
    from conf.reconciliation_schema import Reconciliation
    from flows.call import Call
    from flows.store.two_way import TwoWayRun

Json = dict[str, Any]

STATUSES: Final = frozenset({"SUCCESS", "FAILURE", "PENDING", "NOTHING", "HELD"})
MISSING: Final = "The ReconciliationProcessor script '{}' wasn't found. Please check the configuration."


def scope_of(configuration: Reconciliation, run: TwoWayRun) -> Json:
    """What these scripts see."""
    return {
        "RECONCILIATION_CONFIG": configuration.raw,
        "reconciliation": {
            "id": run.id,
            "name": run.name,
            "type": str(configuration.kind),
            "idmObject": configuration.idm_path,
            "managedSystem": configuration.resource_path,
            "direction": run.direction,
            "trigger": run.trigger,
            "started": run.started,
            "updatedSince": run.idm_changed_since,
        },
    }


async def process(call: Call, configuration: Reconciliation, run: TwoWayRun, scope: Json) -> None:
    """Run `customProcessorScript`; what it answers (`{"results": [...]}`, or the list) becomes the results."""
    script = configuration.custom_processor
    if script is None:
        return
    if script.file is not None and not call.runtime.project.scripts.has(script.file):
        raise RunFailed(MISSING.format(script.file))
    answer = await run_script(call, script, scope)
    given = answer.get("results") if isinstance(answer, dict) else answer
    rows = [_result(number, row) for number, row in enumerate(given if isinstance(given, list) else (), 1)]
    async with call.write() as transaction:
        if not await two_way.last_seq(transaction, run.id):
            await two_way.add_results(transaction, run.id, rows)


def _result(number: int, row: Any) -> TwoWayResult:
    if not isinstance(row, dict):
        raise RunFailed(f"customProcessorScript: result {number} is not an object")
    status = row.get("status", "SUCCESS")
    if status not in STATUSES:
        raise RunFailed(f"customProcessorScript: '{status}' of result {number} is not a status")
    situation, response = str(row.get("situation", "")), str(row.get("response", Response.NOTHING))
    if situation and situation not in set(TwoWaySituation):
        raise RunFailed(f"customProcessorScript: '{situation}' of result {number} is not a situation")
    return TwoWayResult(
        seq=number,
        situation=situation,
        response=response,
        category=str(row.get("category", "MATCH_FOUND")),
        principal=str(row.get("principal", "")),
        idm_id=_text(row.get("idmId")),
        resource_id=_text(row.get("resourceId")),
        status=str(status),
        message=str(row.get("message", "")),
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
