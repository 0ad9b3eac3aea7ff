"""Launching, waiting for and cancelling runs: what REST, the command line, schedules and scripts share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from conf.errors import BadRequest, Conflict, NotFound
from conf.reconciliation_terms import PREFIX as RECONCILIATION
from conf.terms import Stage
from flows.recon.queries import SideQuery, side_query
from flows.store import runs
from flows.store.run_rows import NewRun, RunRow

if TYPE_CHECKING:
    from conf.mapping import ObjectMapping
    from flows.call import Call

Json = dict[str, Any]

OVERRIDES: Final[Mapping[str, type]] = {
    "sourceQuery": dict,
    "targetQuery": dict,
    "allowEmptySourceSet": bool,
    "runTargetPhase": bool,
    "sourceQueryFullEntry": bool,
    "targetQueryFullEntry": bool,
}
"""What a request body may override for one run, and nothing else."""


IDS_SHOWN: Final = 100
"""A stage of a two-way run may be about many thousands."""
TWO_WAY: Final = "reconciliation:"
"""How the trigger of a run begins that is a stage of a two-way run."""


@dataclass(frozen=True)
class Launch:
    """A run as it is asked for."""

    mapping: str
    recon_action: str = "recon"
    source_ids: tuple[str, ...] | None = None
    overrides: Json = field(default_factory=dict)
    is_analysis: bool = False
    persist_associations: bool = False
    trigger: str = "rest"
    target_ids: tuple[str, ...] | None = None
    """With source ids: the targets that the target phase visits."""
    assesses: str = ""
    """Of a two-way mapping: `whole` or `part`, see `flows.two_way.responder`."""


def read_overrides(body: Any) -> Json:
    """The overrides of a body; a wrong type raises BadRequest naming the field, unknown members are ignored."""
    if not isinstance(body, dict):
        return {}
    found = {}
    for name, kind in OVERRIDES.items():
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, kind):
            wanted = "an object" if kind is dict else "true or false"
            raise BadRequest(f"/{name}: expected {wanted}")
        found[name] = value
    return found


async def launch(call: Call, asked: Launch) -> RunRow:
    """Add a run and wake a worker; the run's id is the call's transaction id.

    Raises NotFound for an unknown mapping, Conflict when it is out of service or too many runs of it wait already,
    BadRequest for a query that makes no sense.
    """
    project = call.runtime.project
    mapping = project.mapping(asked.mapping)
    if mapping.reconciliation is not None and not (asked.is_analysis or asked.trigger.startswith(TWO_WAY)):
        name = mapping.reconciliation.name
        raise Conflict(
            f"{mapping.name} belongs to the reconciliation {name}, whose guards it would pass by; "
            f"start that: reconciliation/{name}?_action=start"
        )
    if mapping.problems:
        raise Conflict(f"Mapping {mapping.name} is out of service: {'; '.join(mapping.problems)}")
    parameters = effective_parameters(mapping, asked)
    new = NewRun(
        id=call.transaction_id,
        mapping=mapping.name,
        created_at=call.now(),
        recon_action=asked.recon_action,
        is_analysis=asked.is_analysis,
        persist_associations=asked.persist_associations or asked.is_analysis,
        trigger=asked.trigger,
        user_id=call.caller.id,
        request={
            "overrides": asked.overrides,
            **({} if asked.source_ids is None else {"sourceIds": list(asked.source_ids)}),
            **({} if asked.target_ids is None else {"targetIds": list(asked.target_ids)}),
            **({"assesses": asked.assesses} if asked.assesses else {}),
        },
        configuration=pinned_configuration(call, mapping),
        parameters=parameters,
    )
    async with call.write() as transaction:
        waiting = await runs.waiting(transaction, mapping.name)
        limit = call.runtime.settings.pending_launches
        if waiting > limit:
            raise Conflict(
                f"{waiting} runs of {mapping.name} wait already; at most {limit} may. "
                "Wait for one to end, or cancel one"
            )
        await runs.insert(transaction, new)
        row = await runs.read(transaction, new.id)
        transaction.after_commit(lambda: call.runtime.wake("run"))
    if row is None:
        raise NotFound(f"Reconciliation with id {new.id} not found.")
    return row


def effective_parameters(mapping: ObjectMapping, asked: Launch) -> Json:
    """The queries in force, as `parameters` of the status document shows them."""
    source = _checked(
        "sourceQuery", asked.overrides.get("sourceQuery") or mapping.source_query, mapping.source
    )
    target = _checked(
        "targetQuery", asked.overrides.get("targetQuery") or mapping.target_query, mapping.target
    )
    if asked.source_ids is not None:
        return {"sourceIds": list(asked.source_ids[:IDS_SHOWN]), "targetQuery": target.parameters}
    return {"sourceQuery": source.parameters, "targetQuery": target.parameters}


def _checked(name: str, given: Json | None, container: str) -> SideQuery:
    try:
        query = side_query(given, container)
        query.check()
    except BadRequest as failure:
        raise BadRequest(f"/{name}: {failure.message}") from None
    return query


def pinned_configuration(call: Call, mapping: ObjectMapping) -> Json:
    """The mappings as they are now: a run goes by them to its end."""
    documents = call.runtime.project.documents
    if mapping.reconciliation is not None:
        id = f"{RECONCILIATION}{mapping.reconciliation.name}"
        return {id: documents[id]}
    return {
        name: document
        for name, document in documents.items()
        if name == "sync" or name.startswith("mapping/")
    }


async def wait_for(call: Call, run_id: str) -> RunRow:
    """Wait until a run has ended."""
    pause = 0.002
    while True:
        async with call.runtime.database.read() as transaction:
            row = await runs.read(transaction, run_id)
        if row is None:
            raise NotFound(f"Reconciliation with id {run_id} not found.")
        if row.ended:
            return row
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.25)


async def cancel(call: Call, run_id: str) -> RunRow:
    """Ask a run to stop after its page; one that waits for its turn ends at once, one that has ended stays so."""
    async with call.write() as transaction:
        row = await runs.read(transaction, run_id)
        if row is None:
            raise NotFound(f"Reconciliation with id {run_id} not found.")
        await runs.request_cancel(transaction, run_id)
        await runs.end_waiting(
            transaction, run_id, Stage.COMPLETED_CANCELED, call.now(), "cancelled before it began"
        )
    return row
