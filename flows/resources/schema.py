"""`schema/managed/{type}`: the JSON schemas of managed types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from conf.errors import BadRequest, NotFound
from conf.filters import parse as filters
from conf.filters.evaluate import predicate
from conf.managed_schema import ManagedType
from flows.projection import page
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
        if query.filter is None:
            raise BadRequest("A query of schema needs _queryFilter, such as true")
        types = call.runtime.project.managed_types
        matches = predicate(filters.parse(query.filter), ignore_case=False)
        rows = [_schema(types[name]) for name in sorted(types)]
        return page([row for row in rows if matches(row)], query)


def _schema(type: ManagedType) -> Json:
    return {"_id": f"managed/{type.name}", "resourceCollection": f"managed/{type.name}", **type.schema}
