"""`managed/{type}/{object}/{property}`: the references of one object as a collection, and `internal/role/x/authzMembers`.

References are kept in the object that has them, so every change here is a change of that object, with its policies, hooks
and audit. A reference has the id that its `_refProperties` give, else one that follows from what it refers to.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from conf.errors import BadRequest, NotFound, PreconditionFailed
from conf.filters import parse as filters
from flows.managed_view import expanded
from flows.projection import select
from flows.router import Json, Query, QueryResult, Resource
from flows.store import managed

if TYPE_CHECKING:
    from conf.managed_schema import ManagedProperty
    from flows.call import Call

_SPACE: Final = uuid.UUID("4a9d6a0e-2b8f-5c06-9d0e-8f4a5d5b7c11")


class Relationships(Resource):
    """The references of one property; a property that holds a single one is read and replaced as a whole."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        declared = _property(call, parts)
        found = await _references(call, parts)
        if id is None and declared.is_array:
            raise BadRequest(f"The resource collection {_path(parts)} cannot be read; query it")
        if id is None:
            if not found:
                raise NotFound(f"{_path(parts)} refers to nothing")
            return await _with_object(call, found[0], fields)
        return await _with_object(call, _one(found, id, parts), fields)

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        _property(call, parts)
        return await _selected(call, await _references(call, parts), query)

    async def create(self, call: Call, parts: Mapping[str, str], id: str | None, content: Json) -> Json:
        declared = _property(call, parts)
        given = await _reference(call, content, id)
        found = await _references(call, parts)
        if any(one["_id"] == id or one["_ref"] == given["_ref"] for one in found):
            raise PreconditionFailed(f"{_path(parts)} has this reference already")
        if not declared.is_array:
            raise BadRequest(f"{_path(parts)} holds one reference; PUT it")
        field = f"/{parts['property']}"
        change: Json = {"operation": "add", "field": f"{field}/-", "value": given}
        if not found:
            change = {"operation": "add", "field": field, "value": [given]}
        await _patch(call, parts, change)
        return next(one for one in await _references(call, parts) if one["_ref"] == given["_ref"])

    async def update(
        self, call: Call, parts: Mapping[str, str], id: str, revision: str | None, content: Json
    ) -> Json:
        _property(call, parts)
        found = await _references(call, parts)
        _one(found, id, parts)
        given = await _reference(call, content, id)
        kept = [given if one["_id"] == id else _stored(one) for one in found]
        await _patch(call, parts, _set(parts, kept))
        return _one(await _references(call, parts), _id(parts, given), parts)

    async def delete(self, call: Call, parts: Mapping[str, str], id: str, revision: str | None) -> Json:
        declared = _property(call, parts)
        found = await _references(call, parts)
        gone = _one(found, id, parts)
        kept = [_stored(one) for one in found if one["_id"] != id]
        await _patch(call, parts, _set(parts, kept if declared.is_array else None))
        return gone


class RoleMembers(Resource):
    """Who has an internal role by his `authzRoles`."""

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        await call.runtime.router.read(call, f"internal/role/{parts['role']}")
        return await _selected(call, await _members(call, parts["role"]), query)

    async def create(self, call: Call, parts: Mapping[str, str], id: str | None, content: Json) -> Json:
        await call.runtime.router.read(call, f"internal/role/{parts['role']}")
        given = await _reference(call, content, None)
        role = {"_ref": f"internal/role/{parts['role']}"}
        await call.runtime.router.create(call, f"{given['_ref']}/authzRoles", None, role)
        return next(one for one in await _members(call, parts["role"]) if one["_ref"] == given["_ref"])

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        if id is None:
            raise BadRequest(f"The members of internal/role/{parts['role']} cannot be read; query them")
        return _one(await _members(call, parts["role"]), id, parts)

    async def delete(self, call: Call, parts: Mapping[str, str], id: str, revision: str | None) -> Json:
        gone = _one(await _members(call, parts["role"]), id, parts)
        await call.runtime.router.delete(call, f"{gone['_ref']}/authzRoles/{id}", None)
        return gone


async def _members(call: Call, role: str) -> list[Json]:
    found: list[Json] = []
    for name, type in call.runtime.project.managed_types.items():
        if "authzRoles" not in type.relationships:
            continue
        async with call.read() as tx:
            rows = (await managed.find(tx, name, filters.parse("/authzRoles pr"))).rows
        for row in rows:
            for held in row.body.get("authzRoles") or []:
                if isinstance(held, dict) and held.get("_ref") == f"internal/role/{role}":
                    parts = {"type": name, "object": row.id, "property": "authzRoles"}
                    member = {"_ref": f"managed/{name}/{row.id}"}
                    found.append({"_id": _id(parts, held), "_rev": row.object()["_rev"], **expanded(member)})
    return found


async def _selected(call: Call, rows: Sequence[Json], query: Query) -> QueryResult:
    found = select(rows, query)
    return replace(found, result=[await _with_object(call, row, query.fields) for row in found.result])


async def _with_object(call: Call, row: Json, fields: Sequence[str]) -> Json:
    """The reference, with the members of the object behind it when any are asked for."""
    if all(field.lstrip("/").startswith(("_id", "_rev", "_ref")) for field in fields):
        return row
    try:
        there = await call.runtime.router.read(call, row["_ref"])
    except NotFound:
        return row
    return {**there, **row}


def _property(call: Call, parts: Mapping[str, str]) -> ManagedProperty:
    type = call.runtime.project.managed_types.get(parts["type"])
    declared = type.properties.get(parts["property"]) if type else None
    if declared is None or not declared.is_relationship:
        raise NotFound(f"Resource '{_path(parts)}' not found: there is no such relationship")
    return declared


async def _references(call: Call, parts: Mapping[str, str]) -> list[Json]:
    """What the object refers to, as the wire has it."""
    path, name = f"managed/{parts['type']}/{parts['object']}", parts["property"]
    owner = await call.runtime.router.read(call, path, (name,))
    value = owner.get(name)
    held = value if isinstance(value, list) else [] if value is None else [value]
    return [
        {"_id": _id(parts, one), "_rev": owner["_rev"], **one}
        for one in held
        if isinstance(one, dict) and isinstance(one.get("_ref"), str)
    ]


def _id(parts: Mapping[str, str], reference: Json) -> str:
    given = (reference.get("_refProperties") or {}).get("_id")
    place = (parts["type"], parts["object"], parts["property"], reference["_ref"])
    return given if isinstance(given, str) else str(uuid.uuid5(_SPACE, "\n".join(place)))


def _one(found: Sequence[Json], id: str, parts: Mapping[str, str]) -> Json:
    for reference in found:
        if reference["_id"] == id:
            return reference
    raise NotFound(f"Object {id} not found among these references")


async def _reference(call: Call, content: Json, id: str | None) -> Json:
    """A reference that may be stored: it leads to something that is there."""
    ref, more = content.get("_ref"), content.get("_refProperties") or {}
    if not isinstance(ref, str) or "/" not in ref or not isinstance(more, dict):
        raise BadRequest('A reference is an object with \'_ref\', as {"_ref": "internal/role/openidm-admin"}')
    try:
        await call.runtime.router.read(call, ref)
    except NotFound as missing:
        raise BadRequest(f"_ref: {ref} does not exist") from missing
    kept = {name: value for name, value in more.items() if name != "_rev"}
    if id is not None:
        kept["_id"] = id
    return {"_ref": ref, "_refProperties": kept} if kept else {"_ref": ref}


def _stored(reference: Json) -> Json:
    return {name: reference[name] for name in ("_ref", "_refProperties") if reference.get(name)}


def _set(parts: Mapping[str, str], kept: Sequence[Json] | None) -> Json:
    if kept is None:
        return {"operation": "remove", "field": f"/{parts['property']}"}
    return {"operation": "replace", "field": f"/{parts['property']}", "value": list(kept)}


async def _patch(call: Call, parts: Mapping[str, str], change: Json) -> None:
    await call.runtime.router.patch(call, f"managed/{parts['type']}/{parts['object']}", None, [change])


def _path(parts: Mapping[str, str]) -> str:
    return f"managed/{parts['type']}/{parts['object']}/{parts['property']}"
