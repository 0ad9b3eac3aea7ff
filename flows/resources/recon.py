"""`recon`: launching, listing, reading, cancelling and purging reconciliation runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from conf.errors import BadRequest, Conflict, NotFound
from conf.terms import RunState
from flows.explain import explain
from flows.launch import Launch, cancel, launch, read_overrides, wait_for
from flows.parameters import flag, is_true, refuse_lookalikes
from flows.recon.status import status_document
from flows.router import Json, Resource
from flows.store import audit, retention, runs

if TYPE_CHECKING:
    from flows.call import Call


PARAMETERS: Final = ("mapping", "id", "ids", "waitForCompletion", "persistAssociations", "analyze")
"""Of the actions that launch a run."""


class ReconResource(Resource):
    """Runs by id; the collection is a plain read, `{"reconciliations": [...]}`, oldest first."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        async with call.read() as transaction:
            if id is None:
                found = await runs.list_all(transaction, requests=False)
                return {"_id": "", "reconciliations": [status_document(run, call.now()) for run in found]}
            run_id = id.rpartition("/")[2]
            run = await runs.read(transaction, run_id)
            if run is not None:
                return status_document(run, call.now())
            kept = await audit.summary(transaction, run_id)
        if kept is None:
            raise unknown(id)
        return kept

    async def delete(self, call: Call, parts: Mapping[str, str], id: str, revision: str | None) -> Json:
        """Purge statistics and associations; the audit stays. A run under way is cancelled first, by whoever asks."""
        async with call.write() as transaction:
            run = await runs.read(transaction, id)
            if run is None:
                raise unknown(id)
            if not run.ended:
                raise Conflict(f"Reconciliation {id} is under way; cancel it first")
            await retention.delete(transaction, id)
        return status_document(run, call.now())

    async def action(
        self,
        call: Call,
        parts: Mapping[str, str],
        id: str | None,
        name: str,
        content: Any,
        parameters: Mapping[str, str],
    ) -> Any:
        if id is not None:
            return await self._run_action(call, id, name, parameters)
        match name:
            case "recon":
                asked = self._asked(content, parameters)
            case "reconById":
                asked = self._asked(content, parameters, by_id=True)
            case "explain":
                return await _explained(call, parameters)
            case "reconByQuery":
                raise BadRequest("Unknown action reconByQuery")
            case _:
                raise BadRequest(f"Action {name} on reconciliation not supported {shown(parameters)}")
        return await self._launch(call, asked, wait=_waits(content, parameters))

    async def _run_action(self, call: Call, id: str, name: str, parameters: Mapping[str, str]) -> Json:
        async with call.read() as transaction:
            known = await runs.read(transaction, id) is not None
        if not known:
            raise unknown(id)
        if name.lower() != "cancel":
            raise BadRequest(f"Action {name} on recon run {id} not supported {shown(parameters)}")
        await cancel(call, id)
        return {"_id": id, "action": name, "status": "INITIATED"}

    def _asked(self, content: Any, parameters: Mapping[str, str], *, by_id: bool = False) -> Launch:
        refuse_lookalikes(parameters, PARAMETERS)
        for kind in ("_queryFilter", "_queryId"):
            if kind in parameters:
                raise BadRequest(
                    f'A run takes no parameter {kind}; send {{"sourceQuery": {{"{kind}": "..."}}}} as its body'
                )
        mapping = parameters.get("mapping")
        if mapping is None:
            raise BadRequest("/mapping: Expecting a value")
        source_ids = None
        if by_id:
            source_id = parameters.get("id", parameters.get("ids"))
            if not source_id:
                raise BadRequest(
                    "Action reconById requires a parameter 'id' (or 'ids') with the identifier to reconcile"
                )
            source_ids = (source_id,)
        return Launch(
            mapping=mapping,
            recon_action="reconById" if by_id else "recon",
            source_ids=source_ids,
            overrides=read_overrides(content),
            is_analysis=flag(parameters, "analyze"),
            persist_associations=flag(parameters, "persistAssociations"),
        )

    async def _launch(self, call: Call, asked: Launch, *, wait: bool) -> Json:
        if wait and call.runtime.project.mapping(asked.mapping).clustered:
            raise BadRequest(
                f"Mapping {asked.mapping} is clustered; waitForCompletion is not supported for clustered "
                "reconciliation. Launch it without and read recon/{id}"
            )
        run = await launch(call, asked)
        if not wait:
            return {"_id": run.id, "state": str(run.state)}
        ended = await wait_for(call, run.id)
        empty = ended.reason is not None and "empty data source" in ended.reason
        if ended.state is RunState.FAILED and not empty:
            raise Conflict(f"Synchronization failed: {ended.reason}", detail={"_id": ended.id})
        return {"_id": ended.id, "state": str(ended.state)}


def _waits(content: Any, parameters: Mapping[str, str]) -> bool:
    """Whether the caller waits for the end: by the parameter, or by a member of the body as older documents have it."""
    given = content.get("waitForCompletion") if isinstance(content, dict) else None
    if not isinstance(given, bool | None):
        raise BadRequest("/waitForCompletion: expected true or false")
    return is_true(parameters["waitForCompletion"]) if "waitForCompletion" in parameters else bool(given)


async def _explained(call: Call, parameters: Mapping[str, str]) -> Json:
    mapping, id = parameters.get("mapping"), parameters.get("id")
    if not mapping or not id:
        raise BadRequest("Action explain requires the parameters 'mapping' and 'id'")
    return await explain(call, mapping, id, target_side=is_true(parameters.get("target")))


def unknown(id: str) -> NotFound:
    """The error for a run that nobody knows."""
    return NotFound(f"Reconciliation with id {id} not found.")


def shown(parameters: Mapping[str, str]) -> str:
    """Parameters in the notation of PingIDM's messages."""
    return "{" + ", ".join(f"{name}={value}" for name, value in parameters.items()) + "}"
