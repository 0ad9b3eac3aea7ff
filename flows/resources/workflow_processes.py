"""`workflow/processinstance`: processes under way, started and ended by hand, and their history."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from approvals import catalogue, closing, inbox, listing, records, wire
from approvals.catalogue import Published
from approvals.conditions import Condition, process_conditions
from approvals.entitlement import is_admin, may_see
from approvals.errors import UnknownInstance
from approvals.records import Process
from approvals.requests import ApprovalRequest
from conf.errors import BadRequest, Forbidden, NotSupported
from conf.terms import DEFAULT_QUALIFIER
from flows.resources.workflow_listing import answer, wanted
from flows.router import Json, Query, QueryResult, Resource
from flows.workflow_audit import activity_audit

if TYPE_CHECKING:
    from conf.database import Transaction
    from flows.call import Call

_MEMBERS: Final = frozenset(
    {
        "_id", "businessKey", "comment", "decidedAt", "decidedBy", "deleteReason", "durationInMillis", "effect",
        "effectMessage", "endActivityId", "endTime", "outcome", "processDefinitionId",
        "processDefinitionResourceName", "processInstanceId", "startTime", "startUserId", "tenantId", "variables",
    }
)  # fmt: skip
ACCESS: Final = "process/access"
"""Configuration id of `conf/process-access.json`: who may start which process."""
_OWN: Final = ("_key", "_processDefinitionId", "_businessKey", "_id", "_rev")


class ProcessInstances(Resource):
    """Processes by number. A list shows those under way; a read answers ended ones as well."""

    only_open = True

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        if id is None:
            raise BadRequest("The resource collection workflow/processinstance cannot be read")
        async with call.read() as tx:
            found = await records.process(tx, id)
            tasks = await records.tasks_of(tx, [found.seq])
            definition = (await catalogue.by_seq(tx, [found.definition]))[found.definition]
        own = is_admin(call.caller) or found.start_user_id == call.caller.id
        if not own and not any(may_see(task, call.caller) for task in tasks):
            raise UnknownInstance(id)
        return wire.full_process(found, definition, tasks)

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        conditions = process_conditions(query.parameters)
        if self.only_open:
            conditions.append(Condition("p.open = 1"))
        async with call.read() as tx:
            definitions = {each.seq: each for each in await catalogue.everything(tx, withdrawn=True)}

            def shape(process: Process) -> Json:
                return {
                    **wire.past_process(process, definitions[process.definition]),
                    "variables": wire.shown_variables(process.variables),
                }

            asked = wanted(query, conditions, _MEMBERS, shape)
            found = await listing.processes(tx, call.caller, asked)
        return answer(query, found, [self._listed(process, definitions) for process in found.rows])

    def _listed(self, process: Process, definitions: Mapping[int, Published]) -> Json:
        return wire.listed_process(process, definitions[process.definition])

    async def create(self, call: Call, parts: Mapping[str, str], id: str | None, content: Json) -> Json:
        """Start a process. One that is open for the same request is answered instead of a second one."""
        if id is not None:
            raise NotSupported(
                "A process instance gets its number from the server: POST workflow/processinstance", code=405
            )
        async with call.write() as tx:
            definition = await _definition(tx, content)
            _require_start(call, definition)
            request = _request(content, definition, call.caller.id)
            opened = await inbox.open_one(tx, request, call.now(), audit=activity_audit(call))
            started = await records.process(tx, opened.process or 0)
            tx.after_commit(lambda: call.runtime.wake("intent"))
        return wire.started_process(started.seq, definition, started.business_key)

    async def delete(self, call: Call, parts: Mapping[str, str], id: str, revision: str | None) -> Json:
        if not is_admin(call.caller):
            raise Forbidden("Only administrators can delete a process instance")
        async with call.write() as tx:
            found = await closing.delete_process(
                tx, id, call.caller.id, call.now(), audit=activity_audit(call)
            )
            definition = (await catalogue.by_seq(tx, [found.definition]))[found.definition]
            tx.after_commit(lambda: call.runtime.wake("intent"))
        return wire.listed_process(found, definition)


class PastProcesses(ProcessInstances):
    """All processes, those under way included, with their outcome."""

    only_open = False

    def _listed(self, process: Process, definitions: Mapping[int, Published]) -> Json:
        return wire.past_process(process, definitions[process.definition])

    async def create(self, call: Call, parts: Mapping[str, str], id: str | None, content: Json) -> Json:
        raise NotSupported("The CREATE operations are not supported")


async def _definition(tx: Transaction, content: Json) -> Published:
    id, key = content.get("_processDefinitionId"), content.get("_key")
    for name, value in (("_processDefinitionId", id), ("_key", key)):
        if value is not None and not isinstance(value, str):
            raise BadRequest(f"'{name}' must be a text", detail={"field": name})
    if id:
        return await catalogue.by_id(tx, id)
    if key:
        return await catalogue.latest_of(tx, key)
    raise BadRequest(
        'Starting a process needs "_key" or "_processDefinitionId", such as "managedUserApproval"'
    )


def _require_start(call: Call, definition: Published) -> None:
    """Administrators start any process, others what process-access.json allows them."""
    if is_admin(call.caller):
        return
    rules: Any = call.runtime.project.documents.get(ACCESS, {}).get("workflowAccess", [])
    shown = wire.listed_definition(definition)
    for rule in rules if isinstance(rules, list) else []:
        check = rule.get("propertiesCheck", {}) if isinstance(rule, dict) else {}
        role = str(check.get("requiresRole", "")).removeprefix("internal/role/")
        value = str(shown.get(str(check.get("property", "_id")), ""))
        if role in call.caller.roles and re.fullmatch(str(check.get("matches", "")), value):
            return
    raise Forbidden(f"You may not start the process '{definition.key}'")


def _request(content: Json, definition: Published, user_id: str) -> ApprovalRequest:
    variables = {name: value for name, value in content.items() if name not in _OWN}
    business_key = content.get("_businessKey")
    if business_key is not None and (not isinstance(business_key, str) or len(business_key) > 255):
        raise BadRequest("'_businessKey' must be a text of at most 255 characters")
    texts = {
        name: value
        for name in ("mapping", "situation", "action", "sourceId", "targetId", "linkQualifier", "reconId")
        if isinstance(value := variables.get(name), str) and value
    }
    on_target = bool(variables.get("target")) or "sourceId" not in texts
    object_id = texts.get("targetId" if on_target else "sourceId")
    # without all of these nothing says what it is about: any number of such processes may be open
    about = object_id is not None and {"mapping", "action"} <= texts.keys()
    ambiguous = variables.get("ambiguousTargetIds")
    return ApprovalRequest(
        definition_key=definition.key,
        definition=definition.seq,
        mapping=texts.get("mapping") if about else None,
        qualifier=texts.get("linkQualifier", DEFAULT_QUALIFIER),
        side="target" if on_target else "source",
        object_id=object_id or "",
        situation=texts.get("situation", ""),
        action=texts.get("action", "").upper(),
        recon_id=texts.get("reconId"),
        source_id=texts.get("sourceId"),
        target_id=texts.get("targetId"),
        ambiguous=tuple(map(str, ambiguous)) if isinstance(ambiguous, list) else (),
        variables=variables,
        start_user=user_id,
        after_rejection="ask",
        business_key=business_key,
    )
