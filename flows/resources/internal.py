"""`internal/role` and `internal/user`: the accounts and roles of the server itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from conf.errors import BadRequest, Conflict, NotFound, NotSupported
from flows import managed_objects
from flows.activity import activity_event
from flows.projection import select
from flows.router import Json, Query, QueryResult, Resource
from flows.store import audit, managed
from flows.store.managed import Stored, new_rev

if TYPE_CHECKING:
    from conf.transaction import Transaction
    from flows.call import Call

ROLES: Final[Mapping[str, str]] = {
    "openidm-admin": "Administrative access",
    "openidm-authorized": "Basic minimum user",
    "openidm-auditor": "Reads the audit and the runs",
    "openidm-cert": "Authenticated via certificate",
    "openidm-reg": "Anonymous access",
    "openidm-tasks-manager": "Allowed to reassign workflow tasks",
    "platform-provisioning": "Platform provisioning access",
}
"""Roles that are always there."""


class InternalObjects(Resource):
    """Built-in objects are read only; roles of one's own can be added."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        kind = _kind(parts)
        if id is None:
            raise BadRequest(f"The resource collection internal/{kind} cannot be read")
        if (built_in := _built_in(call, kind).get(id)) is not None:
            return built_in
        async with call.read() as tx:
            return (await _existing(tx, kind, id)).object()

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        kind = _kind(parts)
        async with call.read() as tx:
            stored = await managed.find(tx, f"internal/{kind}")
        return select([*_built_in(call, kind).values(), *(row.object() for row in stored.rows)], query)

    async def create(self, call: Call, parts: Mapping[str, str], id: str | None, content: Json) -> Json:
        kind = _writable(parts)
        wanted = content.get("_id") or id or content.get("name")
        if wanted is None:
            raise BadRequest("An internal role needs a 'name', which is its id too")
        chosen = managed_objects.checked_id(wanted)
        if chosen in _built_in(call, kind):
            raise managed_objects.exists_already(chosen)
        stored = Stored(chosen, new_rev(), _body(content))
        async with call.write() as tx:
            if await managed.read_ids(tx, f"internal/{kind}", [chosen]):
                raise managed_objects.exists_already(chosen)
            await managed.insert_many(tx, f"internal/{kind}", [stored])
            await _record(call, tx, "CREATE", kind, None, stored)
        return stored.object()

    async def update(
        self, call: Call, parts: Mapping[str, str], id: str, revision: str | None, content: Json
    ) -> Json:
        kind = _writable(parts)
        _refuse_built_in(call, kind, id)
        async with call.write() as tx:
            before = await _existing(tx, kind, id)
            managed_objects.check_revision(before, revision, "Update")
            after = Stored(id, new_rev(), _body(content))
            await managed.update_many(tx, f"internal/{kind}", [after])
            await _record(call, tx, "UPDATE", kind, before, after)
        return after.object()

    async def delete(self, call: Call, parts: Mapping[str, str], id: str, revision: str | None) -> Json:
        kind = _writable(parts)
        _refuse_built_in(call, kind, id)
        async with call.write() as tx:
            before = await _existing(tx, kind, id)
            managed_objects.check_revision(before, revision, "Delete")
            await managed.delete_many(tx, f"internal/{kind}", [id])
            await _record(call, tx, "DELETE", kind, before, None)
        return before.object()


def _kind(parts: Mapping[str, str]) -> str:
    kind = parts["type"]
    if kind not in {"role", "user"}:
        raise NotFound(f"Resource 'internal/{kind}' not found; there are internal/role and internal/user")
    return kind


def _writable(parts: Mapping[str, str]) -> str:
    kind = _kind(parts)
    if kind == "user":
        raise NotSupported("Internal users stand in config/authentication; change them there")
    return kind


def _built_in(call: Call, kind: str) -> dict[str, Json]:
    rev = f"{0:016x}"
    if kind == "role":
        return {
            name: {"_id": name, "_rev": rev, "name": name, "description": about, "privileges": []}
            for name, about in ROLES.items()
        }
    users = call.runtime.project.authentication.static_users
    return {name: {"_id": name, "_rev": rev, "userName": name} for name in users}


def _refuse_built_in(call: Call, kind: str, id: str) -> None:
    if id in _built_in(call, kind):
        raise Conflict(f"internal/{kind}/{id} is part of the server and cannot be changed")


def _body(content: Json) -> Json:
    return {name: value for name, value in content.items() if name not in {"_id", "_rev"}}


async def _existing(tx: Transaction, kind: str, id: str) -> Stored:
    stored = await managed.read(tx, f"internal/{kind}", id)
    if stored is None:
        raise NotFound(f"Object {id} not found in internal/{kind}")
    return stored


async def _record(
    call: Call, tx: Transaction, operation: str, kind: str, before: Stored | None, after: Stored | None
) -> None:
    known = after or before
    path = f"internal/{kind}/{known.id if known else ''}"
    await audit.append_events(tx, "activity", [activity_event(call, operation, path, before, after)])
