"""`workflow/taskinstance`: what waits for people, deciding it, and the history of what was decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from approvals import assignment, catalogue, decisions, listing, records, wire
from approvals.conditions import Condition, task_conditions
from approvals.decisions import Decided
from approvals.entitlement import require_sight
from approvals.errors import UnknownTask
from approvals.records import Task
from approvals.states import IntentState, TaskStatus
from conf.errors import BadRequest, Conflict, Forbidden
from flows.outcome_watch import outcome_watch
from flows.pending import Pending
from flows.resources import workflow_bulk
from flows.resources.workflow_listing import answer, asks_for, wanted
from flows.resources.workflow_separation import separation_of
from flows.router import Json, Query, QueryResult, Resource
from flows.workflow_audit import activity_audit

if TYPE_CHECKING:
    from approvals.intents import Intent
    from approvals.listing import Listed
    from flows.call import Call

_DETAILS: Final = frozenset({"variables", "formProperties", "candidates"})
_MEMBERS: Final = _DETAILS | {
    "_id", "_rev", "assignee", "createTime", "description", "dueDate", "executionId", "name", "owner", "priority",
    "processDefinitionId", "processInstanceId", "taskDefinitionKey", "tenantId",
}  # fmt: skip
_PAST_MEMBERS: Final = frozenset(
    {
        "_id", "assignee", "claimTime", "comment", "decidedAt", "decidedBy", "deleteReason", "description", "dueDate",
        "durationInMillis", "effect", "effectMessage", "endTime", "executionId", "name", "outcome", "owner",
        "priority", "processDefinitionId", "processInstanceId", "startTime", "taskDefinitionKey", "tenantId",
        "variables",
    }
)  # fmt: skip


class TaskInstances(Resource):
    """Open tasks by number: a person's own, those open to them, and all for administrators."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        if id is None:
            raise BadRequest("The resource collection workflow/taskinstance cannot be read")
        async with call.read() as tx:
            task = await records.task(tx, id)
            require_sight(task, call.caller)
            if task.status is not TaskStatus.OPEN:
                raise task.ended()
            definition = (await catalogue.by_seq(tx, [task.definition]))[task.definition]
        return wire.full_task(task, definition.declaration.task(task.task_key))

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        found, full = await _open_tasks(call, query)
        shape = full if asks_for(query, _DETAILS) else wire.listed_task
        return answer(query, found, [shape(task) for task in found.rows])

    async def update(
        self, call: Call, parts: Mapping[str, str], id: str, revision: str | None, content: Json
    ) -> Json:
        """Change assignee, description, name or owner; other members may be sent back unchanged."""
        shown = await self.read(call, parts, id)
        async with call.write() as tx:
            await assignment.assign(
                tx,
                id,
                call.caller,
                content,
                call.now(),
                revision=revision,
                unchanged=shown,
                audit=activity_audit(call),
            )
        return {"_id": id, "Task updated": id}

    async def delete(self, call: Call, parts: Mapping[str, str], id: str, revision: str | None) -> Json:
        async with call.read() as tx:
            task = await records.task(tx, id)
        require_sight(task, call.caller)
        raise task.ended() if task.status is not TaskStatus.OPEN else assignment.refuse_deletion(task)

    async def action(
        self,
        call: Call,
        parts: Mapping[str, str],
        id: str | None,
        name: str,
        content: Any,
        parameters: Mapping[str, str],
    ) -> Any:
        if id is None:
            if name != "complete":
                return await super().action(call, parts, id, name, content, parameters)
            return await self._complete_many(call, content, parameters)
        match name:
            case "claim":
                return await self._claim(call, id, content)
            case "complete":
                return await self._complete(call, id, content)
            case _:
                raise BadRequest(f"Unknown action '{name}'; a task can be claimed and completed")

    async def _claim(self, call: Call, id: str, content: Any) -> Json:
        user_id = content.get("userId") if isinstance(content, dict) else None
        async with call.write() as tx:
            await assignment.claim(tx, id, call.caller, user_id, call.now(), audit=activity_audit(call))
        return {"Task action performed": "claim"}

    async def _complete(self, call: Call, id: str, content: Any) -> Json:
        form, comment = content, None
        if isinstance(content, dict) and "_comment" in content:
            form = {name: value for name, value in content.items() if name != "_comment"}
            comment = content["_comment"]
        async with call.write() as tx:
            separation = separation_of(call.runtime, await records.task(tx, id))
            decided = await decisions.complete(
                tx,
                id,
                call.caller,
                form,
                call.now(),
                comment,
                separation=separation,
                audit=activity_audit(call),
            )
            tx.after_commit(lambda: call.runtime.wake("intent"))
        return await _outcome(call, decided)

    async def _complete_many(self, call: Call, content: Any, parameters: Mapping[str, str]) -> Json:
        """Decide all that a list or a filter names, once the call has said how many that are."""
        asked = workflow_bulk.read_asked(content, parameters)
        ids = asked.ids
        if ids is None:
            found, _ = await _open_tasks(call, asked.query or Query())
            ids = tuple(task.id for task in found.rows)
        workflow_bulk.require_confirmed(asked, len(ids))
        return await workflow_bulk.decide(call, asked, ids)


class PastTasks(Resource):
    """All tasks, open ones included, with who decided what and what came of it."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        if id is None:
            raise BadRequest("The resource collection workflow/taskinstance/history cannot be read")
        seq = records.number_of(id)
        if seq is None:
            raise UnknownTask(id)
        async with call.read() as tx:
            found = await listing.tasks(tx, call.caller, listing.Wanted([Condition("t.seq = ?", (seq,))]))
        if not found.rows:
            raise UnknownTask(id)
        return wire.past_task(found.rows[0])

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        def full(task: Task) -> Json:
            return {**wire.past_task(task), "variables": wire.shown_variables(task.variables)}

        conditions = task_conditions(call.runtime.database.dialect, query.parameters)
        async with call.read() as tx:
            found = await listing.tasks(tx, call.caller, wanted(query, conditions, _PAST_MEMBERS, full))
        shape = full if asks_for(query, _DETAILS) else wire.past_task
        return answer(query, found, [shape(task) for task in found.rows])


async def _open_tasks(call: Call, query: Query) -> tuple[Listed[Task], Callable[[Task], Json]]:
    """The open tasks that a query finds and the caller may see, and how one is shown in full."""
    conditions = task_conditions(call.runtime.database.dialect, query.parameters)
    async with call.read() as tx:
        definitions = {each.seq: each for each in await catalogue.everything(tx, withdrawn=True)}

        def full(task: Task) -> Json:
            return wire.full_task(task, definitions[task.definition].declaration.task(task.task_key))

        open_ones = [*conditions, Condition("t.status = 'OPEN'")]
        found = await listing.tasks(tx, call.caller, wanted(query, open_ones, _MEMBERS, full))
    return found, full


async def _outcome(call: Call, decided: Decided) -> Json:
    """Wait for what comes of an approval, but not long; everything else is known at once."""
    performed: Json = {"Task action performed": "complete"}
    if decided.intent is None:
        return performed
    pending = Pending(performed, outcome="pending")
    if call.transaction is not None:
        # a script inside a transaction: nothing can be carried out before that commits
        return pending
    seconds = call.runtime.settings.decision_wait_seconds
    intent = await outcome_watch(call.runtime).wait(decided.intent, seconds)
    if intent is None:
        return pending
    if intent.state is not IntentState.APPLIED:
        raise _refusal(intent)
    return performed


def _refusal(intent: Intent) -> Conflict | Forbidden:
    kind = Forbidden if intent.outcome_code == 403 else Conflict
    return kind(intent.message or "The approved action was refused", detail=intent.detail)
