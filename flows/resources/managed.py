"""`managed/{type}`: create, read, query, update, patch and delete managed objects."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from conf.errors import BadRequest, Conflict, NotFound
from conf.filters.ast import And, Comparison, Not
from conf.managed_schema import ManagedType
from conf.transaction import Transaction
from flows import managed_hooks, managed_objects, object_policies, patch
from flows.activity import activity_event
from flows.engine.differences import equal
from flows.managed_objects import Prepared
from flows.managed_view import guard_query, is_external, shown
from flows.own_thread import in_own_thread
from flows.router import Json, Query, QueryResult, Resource
from flows.run_script import patch_transform
from flows.store import audit, managed, sessions
from flows.store.managed import Stored, new_rev
from flows.stored_queries import filter_of

if TYPE_CHECKING:
    from flows.call import Call

#: a change of these ends the sessions of the account
_ACCOUNT_MEMBERS: Final = ("accountStatus", "authzRoles")


class ManagedObjects(Resource):
    """Objects of the managed types that the project declares."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        type = _type(call, parts, id)
        if id is None:
            raise BadRequest(f"The resource collection managed/{type.name} cannot be read")
        async with call.read() as tx:
            stored = await _existing(tx, type, id)
        return await managed_hooks.on_read(call, type, shown(call, type, stored, fields))

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        type = _type(call, parts)
        filter = filter_of(query)
        guard_query(call, type, filter, query.sort_keys)
        async with call.read() as tx:
            found = await managed.find(
                tx,
                type.name,
                filter,
                sort_keys=query.sort_keys,
                page_size=query.page_size,
                offset=query.offset,
                after=query.cookie,
                count=query.total_policy == "EXACT",
            )
        if query.query_id == "query-all-ids":
            rows = [{name: row.object()[name] for name in ("_id", "_rev")} for row in found.rows]
        else:
            rows = [shown(call, type, row, query.fields) for row in found.rows]
            rows = await managed_hooks.on_query_result(call, type, rows)
        return QueryResult(rows, found.after, "NONE" if found.total < 0 else "EXACT", found.total)

    async def read_many(
        self, call: Call, parts: Mapping[str, str], ids: Collection[str], fields: tuple[str, ...] = ()
    ) -> Mapping[str, Json]:
        type = _type(call, parts)
        async with call.read() as tx:
            found = await managed.read_many(tx, type.name, ids)
        rows = [shown(call, type, stored, fields) for stored in found.values()]
        return dict(zip(found, await managed_hooks.on_query_result(call, type, rows), strict=True))

    async def create(self, call: Call, parts: Mapping[str, str], id: str | None, content: Json) -> Json:
        type = _type(call, parts, id)
        if id is not None:
            await self._refuse_existing(call, type, id)
            if content.get("_id") not in (None, id) and is_external(call):
                raise BadRequest(f"The '_id' of the content is not the one of the path, {id}")
        content = await managed_hooks.before_create(call, type, content)
        prepared = managed_objects.prepare_create(type, content, id=id)
        prepared = await _as_stored(call, type, prepared)
        await self._hash_ahead(call, prepared)
        async with call.write() as tx:
            stored = await self._insert(call.inside(tx), tx, type, prepared)
        return shown(call, type, stored)

    async def _refuse_existing(self, call: Call, type: ManagedType, id: str) -> None:
        """Before anything is validated: a PUT that finds the object goes on as an update."""
        async with call.read() as tx:
            if await managed.read_ids(tx, type.name, [id]):
                raise managed_objects.exists_already(id)

    async def _insert(self, call: Call, tx: Transaction, type: ManagedType, prepared: Prepared) -> Stored:
        secrets = await call.runtime.passwords.hash_all(prepared.secrets_plain)
        stored = Stored(prepared.id, new_rev(), prepared.body, secrets, prepared.unique_key)
        ids, keys = await managed.taken(tx, type.name, [stored])
        if ids:
            raise managed_objects.exists_already(stored.id)
        if keys:
            raise managed_objects.not_unique(type)
        await _refuse_doubles(tx, type, stored)
        await managed.insert_many(tx, type.name, [stored])
        await self._follow(call, tx, type, "CREATE", None, stored)
        return stored

    async def update(
        self, call: Call, parts: Mapping[str, str], id: str, revision: str | None, content: Json
    ) -> Json:
        type = _type(call, parts, id)
        if content.get("_id") not in (None, id):
            raise BadRequest(f"The '_id' of an object cannot be changed; the path says {id}")
        await call.runtime.passwords.prepare(
            text for name in type.secrets if isinstance(text := content.get(name), str)
        )
        async with call.write() as tx:
            before = await _existing(tx, type, id)
            managed_objects.check_revision(before, revision, "Update")
            content = await managed_hooks.before_update(call.inside(tx), type, before.object(), content)
            prepared = managed_objects.prepare_update(type, before, content)
            after = await self._replace(call.inside(tx), tx, type, "UPDATE", before, prepared)
        return shown(call, type, after)

    async def patch(
        self, call: Call, parts: Mapping[str, str], id: str, revision: str | None, operations: Sequence[Json]
    ) -> Json:
        type = _type(call, parts, id)
        patch.parse(operations)
        async with call.write() as tx:
            before = await _existing(tx, type, id)
            managed_objects.check_revision(before, revision, "Update")
            content = await _patched(call.inside(tx), type, before, operations)
            content = await managed_hooks.before_update(call.inside(tx), type, before.object(), content)
            prepared = managed_objects.prepare_update(type, before, content, complete=True)
            after = await self._replace(call.inside(tx), tx, type, "PATCH", before, prepared)
        return shown(call, type, after)

    async def _replace(
        self,
        call: Call,
        tx: Transaction,
        type: ManagedType,
        operation: str,
        before: Stored,
        prepared: Prepared,
    ) -> Stored:
        """Write the object when it differs from what is stored; an equal one is left alone, with its revision."""
        prepared = await _as_stored(call, type, prepared)
        changed = call.runtime.passwords.changed(before.secrets, prepared.secrets_plain)
        if equal(prepared.body, before.body) and not changed:
            return before
        secrets = await call.runtime.passwords.hash_all(changed, before.secrets)
        after = replace(
            before, rev=new_rev(), body=prepared.body, secrets=secrets, unique_key=prepared.unique_key
        )
        if after.unique_key is not None and after.unique_key != before.unique_key:
            _, keys = await managed.taken(tx, type.name, [after])
            if keys:
                raise managed_objects.not_unique(type)
        await _refuse_doubles(tx, type, after, before)
        await managed.update_many(tx, type.name, [after])
        await self._follow(call, tx, type, operation, before, after)
        return after

    async def delete(self, call: Call, parts: Mapping[str, str], id: str, revision: str | None) -> Json:
        type = _type(call, parts, id)
        async with call.write() as tx:
            before = await _existing(tx, type, id)
            managed_objects.check_revision(before, revision, "Delete")
            await managed_hooks.before_delete(call.inside(tx), type, before.object())
            await managed.delete_many(tx, type.name, [id])
            await self._follow(call.inside(tx), tx, type, "DELETE", before, None)
        return shown(call, type, before)

    async def action(
        self,
        call: Call,
        parts: Mapping[str, str],
        id: str | None,
        name: str,
        content: Any,
        parameters: Mapping[str, str],
    ) -> Any:
        type = _type(call, parts, id)
        match name:
            case "patch":
                if not isinstance(content, list):
                    raise BadRequest("The action 'patch' takes a JSON array of patch operations")
                chosen = id if id is not None else await self._only_match(call, parts, parameters)
                return await self.patch(call, parts, chosen, None, content)
            case "triggerSyncCheck" if id is not None:
                async with call.write() as tx:
                    stored = await _existing(tx, type, id)
                    await _notify(call.inside(tx), type, id, stored, stored)
                return {"status": "OK"}
        raise BadRequest(
            f"Action {name} on managed/{type.name} not supported; offered: patch, triggerSyncCheck"
        )

    async def _only_match(self, call: Call, parts: Mapping[str, str], parameters: Mapping[str, str]) -> str:
        """The one object that a patch by query is about."""
        extra = {name: value for name, value in parameters.items() if not name.startswith("_")}
        asked = Query(
            parameters.get("_queryFilter"), parameters.get("_queryId"), parameters=extra, page_size=2
        )
        if asked.filter is None and asked.query_id is None:
            raise BadRequest("A patch of a collection needs _queryFilter or _queryId to find the object")
        found = await self.query(call, parts, asked)
        if len(found.result) != 1:
            many = "no object" if not found.result else "more than one object"
            raise Conflict(f"The query of the patch finds {many}; it must find exactly one")
        return str(found.result[0]["_id"])

    async def _hash_ahead(self, call: Call, prepared: Prepared) -> None:
        """Before the transaction, which would hold up every other writer meanwhile."""
        await call.runtime.passwords.prepare(prepared.secrets_plain.values())

    async def _follow(
        self,
        call: Call,
        tx: Transaction,
        type: ManagedType,
        operation: str,
        before: Stored | None,
        after: Stored | None,
    ) -> None:
        """What comes with a write, in its transaction: the audit, the end of sessions, synchronisation."""
        id = after.id if after else before.id if before else ""
        event = activity_event(call, operation, f"managed/{type.name}/{id}", before, after)
        await audit.append_events(tx, "activity", [event])
        if before is not None and _ends_sessions(before, after):
            await sessions.delete_of_user(tx, f"managed/{type.name}", id)
        if type.hooks:
            old, new = (found.object() if found else None for found in (before, after))
            await managed_hooks.after_write(call, type, operation, old, new)
        await _notify(call, type, id, before, after)


async def _notify(
    call: Call, type: ManagedType, id: str, before: Stored | None, after: Stored | None
) -> None:
    """Tell implicit synchronisation, where there is one."""
    if (notify := call.runtime.extras.get("implicit_sync")) is not None:
        old, new = (found.object() if found else None for found in (before, after))
        await notify(call, type.name, id, old, new)


async def _as_stored(call: Call, type: ManagedType, prepared: Prepared) -> Prepared:
    """What the scripts of the type make of it before it is stored."""
    if not managed_hooks.has_hooks(type):
        return prepared
    content = await managed_hooks.before_store(call, type, {"_id": prepared.id, **prepared.body})
    body = {name: value for name, value in content.items() if name not in {"_id", "_rev"}}
    return replace(prepared, body=body, unique_key=managed_objects.unique_key(type, body))


def _ends_sessions(before: Stored, after: Stored | None) -> bool:
    return (
        after is None
        or before.secrets != after.secrets
        or any(before.body.get(name) != after.body.get(name) for name in _ACCOUNT_MEMBERS)
    )


def _type(call: Call, parts: Mapping[str, str], id: str | None = None) -> ManagedType:
    name = parts["type"]
    type = call.runtime.project.managed_types.get(name)
    if type is None:
        path = f"managed/{name}" if id is None else f"managed/{name}/{id}"
        raise NotFound(f"Resource '{path}' not found: managed.json declares no type '{name}'")
    return type


async def _existing(tx: Transaction, type: ManagedType, id: str) -> Stored:
    stored = await managed.read(tx, type.name, id)
    if stored is None:
        raise managed_objects.not_there(type.name, id)
    return stored


async def _refuse_doubles(
    tx: Transaction, type: ManagedType, after: Stored, before: Stored | None = None
) -> None:
    """Unique properties beyond the first, which has a column of its own."""
    for name in type.unique[1:]:
        value = after.body.get(name)
        if isinstance(value, str) and value and (before is None or before.body.get(name) != value):
            same = And((Comparison((name,), "eq", value), Not(Comparison(("_id",), "eq", after.id))))
            if await managed.count(tx, type.name, same):
                raise object_policies.not_unique(name)


async def _patched(call: Call, type: ManagedType, before: Stored, operations: Sequence[Json]) -> Json:
    """The object after the operations; a secret can be set and removed, though nobody can read it."""
    document: Json = {"_id": before.id, **before.body}
    if patch.needs_script(operations):
        content = await in_own_thread(
            partial(patch.apply, document, operations, patch_transform(call), positions=False)
        )
    else:
        content = patch.apply(document, operations, positions=False)
    for operation in patch.parse(operations):
        name = operation.field[0] if operation.field else ""
        if operation.name == "remove" and name in type.secrets and name not in content:
            content[name] = None
    return content
