"""`sync`: single actions, linked resources, notices of changes; `sync/mappings`: the mappings in processing order."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from conf.errors import BadRequest, NotFound, ReconError
from conf.terms import DEFAULT_QUALIFIER, Action, Situation
from flows.implicit_sync import synchronise
from flows.launch import Launch, launch, wait_for
from flows.perform import perform_action
from flows.projection import select
from flows.recon.changes import Change
from flows.router import Json, Query, QueryResult, Resource
from flows.store.link_lookup import of_object
from flows.store.links import LinkRow

if TYPE_CHECKING:
    from conf.mapping import ObjectMapping
    from flows.call import Call

Word = TypeVar("Word", bound=StrEnum)
ACTIONS = ("notifyCreate", "notifyUpdate", "notifyDelete", "recon", "performAction", "getLinkedResources")


class SyncResource(Resource):
    """Actions on pairs; there is nothing to read."""

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
            raise NotFound(f"Resource 'sync/{id}' not found")
        match name.lower():
            case "performaction":
                return await self._perform(call, parameters)
            case "getlinkedresources":
                return await linked_resources(call, required(parameters, "resourceName"))
            case "notifycreate" | "notifyupdate" | "notifydelete":
                return await self._notify(call, content, parameters)
            case "recon":
                run = await launch(call, Launch(required(parameters, "mapping")))
                await wait_for(call, run.id)
                return {"reconId": run.id, "_id": run.id, "comment1": "Deprecated: use recon?_action=recon"}
            case _:
                raise BadRequest(f"Expecting String containing one of: {' '.join(ACTIONS)}")

    async def _perform(self, call: Call, parameters: Mapping[str, str]) -> Json:
        expected = parameters.get("situation")
        await perform_action(
            call,
            required(parameters, "mapping"),
            word(Action, required(parameters, "action")),
            source_id=parameters.get("sourceId"),
            target_id=parameters.get("targetId"),
            target_side="target" in parameters,
            link_qualifier=parameters.get("linkQualifier", DEFAULT_QUALIFIER),
            situation=None if expected is None else word(Situation, expected),
            ignore_post_action=parameters.get("ignorePostAction", "").lower() == "true",
            recon_id=parameters.get("reconId"),
        )
        return {"status": "OK"}

    async def _notify(self, call: Call, content: Any, parameters: Mapping[str, str]) -> list[Json]:
        container = required(parameters, "resourceContainer")
        resource_id = required(parameters, "resourceId")
        body = content if isinstance(content, dict) else {}
        change = Change(resource_id, body.get("oldValue"), body.get("newValue"))
        return await synchronise(call.within("sync"), container, change)


class MappingsResource(Resource):
    """Mappings in the order in which implicit synchronisation goes through them."""

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        return select([mapping_document(call, mapping) for mapping in call.runtime.project.mappings], query)

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        if id is None:
            raise BadRequest("The resource collection  cannot be read")
        return mapping_document(call, call.runtime.project.mapping(id))


def mapping_document(call: Call, mapping: ObjectMapping) -> Json:
    """A mapping as `sync/mappings` lists it."""
    return {
        "_id": mapping.name,
        "name": mapping.name,
        "source": mapping.source,
        "target": mapping.target,
        "sourceRouteReady": is_ready(call, mapping.source),
        "targetRouteReady": is_ready(call, mapping.target),
        **({"problems": list(mapping.problems)} if mapping.problems else {}),
    }


def is_ready(call: Call, container: str) -> bool:
    """Whether a container can be reached as configured."""
    kind, _, rest = container.partition("/")
    project = call.runtime.project
    if kind == "managed":
        return rest in project.managed_types
    if kind == "system":
        return rest.partition("/")[0] in project.connectors
    try:
        call.runtime.router.find(container)
    except ReconError:
        return False
    return True


async def linked_resources(call: Call, resource_name: str) -> list[Json]:
    """Objects linked to one, over every mapping that has its container on either side."""
    container, _, id = resource_name.rpartition("/")
    found: dict[tuple[str, str, str], Json] = {}
    async with call.read() as transaction:
        inside = call.inside(transaction)
        for mapping in call.runtime.project.mappings:
            for side, other in (("source", mapping.target), ("target", mapping.source)):
                mine = mapping.source if side == "source" else mapping.target
                if mine != container:
                    continue
                is_first = (side == "source") != mapping.link_type.reverse
                rows = await of_object(transaction, mapping.link_type.name, id, first=is_first)
                for row in rows:
                    linked = f"{other}/{row.second_id if is_first else row.first_id}"
                    key = (linked, row.qualifier, mapping.link_type.name)
                    known = found.setdefault(key, await _linked(inside, linked, row))
                    role = "target" if side == "source" else "source"
                    known["mappings"].append({"name": mapping.name, "type": role})
    return list(found.values())


async def _linked(call: Call, resource_name: str, row: LinkRow) -> Json:
    known: Json = {
        "resourceName": resource_name,
        "content": None,
        "linkQualifier": row.qualifier,
        "linkType": row.link_type,
        "mappings": [],
    }
    try:
        known["content"] = await call.runtime.router.read(call, resource_name)
    except ReconError as error:
        known["error"] = error.body()
    return known


def required(parameters: Mapping[str, str], name: str) -> str:
    """A parameter that must be there."""
    value = parameters.get(name)
    if value is None:
        raise BadRequest(f"The parameter {name} is missing")
    return value


def word(kind: type[Word], text: str) -> Word:
    """A word of the vocabulary, in any letter case."""
    try:
        return kind(text.upper())
    except ValueError:
        raise BadRequest(f"Expecting String containing one of: {' '.join(kind)}") from None
