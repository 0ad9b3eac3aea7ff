"""The world of one transaction: facts read set-wise or on demand, effects staged, published where others must see them.

In the set lane a page shares one world and it is published at the end of the page. In the sequential lane each entry has
its own, and it is published before every script that may look at the store and before implicit synchronisation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from conf.errors import ReconError
from flows.engine.failures import EntryFailed, RunFailed
from flows.engine.rules import Json
from flows.engine.world import LinkFact, ProcessRequest
from flows.recon.bridge import Bridge
from flows.recon.changes import Change
from flows.recon.link_stage import LinkStage
from flows.recon.managed_stage import ManagedStage
from flows.recon.queries import SideQuery, side_query

if TYPE_CHECKING:
    from flows.recon.target_set import TargetSet


class TargetStage(Protocol):
    """The target side of a page: managed objects are staged, connected systems are written at once."""

    def object(self, id: str) -> Json | None: ...

    def exists(self, id: str) -> bool: ...

    def find(self, query: SideQuery) -> list[Json]: ...

    def create(self, content: Json) -> Json: ...

    def update(self, before: Json, after: Json) -> Json: ...

    def delete(self, target: Json) -> None: ...

    def revisions(self) -> dict[str, int]: ...

    async def flush(self) -> None: ...

    def forget(self) -> None: ...

    def take_changes(self) -> list[Change]:
        """What was written since the last time, as implicit synchronisation is told."""
        ...


ReadSource = Callable[[str], Json | None]


@dataclass
class PageWorld:
    """Provides `flows.engine.world.World`."""

    container: str
    """The mapping's target."""
    links: LinkStage
    targets: TargetStage
    read_source: ReadSource
    bridge: Bridge
    target_set: TargetSet | None = None
    process_keys: frozenset[str] = frozenset()
    """Process definitions that can be started."""
    open_process: Callable[[ProcessRequest], Awaitable[str | None]] | None = None
    """Opens an approval at once; without it requests are collected and opened with the page."""
    notify: Callable[[], Awaitable[None]] | None = None
    """Implicit synchronisation from the target, where a mapping has it as its source."""
    sources: dict[str, Json | None] = field(default_factory=dict)
    requests: list[ProcessRequest] = field(default_factory=list)

    def link_of_source(self, qualifier: str, source_id: str) -> LinkFact | None:
        return self.links.of_source(qualifier, source_id)

    def link_of_target(self, qualifier: str, target_id: str) -> LinkFact | None:
        return self.links.of_target(qualifier, target_id)

    def source(self, id: str) -> Json | None:
        if id not in self.sources:
            self.sources[id] = self.read_source(id)
        return self.sources[id]

    def target(self, id: str) -> Json | None:
        return self.targets.object(id)

    def target_exists(self, id: str) -> bool:
        if self.target_set is not None:
            known = self.links.linkage.target_key(id) in self.target_set
            if known or not self.target_set.is_partial:
                return known
        return self.targets.exists(id)

    def target_set_is_empty(self) -> bool:
        return self.target_set is not None and self.target_set.was_empty

    def find_targets(self, query: Json) -> list[Json]:
        try:
            asked = side_query(query, self.container)
            _ = asked.filter
        except ReconError as error:
            raise RunFailed(f"The correlation query makes no sense: {error.message}") from error
        return self.targets.find(asked)

    def create_target(self, content: Json) -> Json:
        created = self.targets.create(content)
        if isinstance(self.targets, ManagedStage) and content.get("_id") is None:
            self.links.know_unlinked(str(created["_id"]))  # an id that nobody had before
        return created

    def update_target(self, before: Json, after: Json) -> Json:
        return self.targets.update(before, after)

    def delete_target(self, target: Json) -> None:
        self.targets.delete(target)

    def create_link(self, qualifier: str, source_id: str, target_id: str) -> LinkFact:
        return self.links.create(qualifier, source_id, target_id)

    def repoint_link(self, link: LinkFact, target_id: str) -> LinkFact:
        return self.links.repoint(link, target_id)

    def delete_link(self, link: LinkFact) -> None:
        self.links.delete(link)

    def delete_links_of_target(self, target_id: str) -> None:
        self.links.delete_of_target(target_id)

    def start_process(self, request: ProcessRequest) -> str | None:
        name = request.trigger.workflow_name
        if name not in self.process_keys:
            raise EntryFailed(
                f"There is no process definition '{name}'. Put workflow/{name}.py into the project folder "
                "or correct workflowName of the policy"
            )
        if self.open_process is None:
            self.requests.append(request)
            return None
        return self._await(self.open_process(request))

    def settle(self) -> None:
        if self.notify is not None:
            self.boundary()
            self._await(self.notify())
            self.forget()

    def boundary(self) -> None:
        """A script may look at the store now: show it what this entry did so far, and believe nothing read before."""
        self.bridge.wait(self.publish())
        self.forget()

    def forget(self) -> None:
        """Drop facts that somebody else may have changed."""
        self.targets.forget()
        self.links.forget()
        self.sources.clear()

    async def publish(self) -> None:
        """Write what is staged into the transaction."""
        await self.targets.flush()
        await self.links.flush(self.targets.revisions())

    def take_changes(self) -> list[Change]:
        """What was published to a managed target since the last time, as implicit synchronisation is told."""
        return self.targets.take_changes()

    def remember_sources(self, found: Iterable[tuple[str, Json | None]]) -> None:
        """Sources that were read already."""
        self.sources.update(found)

    def _await(self, work: Awaitable[str | None] | Awaitable[None]) -> str | None:
        async def run() -> str | None:
            return await work

        return self.bridge.wait(run())
