"""The source of a mapping, page by page: a managed type, a connected system, or whatever the router leads to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from conf.errors import BadRequest, NotFound
from flows.connectors.base import RowsUnreadable
from flows.projection import project
from flows.recon.managed_stage import whole
from flows.recon.queries import ATTRIBUTES, NATIVE_FILTER, SideQuery
from flows.router import Query
from flows.store import managed

if TYPE_CHECKING:
    from flows.call import Call
    from flows.connectors.base import BrokenRow, Connector

Json = dict[str, Any]
Item = tuple[str, Json | None]


@runtime_checkable
class Narrows(Protocol):
    """A connector that reads filters in its system's own language."""

    def narrowed(self, search_filter: str) -> Connector:
        """The same system with only what matches; ConfigError for a filter that cannot be read."""
        ...


@dataclass(frozen=True)
class SourcePage:
    """One page of sources; `cursor` lets a successor go on after it."""

    items: Sequence[Item]
    broken: Sequence[BrokenRow] = ()
    cursor: str = ""
    total: int | None = None
    """Size of the whole source when it is known."""
    complete: bool = True
    """False when rows may have been lost: then nothing may be concluded from an absence."""


class SourceSide(Protocol):
    """Enumerates and reads source objects."""

    def pages(self, call: Call, query: SideQuery, size: int, after: str) -> AsyncIterator[SourcePage]:
        """Pages after the cursor `after`, at least one, the last one possibly empty."""
        ...

    async def read(self, call: Call, id: str) -> Json | None: ...

    async def read_many(self, call: Call, ids: Sequence[str]) -> dict[str, Json]: ...


@dataclass
class ManagedSource:
    """A managed type: the ids are taken first, the objects page by page as they then are."""

    type: str
    full_entries: bool | None = None
    ids: list[str] = field(default_factory=list)

    async def pages(self, call: Call, query: SideQuery, size: int, after: str) -> AsyncIterator[SourcePage]:
        async with call.read() as transaction:
            ids = await managed.ids(transaction, self.type, query.filter)
            # by the order of creation, which holds when objects before it are gone meanwhile
            start = (
                len(await managed.ids(transaction, self.type, query.filter, upto=int(after))) if after else 0
            )
        partial = query.fields is not None and query.full_objects(self.full_entries)
        for first in range(start, max(len(ids), start + 1), size):
            some = ids[first : first + size]
            async with call.read() as transaction:
                found = await managed.read_many(transaction, self.type, some)
            items: list[Item] = []
            for id in some:
                stored = found.get(id)
                value = None if stored is None else whole(stored)
                if partial and value is not None and query.fields is not None:
                    value = project(value, query.fields)
                items.append((id, value))
            after = str(max((stored.seq for stored in found.values()), default=0) or after)
            yield SourcePage(items, cursor=after, total=len(ids))

    async def read(self, call: Call, id: str) -> Json | None:
        return (await self.read_many(call, [id])).get(id)

    async def read_many(self, call: Call, ids: Sequence[str]) -> dict[str, Json]:
        async with call.read() as transaction:
            found = await managed.read_many(transaction, self.type, ids)
        return {id: whole(stored) for id, stored in found.items()}


@dataclass
class SystemSource:
    """An object type of a connected system, streamed."""

    connector: Connector
    object_type: str

    async def pages(self, call: Call, query: SideQuery, size: int, after: str) -> AsyncIterator[SourcePage]:
        connector, native = self.connector, query.parameters.get(NATIVE_FILTER)
        if native is not None:
            if not isinstance(connector, Narrows):
                raise BadRequest(f"system/{connector.name} has no filter language of its own: {native}")
            connector = connector.narrowed(str(native))
        fields = query.parameters.get(ATTRIBUTES)
        pages = connector.pages(
            self.object_type, filter=query.filter, fields=fields, page_size=size, resume=after or None
        )
        async for page in pages:
            yield SourcePage(
                [(str(row["_id"]), row) for row in page.rows],
                page.broken,
                cursor=page.cursor,
                complete=page.complete,
            )

    async def read(self, call: Call, id: str) -> Json | None:
        return (await self.read_many(call, [id])).get(id)

    async def read_many(self, call: Call, ids: Sequence[str]) -> dict[str, Json]:
        return await self.connector.read_many(self.object_type, ids)


@dataclass
class RoutedSource:
    """Any other resource, through the router: an internal collection, an endpoint script."""

    path: str

    async def pages(self, call: Call, query: SideQuery, size: int, after: str) -> AsyncIterator[SourcePage]:
        asked = Query(filter=query.filter_text, query_id=query.query_id, parameters=query.extra)
        found = await call.runtime.router.query(call, query.resource, asked)
        rows = [row for row in found.result if row.get("_id") is not None]
        start = int(after or 0)
        for first in range(start, max(len(rows), start + 1), size):
            some = rows[first : first + size]
            full = query.full_objects(None)
            items = [
                (str(row["_id"]), dict(row) if full else await self.read(call, str(row["_id"])))
                for row in some
            ]
            yield SourcePage(items, cursor=str(first + len(some)), total=len(rows))

    async def read(self, call: Call, id: str) -> Json | None:
        try:
            return await call.runtime.router.read(call, f"{self.path}/{id}")
        except NotFound:
            return None

    async def read_many(self, call: Call, ids: Sequence[str]) -> dict[str, Json]:
        found = {id: await self.read(call, id) for id in ids}
        return {id: value for id, value in found.items() if value is not None}


@dataclass
class ElsewhereSource:
    """Objects of one collection, listed by a query of another resource (`resourceName` of the source query)."""

    own: SourceSide
    lister: SourceSide
    full_entries: bool | None = None

    async def pages(self, call: Call, query: SideQuery, size: int, after: str) -> AsyncIterator[SourcePage]:
        is_full = query.full_objects(self.full_entries)
        async for page in self.lister.pages(call, replace(query, fields=None), size, after):
            if is_full:
                yield page
                continue
            ids = [id for id, _ in page.items]
            found = await self.own.read_many(call, ids)
            yield replace(page, items=[(id, found.get(id)) for id in ids])

    async def read(self, call: Call, id: str) -> Json | None:
        return await self.own.read(call, id)

    async def read_many(self, call: Call, ids: Sequence[str]) -> dict[str, Json]:
        return await self.own.read_many(call, ids)


async def read_some(
    source: SourceSide, call: Call, ids: Sequence[str]
) -> tuple[Mapping[str, Json], Sequence[BrokenRow]]:
    """The objects of these ids that exist, and those of them that cannot be read."""
    try:
        return await source.read_many(call, ids), ()
    except RowsUnreadable as told:
        return told.found, told.broken


def listed_source(call: Call, path: str, query: SideQuery, full_entries: bool | None) -> SourceSide:
    """The source behind a container path, enumerated where its query says."""
    own = source_side(call, path, full_entries)
    if query.resource == path:
        return own
    return ElsewhereSource(own, source_side(call, query.resource), full_entries)


def source_side(call: Call, path: str, full_entries: bool | None = None) -> SourceSide:
    """The source behind a container path; raises BadRequest or NotFound for one that does not exist."""
    kind, _, rest = path.partition("/")
    if kind == "managed":
        return ManagedSource(managed_type_name(call, rest), full_entries)
    if kind == "system":
        name, _, object_type = rest.partition("/")
        return SystemSource(connector_of(call, name, object_type), object_type)
    call.runtime.router.find(path)
    return RoutedSource(path)


def managed_type_name(call: Call, name: str) -> str:
    """Check that a managed type exists."""
    if name not in call.runtime.project.managed_types:
        raise NotFound(f"Resource 'managed/{name}' not found: conf/managed.json has no such type")
    return name


def connector_of(call: Call, name: str, object_type: str) -> Connector:
    """The connector of a system and one of its object types."""
    connector: Connector = call.runtime.connector(name)
    if object_type not in connector.object_types():
        known = ", ".join(connector.object_types())
        raise BadRequest(f"system/{name} has no object type '{object_type}'; it has: {known}")
    return connector
