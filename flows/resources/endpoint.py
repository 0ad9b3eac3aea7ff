"""`endpoint/{name}`: addresses that scripts of the project answer (`conf/endpoint-<name>.json`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from conf.document import Node, Reading
from conf.errors import NotFound
from conf.script_config import read_script
from flows.router import Json, Query, QueryResult, Resource
from flows.run_script import run_script, script_context

if TYPE_CHECKING:
    from flows.call import Call

_QUERY: Final = {
    "queryFilter": "filter",
    "queryId": "query_id",
    "queryExpression": "expression",
    "pageSize": "page_size",
    "pagedResultsOffset": "offset",
    "pagedResultsCookie": "cookie",
}


class Endpoint(Resource):
    """The script sees `request` and `context`; its value is the answer."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        return _document(await _run(call, parts, id, {"method": "read", "fields": list(fields)}))

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        request = {name: getattr(query, attribute) for name, attribute in _QUERY.items()}
        request |= {"method": "query", "additionalParameters": dict(query.parameters)}
        found = await _run(call, parts, None, request)
        rows = found.get("result", [found]) if isinstance(found, dict) else found
        return QueryResult([_document(row) for row in rows] if isinstance(rows, list) else [])

    async def create(self, call: Call, parts: Mapping[str, str], id: str | None, content: Json) -> Json:
        return _document(await _run(call, parts, id, {"method": "create", "content": content}))

    async def update(
        self, call: Call, parts: Mapping[str, str], id: str, revision: str | None, content: Json
    ) -> Json:
        request = {"method": "update", "content": content, "revision": revision}
        return _document(await _run(call, parts, id, request))

    async def patch(
        self, call: Call, parts: Mapping[str, str], id: str, revision: str | None, operations: Sequence[Json]
    ) -> Json:
        request = {"method": "patch", "patchOperations": list(operations), "revision": revision}
        return _document(await _run(call, parts, id, request))

    async def delete(self, call: Call, parts: Mapping[str, str], id: str, revision: str | None) -> Json:
        return _document(await _run(call, parts, id, {"method": "delete", "revision": revision}))

    async def action(
        self,
        call: Call,
        parts: Mapping[str, str],
        id: str | None,
        name: str,
        content: Any,
        parameters: Mapping[str, str],
    ) -> Any:
        request = {
            "method": "action",
            "action": name,
            "content": content,
            "additionalParameters": dict(parameters),
        }
        return await _run(call, parts, id, request)


async def _run(call: Call, parts: Mapping[str, str], id: str | None, request: Json) -> Any:
    name = parts["name"]
    document = call.runtime.project.documents.get(f"endpoint/{name}")
    script = None
    if document is not None:
        reading = Reading(f"endpoint/{name}", call.runtime.project.scripts.has)
        script = read_script(Node(document, reading))
        if reading.problems:
            raise NotFound(f"The endpoint '{name}' is out of service: {reading.problems[0]}")
    if script is None:
        raise NotFound(f"Resource 'endpoint/{name}' not found: conf has no endpoint-{name}.json")
    seen = {"resourcePath": id or "", "resourceName": id or "", "additionalParameters": {}, **request}
    return await run_script(call, script, {"request": seen, "context": script_context(call)})


def _document(value: Any) -> Json:
    """A resource is an object; anything else stands under `result`."""
    return value if isinstance(value, dict) else {"_id": "", "result": value}
