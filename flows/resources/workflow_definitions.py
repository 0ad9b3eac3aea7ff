"""`workflow/processdefinition` and the user tasks below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from approvals import catalogue, wire
from approvals.entitlement import is_admin
from conf.errors import BadRequest, Forbidden, NotFound
from conf.filters.evaluate import predicate
from conf.filters.parse import parse
from flows.resources.workflow_listing import QUERY_IDS
from flows.router import Json, Query, QueryResult, Resource

if TYPE_CHECKING:
    from flows.call import Call

_PARAMETERS: Final = {
    "key": "key",
    "name": "name",
    "version": "version",
    "category": "category",
    "deploymentId": "deploymentId",
    "processDefinitionResourceName": "resourceName",
}


class ProcessDefinitions(Resource):
    """Definitions as the project folder has them; a process keeps the version it was started with."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        if id is None:
            raise BadRequest("The resource collection workflow/processdefinition cannot be read")
        async with call.read() as tx:
            return wire.full_definition(await catalogue.by_id(tx, id))

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        async with call.read() as tx:
            published = await catalogue.everything(tx)
        return paged(query, [wire.listed_definition(each) for each in published], _PARAMETERS)

    async def delete(self, call: Call, parts: Mapping[str, str], id: str, revision: str | None) -> Json:
        if not is_admin(call.caller):
            raise Forbidden("Only administrators can delete a process definition")
        async with call.write() as tx:
            return wire.full_definition(await catalogue.remove(tx, id))


class TaskDefinitions(Resource):
    """User tasks of one definition, by key."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        if id is None:
            raise BadRequest("The resource collection taskdefinition cannot be read")
        async with call.read() as tx:
            published = await catalogue.by_id(tx, parts["definition"])
        for task in published.declaration.tasks:
            if task.key == id:
                return wire.task_definition(published, task)
        raise NotFound(f"Task definition for {id} was not found")

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        async with call.read() as tx:
            published = await catalogue.by_id(tx, parts["definition"])
        return paged(
            query, [wire.task_definition(published, task) for task in published.declaration.tasks], {}
        )


def paged(query: Query, bodies: Sequence[Json], parameters: Mapping[str, str]) -> QueryResult:
    """Filter, sort and page a short list in memory; `parameters` are the names it can be filtered by."""
    found = _matching(query, bodies, parameters)
    members = set(bodies[0]) if bodies else set()
    for key in reversed(query.sort_keys):
        name = key.lstrip("+-").lstrip("/")
        if bodies and name not in members:
            raise BadRequest(f"Sort key: {name} is not valid; these are: {', '.join(sorted(members))}")
        found.sort(key=lambda body: _sortable(body.get(name)), reverse=key.startswith("-"))
    start = _start(query)
    end = start + query.page_size if query.page_size else len(found)
    cookie = str(end) if query.page_size and end < len(found) else None
    counted = query.total_policy.upper() == "EXACT"
    return QueryResult(
        found[start:end], cookie, "EXACT" if counted else "NONE", len(found) if counted else -1
    )


def _matching(query: Query, bodies: Sequence[Json], parameters: Mapping[str, str]) -> list[Json]:
    if query.expression is not None:
        raise Forbidden("Query expressions are not allowed")
    if query.query_id is not None and query.query_id not in QUERY_IDS:
        raise BadRequest(f"Unknown query-id '{query.query_id}'; these are: {', '.join(sorted(QUERY_IDS))}")
    found = list(bodies)
    for name, value in query.parameters.items():
        if name.startswith("_"):
            continue
        if name not in parameters:
            known = ", ".join(sorted(parameters)) or "none"
            raise BadRequest(f"'{name}' is not a filter of this collection; these are: {known}")
        found = [body for body in found if str(body[parameters[name]]) == value]
    if query.filter is not None:
        holds = predicate(parse(query.filter), ignore_case=False)
        found = [body for body in found if holds(body)]
    return found


def _start(query: Query) -> int:
    if query.cookie is None:
        return query.offset
    if not (query.cookie.isascii() and query.cookie.isdigit()) or len(query.cookie) > 9:
        raise BadRequest(f"'{query.cookie}' is not a cookie of this list")
    return int(query.cookie)


def _sortable(value: Any) -> tuple[bool, float, str]:
    if isinstance(value, int | float):
        return value is None, value, ""
    return value is None, 0, "" if value is None else str(value)
