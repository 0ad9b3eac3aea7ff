"""The target of a mapping: its ids for the target set, and the stage on which a page writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from conf.errors import NotFound
from flows.connectors.base import RowsUnreadable, SourceUnreadable
from flows.managed_hooks import has_hooks
from flows.recon.bridge import Bridge
from flows.recon.changes import HELD_BACK, Change
from flows.recon.linkage import Linkage
from flows.recon.managed_stage import ManagedStage
from flows.recon.page_world import TargetStage
from flows.recon.queries import SideQuery
from flows.recon.source_side import connector_of, managed_type_name
from flows.recon.target_set import TargetSet
from flows.router import Query
from flows.statistics import Statistics
from flows.store import managed

if TYPE_CHECKING:
    from conf.transaction import Transaction
    from flows.call import Call
    from flows.connectors.base import Connector
    from flows.engine.rules import MappingRules

Json = dict[str, Any]


class TargetSide(Protocol):
    """Enumerates targets and opens the stage of a transaction."""

    async def target_set(
        self, call: Call, query: SideQuery, linkage: Linkage, horizon: int | None = None
    ) -> TargetSet:
        """What the query gives; with the horizon of an earlier answer without what was made since, where that is known."""
        ...

    def stage(
        self, call: Call, transaction: Transaction, bridge: Bridge, statistics: Statistics
    ) -> TargetStage: ...


@dataclass
class ManagedTarget:
    """A managed type."""

    type: str

    async def target_set(
        self, call: Call, query: SideQuery, linkage: Linkage, horizon: int | None = None
    ) -> TargetSet:
        async with call.read() as transaction:
            mark = await managed.newest(transaction, self.type) if horizon is None else horizon
            ids = await managed.ids(transaction, self.type, query.filter, upto=mark)
        found = TargetSet.of((linkage.target_key(id), id) for id in ids)
        found.horizon = mark
        return found

    def stage(
        self, call: Call, transaction: Transaction, bridge: Bridge, statistics: Statistics
    ) -> ManagedStage:
        type = call.runtime.project.managed_types[self.type]
        return ManagedStage(call, type, transaction, bridge, statistics=statistics)


@dataclass
class SystemTarget:
    """An object type of a connected system."""

    connector: Connector
    object_type: str

    async def target_set(
        self, call: Call, query: SideQuery, linkage: Linkage, horizon: int | None = None
    ) -> TargetSet:
        found: list[tuple[str, str]] = []
        async for page in self.connector.pages(self.object_type, filter=query.filter):
            found += [(linkage.target_key(row["_id"]), row["_id"]) for row in page.rows]
            found += [(linkage.target_key(row.id), row.id) for row in page.broken if row.id is not None]
        return TargetSet.of(found)

    def stage(
        self, call: Call, transaction: Transaction, bridge: Bridge, statistics: Statistics
    ) -> SystemStage:
        return SystemStage(self.connector, self.object_type, bridge, statistics)


@dataclass
class SystemStage:
    """A connected system has no part in our transaction: writes happen at once, reads are kept for the page."""

    connector: Connector
    object_type: str
    bridge: Bridge
    statistics: Statistics
    known: dict[str, Json | None] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    """Objects that are there and cannot be read, and why: each fails its own entry."""

    async def prefetch(self, ids: Sequence[str]) -> None:
        """Know these objects, absence included."""
        wanted = [id for id in ids if id not in self.known and id not in self.damaged]
        if wanted:
            found: Mapping[str, Json]
            try:
                found = await self.connector.read_many(self.object_type, wanted)
            except RowsUnreadable as told:
                found = told.found
                self.damaged.update({str(one.id): one.reason for one in told.broken})
            self.known.update({id: found.get(id) for id in wanted if id not in self.damaged})

    def object(self, id: str) -> Json | None:
        if self._is_damaged(id):
            raise SourceUnreadable(f"The object '{id}' cannot be read. {self.damaged[id]}")
        found = self.known[id]
        return None if found is None else dict(found)

    def exists(self, id: str) -> bool:
        return self._is_damaged(id) or self.known[id] is not None

    def _is_damaged(self, id: str) -> bool:
        """Whether it is there and cannot be read; else it is known from now on."""
        if id not in self.known and id not in self.damaged:
            self.bridge.wait(self.prefetch([id]))
        return id in self.damaged

    def find(self, query: SideQuery) -> list[Json]:
        return self.bridge.wait(self._find(query))

    async def _find(self, query: SideQuery) -> list[Json]:
        pages = self.connector.pages(self.object_type, filter=query.filter)
        return [dict(row) async for page in pages for row in page.rows]

    def create(self, content: Json) -> Json:
        created = self.bridge.wait(self.connector.create(self.object_type, content))
        self.known[str(created["_id"])] = created
        return dict(created)

    def update(self, before: Json, after: Json) -> Json:
        id = str(before["_id"])
        removed: Mapping[str, Any] = {key: None for key in before if key not in after}
        with self.statistics.measure("updateTargetObject"):
            updated = self.bridge.wait(self.connector.update(self.object_type, id, {**removed, **after}))
        self.known[str(updated["_id"])] = updated
        return dict(updated)

    def delete(self, target: Json) -> None:
        id = str(target["_id"])
        with suppress(NotFound), self.statistics.measure("deleteTargetObject"):
            self.bridge.wait(self.connector.delete(self.object_type, id))
        self.known[id] = None

    def revisions(self) -> dict[str, int]:
        """Objects of connected systems have none of ours."""
        return {}

    async def flush(self) -> None:
        """Everything is written already."""

    def forget(self) -> None:
        self.known.clear()
        self.damaged.clear()

    def take_changes(self) -> list[Change]:
        """Connected systems are nobody's source of implicit synchronisation."""
        return []


@dataclass
class RoutedTarget:
    """Any other resource, through the router."""

    path: str

    async def target_set(
        self, call: Call, query: SideQuery, linkage: Linkage, horizon: int | None = None
    ) -> TargetSet:
        found = await call.runtime.router.query(
            call, query.resource, Query(filter=query.filter_text, query_id=query.query_id)
        )
        return TargetSet.of((linkage.target_key(str(row["_id"])), str(row["_id"])) for row in found.result)

    def stage(
        self, call: Call, transaction: Transaction, bridge: Bridge, statistics: Statistics
    ) -> RoutedStage:
        changes: list[Change] = []
        held_back = {**call.context, HELD_BACK: changes}
        return RoutedStage(
            replace(call.inside(transaction), context=held_back), self.path, bridge, changes, statistics
        )


@dataclass
class RoutedStage:
    """Reads and writes through the router, at once and inside the transaction."""

    call: Call
    path: str
    bridge: Bridge
    changes: list[Change]
    """Held back from implicit synchronisation until the link is made."""
    statistics: Statistics

    def object(self, id: str) -> Json | None:
        try:
            return self.bridge.wait(self.call.runtime.router.read(self.call, f"{self.path}/{id}"))
        except NotFound:
            return None

    def exists(self, id: str) -> bool:
        return self.object(id) is not None

    def find(self, query: SideQuery) -> list[Json]:
        asked = Query(filter=query.filter_text, query_id=query.query_id, fields=query.fields or ())
        found = self.bridge.wait(self.call.runtime.router.query(self.call, query.resource, asked))
        return [dict(row) for row in found.result]

    def create(self, content: Json) -> Json:
        id = content.get("_id")
        return self.bridge.wait(
            self.call.runtime.router.create(self.call, self.path, None if id is None else str(id), content)
        )

    def update(self, before: Json, after: Json) -> Json:
        path = f"{self.path}/{before['_id']}"
        with self.statistics.measure("updateTargetObject"):
            return self.bridge.wait(
                self.call.runtime.router.update(self.call, path, before.get("_rev"), after)
            )

    def delete(self, target: Json) -> None:
        path = f"{self.path}/{target['_id']}"
        with suppress(NotFound), self.statistics.measure("deleteTargetObject"):
            self.bridge.wait(self.call.runtime.router.delete(self.call, path, target.get("_rev")))

    def revisions(self) -> dict[str, int]:
        return {}

    async def flush(self) -> None:
        """Everything is written already."""

    def forget(self) -> None:
        """Nothing is kept."""

    def take_changes(self) -> list[Change]:
        found, self.changes[:] = list(self.changes), []
        return found


def target_side(call: Call, path: str) -> TargetSide:
    """The target behind a container path; raises BadRequest or NotFound for one that does not exist."""
    kind, _, rest = path.partition("/")
    if kind == "managed":
        type = call.runtime.project.managed_types[managed_type_name(call, rest)]
        # scripts of the type want each object as it is written, which the resource sees to
        return RoutedTarget(path) if has_hooks(type) else ManagedTarget(type.name)
    if kind == "system":
        name, _, object_type = rest.partition("/")
        return SystemTarget(connector_of(call, name, object_type), object_type)
    call.runtime.router.find(path)
    return RoutedTarget(path)


def implicit_mappings(call: Call, rules: MappingRules) -> list[str]:
    """Mappings that synchronise from this mapping's target as soon as it changes."""
    if not rules.target.startswith("managed/"):
        return []
    return [
        mapping.name
        for mapping in call.runtime.project.mappings
        if mapping.source == rules.target and mapping.enable_sync and not mapping.problems
    ]
