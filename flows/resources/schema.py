"""`schema/managed/{type}`: the JSON schemas of managed types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from conf.errors import NotFound
from conf.managed_schema import ManagedType
from flows.projection import select
from flows.router import Json, Query, QueryResult, Resource

if TYPE_CHECKING:
    from flows.call import Call


class Schemas(Resource):
    """Read only; schemas are changed with config/managed."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        kind, _, name = (id or "").partition("/")
        type = call.runtime.project.managed_types.get(name)
        if kind != "managed" or type is None:
            raise NotFound(f"Resource 'schema/{id or ''}' not found; there are schema/managed/<type>")
        return _schema(type)

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        types = call.runtime.project.managed_types
        return select([_schema(types[name]) for name in sorted(types)], query)


def _schema(type: ManagedType) -> Json:
    return {"_id": f"managed/{type.name}", "resourceCollection": f"managed/{type.name}", **type.schema}
