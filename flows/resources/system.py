"""`system/{name}/{type}`: objects of connected systems, through their connectors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from conf.errors import (
    BadRequest,
    Forbidden,
    NotFound,
    NotSupported,
    PreconditionFailed,
    ReconError,
    Unauthorized,
)
from conf.filters import parse as filters
from conf.filters.ast import Filter
from flows import patch
from flows.connectors.authenticating import Authenticates
from flows.connectors.base import RowsUnreadable
from flows.connectors.registry import REFERENCES
from flows.engine.differences import equal
from flows.live_sync import live_sync, live_sync_all
from flows.projection import page
from flows.router import Json, Query, QueryResult, Resource

if TYPE_CHECKING:
    from flows.call import Call
    from flows.connectors.base import Connector


class SystemObjects(Resource):
    """Objects of one type of one system."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        connector, kind = _target(call, parts)
        if id is None:
            raise BadRequest(f"The resource collection {_path(parts)} cannot be read")
        return await _existing(connector, kind, id, parts)

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        connector, kind = _target(call, parts)
        wanted = _filter_of(query)
        rows: list[Json] = []
        async for found in connector.pages(kind, filter=wanted):
            rows.extend(found.rows)
        if query.query_id == "query-all-ids":
            rows = [{"_id": row["_id"]} for row in rows]
        return page(rows, query)

    async def read_many(
        self, call: Call, parts: Mapping[str, str], ids: Collection[str], fields: tuple[str, ...] = ()
    ) -> Mapping[str, Json]:
        """An object that is there and cannot be read shows its id alone."""
        connector, kind = _target(call, parts)
        try:
            return await connector.read_many(kind, ids)
        except RowsUnreadable as told:
            return {**told.found, **{str(row.id): {"_id": row.id} for row in told.broken}}

    async def create(self, call: Call, parts: Mapping[str, str], id: str | None, content: Json) -> Json:
        connector, kind = _target(call, parts)
        if id is not None and await connector.read_many(kind, [id]):
            raise PreconditionFailed(f"Create rejected as {_path(parts)}/{id} already exists")
        _require(connector.capabilities.create, "CREATE", parts)
        given = content if id is None else {**content, "_id": id}
        return await connector.create(kind, given)

    async def update(
        self, call: Call, parts: Mapping[str, str], id: str, revision: str | None, content: Json
    ) -> Json:
        connector, kind = _target(call, parts)
        before = await _existing(connector, kind, id, parts)
        _require(connector.capabilities.update, "UPDATE", parts)
        cleared = dict.fromkeys((name for name in before if name not in content and name != "_id"), None)
        return await connector.update(kind, id, {**cleared, **content})

    async def patch(
        self, call: Call, parts: Mapping[str, str], id: str, revision: str | None, operations: Sequence[Json]
    ) -> Json:
        connector, kind = _target(call, parts)
        before = await _existing(connector, kind, id, parts)
        _require(connector.capabilities.update, "PATCH", parts)
        after = patch.apply(before, operations, positions=False)
        changes = {name: value for name, value in after.items() if not equal(value, before.get(name))}
        changes |= dict.fromkeys((name for name in before if name not in after), None)
        return await connector.update(kind, id, changes) if changes else before

    async def delete(self, call: Call, parts: Mapping[str, str], id: str, revision: str | None) -> Json:
        connector, kind = _target(call, parts)
        before = await _existing(connector, kind, id, parts)
        _require(connector.capabilities.delete, "DELETE", parts)
        await connector.delete(kind, id)
        return before

    async def action(
        self,
        call: Call,
        parts: Mapping[str, str],
        id: str | None,
        name: str,
        content: Any,
        parameters: Mapping[str, str],
    ) -> Any:
        match name:
            case "liveSync" if id is None:
                return await live_sync(call, _path(parts))
            case "authenticate" if id is None:
                return {"_id": await _authenticated(call, parts, content, parameters)}
            case "script":
                raise _no_scripts(parts["name"])
        raise BadRequest(f"Action {name} on {_path(parts)} not supported; offered: liveSync, authenticate")


class Systems(Resource):
    """All connections, or one of them: tests and what there is."""

    async def action(
        self,
        call: Call,
        parts: Mapping[str, str],
        id: str | None,
        name: str,
        content: Any,
        parameters: Mapping[str, str],
    ) -> Any:
        match name:
            case "test" if id is None:
                return [await _status(call, known) for known in sorted(call.runtime.project.connectors)]
            case "test" if id is not None:
                if id not in call.runtime.project.connectors:
                    raise NotFound(f"System '{id}' not found: conf has no provisioner.openicf-{id}.json")
                return await _status(call, id)
            case "testConnectorServers" if id is None:
                return {"openicf": []}  # connectors run inside the server; there are no servers of their own
            case "availableConnectors" if id is None:
                return {"connectorRef": list(REFERENCES)}
            case "script" if id is not None:
                call.runtime.connector(id)
                raise _no_scripts(id)
            case "liveSync" if id is not None:
                return await live_sync_all(call, id)
            case "liveSync" if "source" in parameters:
                return await live_sync(call, parameters["source"])
        raise BadRequest(
            f"Action {name} on system{f'/{id}' if id else ''} not supported; offered: test, availableConnectors, "
            "testConnectorServers, liveSync (with the parameter source)"
        )


async def _authenticated(
    call: Call, parts: Mapping[str, str], content: Any, parameters: Mapping[str, str]
) -> str:
    """The id of the object whose name and password were given, in the body or as parameters."""
    connector, kind = _target(call, parts)
    given = {**parameters, **(content if isinstance(content, dict) else {})}
    username, password = given.get("username"), given.get("password")
    if not isinstance(username, str) or not isinstance(password, str):
        raise BadRequest('The action authenticate takes {"username": "...", "password": "..."}')
    if not isinstance(connector, Authenticates):
        raise BadRequest(f"System {parts['name']} cannot check passwords here")
    found = await connector.authenticate(kind, username, password)
    if found is None:
        raise Unauthorized("The name or the password is wrong")
    return found


def _no_scripts(name: str) -> BadRequest:
    return BadRequest(
        f"System {name} runs no scripts: the connectors here have none. A script of the project can read and write "
        f"system/{name} through openidm"
    )


async def _status(call: Call, name: str) -> Json:
    """State of one connection, as `test` answers it; an error is part of the answer."""
    config = call.runtime.project.connectors[name]
    found: Json = {
        "name": name,
        "enabled": config.enabled,
        "config": f"config/provisioner.openicf/{name}",
        "connectorRef": config.connector_ref,
        "displayName": config.connector_ref.get("displayName", config.connector_name.rpartition(".")[2]),
        "objectTypes": [*config.object_types, "__ALL__"],
        "ok": False,
    }
    try:
        await call.runtime.connector(name).test()
    except ReconError as error:
        return {**found, "error": error.message}
    return {**found, "ok": True}


def _target(call: Call, parts: Mapping[str, str]) -> tuple[Connector, str]:
    name, kind = parts["name"], parts["type"]
    connector = call.runtime.connector(name)
    if kind not in connector.object_types():
        raise NotFound(f"Resource '{_path(parts)}' not found: system {name} has no object type '{kind}'")
    return connector, kind


async def _existing(connector: Connector, kind: str, id: str, parts: Mapping[str, str]) -> Json:
    found = await connector.read_many(kind, [id])
    if id not in found:
        raise NotFound(f"Object {id} not found on {_path(parts)}")
    return found[id]


def _require(offered: bool, operation: str, parts: Mapping[str, str]) -> None:
    if not offered:
        raise NotSupported(f"The {operation} operations are not supported by system {parts['name']}")


def _path(parts: Mapping[str, str]) -> str:
    return f"system/{parts['name']}/{parts['type']}"


def _filter_of(query: Query) -> Filter | None:
    if query.expression is not None:
        raise Forbidden("Access denied")
    if query.filter is not None:
        return filters.parse(query.filter)
    if query.query_id in (None, "query-all", "query-all-ids"):
        return None
    raise BadRequest(f"Unsupported _queryId: {query.query_id}")
