"""`config/*`: the documents of the project folder, read and changed while the server runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from conf.errors import BadRequest, Conflict, NotFound, PreconditionFailed
from flows import patch
from flows.own_thread import in_own_thread
from flows.projection import select
from flows.router import Json, Query, QueryResult, Resource
from flows.run_script import patch_transform
from flows.store import audit
from flows.store.audit_events import AuditEvent

if TYPE_CHECKING:
    from conf.project import LiveProject
    from flows.call import Call

#: what a reader sees in place of a secret; put back, it means "as it was"
_HIDDEN: Final = "{hidden}"
#: tries of a patch while others write the same document
_ATTEMPTS: Final = 20
_SECRETS: Final = ("password", "credentials", "secret", "clientsecret")


class Configuration(Resource):
    """Every change is validated first and written whole; on any error the old document stays in force."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        project = call.runtime.project
        if id is None:
            return {"_id": "", "configurations": [_listed(known) for known in sorted(project.documents)]}
        return _shown(id, _document(project, id))

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        documents = call.runtime.project.documents
        return select([_without_secrets(_shown(id, documents[id])) for id in sorted(documents)], query)

    async def create(self, call: Call, parts: Mapping[str, str], id: str | None, content: Json) -> Json:
        chosen = id or content.get("_id")
        if not isinstance(chosen, str) or not chosen:
            raise BadRequest("A configuration needs an id: PUT it to config/<id>")
        return await self._put(call, chosen, content, "CREATE", is_new=True)

    async def update(
        self, call: Call, parts: Mapping[str, str], id: str, revision: str | None, content: Json
    ) -> Json:
        _document(call.runtime.project, id)
        return await self._put(call, id, content, "UPDATE")

    async def patch(
        self, call: Call, parts: Mapping[str, str], id: str, revision: str | None, operations: Sequence[Json]
    ) -> Json:
        patch.parse(operations)
        for _ in range(_ATTEMPTS):
            current = call.runtime.project.revision(id)
            before = _document(call.runtime.project, id)
            content = await in_own_thread(partial(patch.apply, before, operations, patch_transform(call)))
            with suppress(PreconditionFailed):  # somebody changed it meanwhile: patch what they made of it
                return await self._put(call, id, content, "PATCH", revision=current)
        raise Conflict(f"The configuration {id} keeps changing; try again")

    async def delete(self, call: Call, parts: Mapping[str, str], id: str, revision: str | None) -> Json:
        before = await asyncio.to_thread(call.runtime.project.remove, id)
        await self._follow(call, id, "DELETE", revision)
        return _shown(id, _without_secrets(before))

    async def _put(self, call: Call, id: str, content: Json, operation: str, **more: Any) -> Json:
        project = call.runtime.project
        whole = _with_secrets(content, project.documents.get(id, {}))
        kept = await asyncio.to_thread(project.put, id, whole, **more)
        await self._follow(call, id, operation, None)
        return _shown(id, _without_secrets(kept))

    async def _follow(self, call: Call, id: str, operation: str, revision: str | None) -> None:
        """The audit, and word to the workers that schedules may have changed."""
        body = {"objectId": f"config/{id}", "operation": operation, "revision": revision, "status": "SUCCESS"}
        event = AuditEvent(call.now(), call.caller.id, call.transaction_id, body)
        async with call.write() as tx:
            await audit.append_events(tx, "config", [event])
            tx.after_commit(lambda: call.runtime.wake("schedule"))


def _document(project: LiveProject, id: str) -> Json:
    document = project.documents.get(id)
    if document is None:
        raise NotFound(f"No configuration exists for id {id}")
    shown: Json = _without_secrets(document)
    return shown


def _shown(id: str, document: Json) -> Json:
    """A document under its id; a mapping with a file of its own says its name, which clients list it by."""
    kind, _, name = id.partition("/")
    named = {"name": name} if kind == "mapping" else {}
    return {"_id": id, **named, **document}


def _listed(id: str) -> Json:
    """One line of the list, as PingIDM has it."""
    kind, _, instance = id.partition("/")
    return {"_id": id, "pid": id.replace("/", "."), "factoryPid": kind if instance else None}


def _without_secrets(value: Any) -> Any:
    """A copy in which no password can be read."""
    if isinstance(value, dict):
        return {
            name: _HIDDEN if _is_secret(name, member) else _without_secrets(member)
            for name, member in value.items()
        }
    return [_without_secrets(element) for element in value] if isinstance(value, list) else value


def _is_secret(name: str, value: Any) -> bool:
    # a value that stands for another, as &{openidm.admin.password}, tells nothing
    return name.lower() in _SECRETS and isinstance(value, str) and bool(value) and "&{" not in value


def _with_secrets(value: Any, before: Any) -> Any:
    """What a caller read, changed and sends back holds the secrets that he never saw."""
    if value == _HIDDEN:
        return before
    if isinstance(value, dict):
        known = before if isinstance(before, dict) else {}
        return {name: _with_secrets(member, known.get(name)) for name, member in value.items()}
    if isinstance(value, list):
        olds = before if isinstance(before, list) else []
        return [_with_secrets(element, _counterpart(element, at, olds)) for at, element in enumerate(value)]
    return deepcopy(value)


def _counterpart(element: Any, at: int, olds: list[Any]) -> Any:
    """The element of the old list that this one was: of the same name, else at the same place."""
    if isinstance(element, dict) and "name" in element:
        named = [old for old in olds if isinstance(old, dict) and old.get("name") == element["name"]]
        if len(named) == 1:
            return named[0]
    return olds[at] if at < len(olds) else None
