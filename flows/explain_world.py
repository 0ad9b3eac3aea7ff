"""The world of an entry, looked at and not touched: facts are passed on and noted, effects only noted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from flows.engine.copying import copy_json
from flows.engine.world import LinkFact, ProcessRequest
from flows.recon.managed_stage import ManagedStage

if TYPE_CHECKING:
    from flows.engine.rules import Json
    from flows.recon.page_world import PageWorld

NEW: Final = "(a new id)"
"""Stands for the id that a target would get from its own side."""


@dataclass
class Noted:
    """What an entry asked of its world."""

    links: list[tuple[str, str, LinkFact | None]] = field(default_factory=list)
    """Side, id and the link that was found."""
    queries: list[tuple[Json, list[str]]] = field(default_factory=list)
    """Correlation queries and the ids they found."""
    looks: list[tuple[str, bool]] = field(default_factory=list)
    """Targets that were looked for, and whether they are there."""
    before: dict[str, Json] = field(default_factory=dict)
    """Targets as they are."""
    effects: list[tuple[str, str]] = field(default_factory=list)
    """What would be written, in order: word and object."""
    content: Json | None = None
    """The target as it would be written."""


class RecordingWorld:
    """Provides `flows.engine.world.World` over another one, of which only the facts are used."""

    def __init__(self, world: PageWorld) -> None:
        self._world = world
        self.noted = Noted()

    def link_of_source(self, qualifier: str, source_id: str) -> LinkFact | None:
        found = self._world.link_of_source(qualifier, source_id)
        self.noted.links.append(("source", source_id, found))
        return found

    def link_of_target(self, qualifier: str, target_id: str) -> LinkFact | None:
        found = self._world.link_of_target(qualifier, target_id)
        self.noted.links.append(("target", target_id, found))
        return found

    def source(self, id: str) -> Json | None:
        return self._world.source(id)

    def target(self, id: str) -> Json | None:
        found = self._world.target(id)
        self._look(id, found)
        return found

    def target_exists(self, id: str) -> bool:
        return self.target(id) is not None

    def target_set_is_empty(self) -> bool:
        return self._world.target_set_is_empty()

    def find_targets(self, query: Json) -> list[Json]:
        found = self._world.find_targets(query)
        self.noted.queries.append((copy_json(query), [str(one["_id"]) for one in found]))
        for one in found:
            self._look(str(one["_id"]), one)
        return found

    def _look(self, id: str, found: Json | None) -> None:
        self.noted.looks.append((id, found is not None))
        if found is not None:
            self.noted.before.setdefault(id, copy_json(found))

    # effects

    def create_target(self, content: Json) -> Json:
        self.noted.content = copy_json(content)
        self.noted.effects.append(("create", str(content.get("_id") or NEW)))
        if isinstance(self._world.targets, ManagedStage):
            # staged, so that its policies are asked, and never flushed
            return self._world.create_target(content)
        return {"_id": NEW, **content}

    def update_target(self, before: Json, after: Json) -> Json:
        self.noted.content = copy_json(after)
        self.noted.effects.append(("update", str(before["_id"])))
        if isinstance(self._world.targets, ManagedStage):
            return self._world.update_target(before, after)
        return after

    def delete_target(self, target: Json) -> None:
        self.noted.effects.append(("delete", str(target["_id"])))

    def create_link(self, qualifier: str, source_id: str, target_id: str) -> LinkFact:
        found = self._world.create_link(qualifier, source_id, target_id)
        is_new = ("create", NEW) in self.noted.effects
        self.noted.effects.append(("link", f"{source_id} to {NEW if is_new else target_id}"))
        return found

    def repoint_link(self, link: LinkFact, target_id: str) -> LinkFact:
        found = self._world.repoint_link(link, target_id)
        self.noted.effects.append(("link", f"{link.source_id} to {target_id}, no longer to {link.target_id}"))
        return found

    def delete_link(self, link: LinkFact) -> None:
        self.noted.effects.append(("unlink", f"{link.source_id} from {link.target_id}"))

    def delete_links_of_target(self, target_id: str) -> None:
        """Goes with the deletion of the target."""

    def start_process(self, request: ProcessRequest) -> str | None:
        self.noted.effects.append(("request", request.trigger.workflow_name))
        return None

    def settle(self) -> None:
        """Nobody is told of what was not written."""
