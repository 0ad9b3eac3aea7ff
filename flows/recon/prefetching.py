"""Facts about a page of sources, gathered in a few statements: their links, and the targets that they may meet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conf import pointer
from conf.errors import ReconError
from flows.engine.attributes import mapped_value
from flows.recon.managed_stage import ManagedStage
from flows.recon.queries import SideQuery, side_query
from flows.recon.target_side import SystemStage

if TYPE_CHECKING:
    from conf.mapping import ObjectMapping
    from flows.engine.rules import Json, MappingRules
    from flows.recon.page_world import PageWorld
    from flows.statistics import Statistics

Pending = tuple[str, str, "Json | None"]
"""A qualifier, the id of a source, and the source."""


def _unique_key(stage: ManagedStage, name: str, value: Any) -> str | None:
    try:
        return stage.unique_key({name: value})
    except ReconError:
        return None  # the entry itself says so


@dataclass(frozen=True)
class Prefetch:
    """Makes a page's world know what its entries will ask for; what it leaves out is read when it is asked for."""

    mapping: ObjectMapping
    rules: MappingRules
    statistics: Statistics
    world: PageWorld

    async def links(self, pending: Iterable[Pending], *, leading_to: str | None = None) -> None:
        """Know the links of the sources; with a managed type, the present revision of what each leads to as well."""
        by_qualifier: dict[str, list[str]] = {}
        for qualifier, id, _ in pending:
            by_qualifier.setdefault(qualifier, []).append(id)
        for qualifier, ids in by_qualifier.items():
            with self.statistics.measure("sourceLinkQuery"):
                await self.world.links.prefetch_sources(qualifier, ids, leading_to=leading_to)

    async def targets(self, pending: Sequence[Pending]) -> None:
        """Know the linked targets, the correlated ones with their links, and those that creates would meet."""
        world, linkage = self.world, self.world.links.linkage
        stage = world.targets
        if not isinstance(stage, ManagedStage | SystemStage):
            return
        linked, unlinked = [], []
        for item in pending:
            fact = world.links.by_source.get((item[0], linkage.source_key(item[1])))
            if fact is None or not self.rules.linking:
                unlinked.append(item)
            else:
                linked.append(fact.target_id)
        hints = self._id_hints(unlinked)
        await stage.prefetch([*linked, *(id for _, id in hints)])
        candidates: list[tuple[str, str]] = []
        if isinstance(stage, ManagedStage):
            await stage.prefetch_unique(self._unique_hints(stage, unlinked))
            candidates = await self._prefetch_correlated(stage, unlinked)
        for qualifier in {qualifier for qualifier, _ in (*hints, *candidates)}:
            ids = {id for found, id in (*hints, *candidates) if found == qualifier}
            with self.statistics.measure("targetLinkQuery"):
                await world.links.prefetch_targets(qualifier, sorted(ids))

    def _id_hints(self, unlinked: Sequence[Pending]) -> list[tuple[str, str]]:
        """Ids that the mapping would give to new targets."""
        rule = next((rule for rule in self.rules.properties if rule.target == ("_id",)), None)
        if rule is None:
            return []
        found = []
        for qualifier, _, source in unlinked:
            if source is None:
                continue
            try:
                value = mapped_value(rule, source, qualifier)
            except ReconError:
                continue
            if isinstance(value, str) and value and "\0" not in value:
                found.append((qualifier, value))
        return found

    def _unique_hints(self, stage: ManagedStage, unlinked: Sequence[Pending]) -> list[str]:
        """Unique values that the mapping would give to new targets."""
        name = stage.unique_property
        rule = next((rule for rule in self.rules.properties if rule.target == (name,)), None)
        if name is None or rule is None or rule.transform is not None or rule.source is None:
            return []
        values = (pointer.get(source, rule.source) for _, _, source in unlinked if source is not None)
        keys = (_unique_key(stage, name, value) for value in values)
        return [key for key in keys if key is not None]

    async def _prefetch_correlated(
        self, stage: ManagedStage, unlinked: Sequence[Pending]
    ) -> list[tuple[str, str]]:
        if not self.rules.correlation or (
            self.world.target_set_is_empty() and not self.rules.correlate_empty_target_set
        ):
            return []
        asked: list[tuple[str, SideQuery]] = []
        with self.statistics.measure("correlationQuery"):
            for qualifier, _, source in unlinked:
                hook = self.rules.correlation.get(qualifier)
                if hook is None or source is None:
                    continue
                try:
                    given = hook({"source": source, "linkQualifier": qualifier})
                    if not isinstance(given, dict):
                        continue  # the entry itself says so
                    query = side_query(given, self.mapping.target)
                    _ = query.filter
                except ReconError:
                    continue
                asked.append((qualifier, query))
            await stage.prefetch_found([query for _, query in asked])
        return [(qualifier, id) for qualifier, query in asked for id in stage.found[query.key]]
