"""The router: one address space (`managed/user/x`, `recon`, `workflow/taskinstance/38`) for REST and for scripts.

A resource implements the verbs it offers; everything else answers 501. Verbs take the `Call`, which says who is calling
and carries the transaction when one is open.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conf.errors import BadRequest, NotFound, NotSupported

if TYPE_CHECKING:
    from flows.call import Call

Json = dict[str, Any]


@dataclass(frozen=True)
class Query:
    """A query as CREST has it; exactly one of the three kinds is set."""

    filter: str | None = None
    query_id: str | None = None
    expression: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    sort_keys: tuple[str, ...] = ()
    page_size: int = 0
    offset: int = 0
    cookie: str | None = None
    total_policy: str = "NONE"


@dataclass(frozen=True)
class QueryResult:
    """What a query found; `total` is -1 when it was not asked for."""

    result: Sequence[Json]
    cookie: str | None = None
    total_policy: str = "NONE"
    total: int = -1
    remaining: int = -1

    def body(self) -> Json:
        """The envelope of the REST interface."""
        return {
            "result": list(self.result),
            "resultCount": len(self.result),
            "pagedResultsCookie": self.cookie,
            "totalPagedResultsPolicy": self.total_policy,
            "totalPagedResults": self.total,
            "remainingPagedResults": self.remaining,
        }


class Resource:
    """Base of all resources. `id` is the rest of the path below the resource, or None on the collection.

    `parts` are the values of the route's placeholders (`{type}` of `managed/{type}`).
    `fields` asks for members by JSON pointer; a resource may use it to do less work, the edge projects in any case.
    """

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        raise NotSupported("The READ operations are not supported")

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        raise NotSupported("The QUERY operations are not supported")

    async def read_many(
        self, call: Call, parts: Mapping[str, str], ids: Collection[str], fields: tuple[str, ...] = ()
    ) -> Mapping[str, Json]:
        """The objects of these ids that are there, by id, as a query of this caller answers them.

        One query; `fields` name members that are shown only when asked for.
        """
        wanted = json.dumps(json.dumps(list(ids)))
        found = await self.query(call, parts, Query(filter=f"_id in {wanted}", fields=fields))
        return {str(row["_id"]): row for row in found.result}

    async def create(self, call: Call, parts: Mapping[str, str], id: str | None, content: Json) -> Json:
        """Create; the answer holds `_id` (and `_rev`). An `_id` in the content counts when `id` is None."""
        raise NotSupported("The CREATE operations are not supported")

    async def update(
        self, call: Call, parts: Mapping[str, str], id: str, revision: str | None, content: Json
    ) -> Json:
        """Replace the whole object; a revision that is not current raises PreconditionFailed, `None` or `*` is any."""
        raise NotSupported("The UPDATE operations are not supported")

    async def patch(
        self, call: Call, parts: Mapping[str, str], id: str, revision: str | None, operations: Sequence[Json]
    ) -> Json:
        raise NotSupported("The PATCH operations are not supported")

    async def delete(self, call: Call, parts: Mapping[str, str], id: str, revision: str | None) -> Json:
        raise NotSupported("The DELETE operations are not supported")

    async def action(
        self,
        call: Call,
        parts: Mapping[str, str],
        id: str | None,
        name: str,
        content: Any,
        parameters: Mapping[str, str],
    ) -> Any:
        raise NotSupported("The ACTION operations are not supported")


@dataclass(frozen=True)
class Found:
    """Where a path leads."""

    resource: Resource
    parts: Mapping[str, str]
    id: str | None
    route: str


class Router:
    """Longest template wins; what follows the template is the id (at most one segment unless `deep`)."""

    def __init__(self) -> None:
        self._routes: list[tuple[re.Pattern[str], str, Resource, bool]] = []

    def add(self, template: str, resource: Resource, *, deep: bool = False) -> None:
        """Register `managed/{type}` and the like; `deep` lets the id hold slashes (`config/mapping/x`)."""
        pattern = re.compile(
            "".join(
                f"(?P<{part[1:-1]}>[^/]+)" if part.startswith("{") else re.escape(part)
                for part in re.split(r"(\{[^}]+\})", template)
            )
            + r"(?:/(?P<_id>.+))?$"
        )
        self._routes.append((pattern, template, resource, deep))
        self._routes.sort(key=lambda route: (-route[1].count("/"), route[1].count("{")))

    def find(self, path: str) -> Found:
        """Resolve a path; raises NotFound for an unknown one."""
        clean = path.strip("/")
        for pattern, template, resource, deep in self._routes:
            if found := pattern.match(clean):
                groups = found.groupdict()
                id = groups.pop("_id")
                if id is not None and "/" in id and not deep:
                    continue
                return Found(resource, groups, id, template)
        raise NotFound(f"Resource '{path}' not found")

    async def read(self, call: Call, path: str, fields: tuple[str, ...] = ()) -> Json:
        found = self.find(path)
        return await found.resource.read(call, found.parts, found.id, fields)

    async def query(self, call: Call, path: str, query: Query) -> QueryResult:
        found = self.find(path)
        if found.id is not None:
            raise BadRequest(f"The resource instance {path} cannot be queried")
        return await found.resource.query(call, found.parts, query)

    async def create(self, call: Call, path: str, id: str | None, content: Json) -> Json:
        found = self.find(path if id is None else f"{path}/{id}")
        return await found.resource.create(call, found.parts, found.id, content)

    async def update(self, call: Call, path: str, revision: str | None, content: Json) -> Json:
        found = self.find(path)
        if found.id is None:
            raise BadRequest(f"The resource collection {path} cannot be updated")
        return await found.resource.update(call, found.parts, found.id, revision, content)

    async def patch(self, call: Call, path: str, revision: str | None, operations: Sequence[Json]) -> Json:
        found = self.find(path)
        if found.id is None:
            raise BadRequest(f"The resource collection {path} cannot be patched")
        return await found.resource.patch(call, found.parts, found.id, revision, operations)

    async def delete(self, call: Call, path: str, revision: str | None) -> Json:
        found = self.find(path)
        if found.id is None:
            raise BadRequest(f"The resource collection {path} cannot be deleted")
        return await found.resource.delete(call, found.parts, found.id, revision)

    async def action(
        self, call: Call, path: str, name: str, content: Any, parameters: Mapping[str, str]
    ) -> Any:
        found = self.find(path)
        return await found.resource.action(call, found.parts, found.id, name, content, parameters)
