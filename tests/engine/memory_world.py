"""Two sides and their links in memory: a world in which the engine's rules can be watched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from conf.errors import Conflict, PreconditionFailed, ReconError
from flows.engine.copying import copy_json
from flows.engine.differences import equal
from flows.engine.failures import EntryFailed
from flows.engine.rules import Hook, Json, Scope
from flows.engine.world import LinkFact, ProcessRequest

Matches = Callable[[Json], bool]


class MemoryWorld:
    """Provides `flows.engine.world.World`; `did` tells what was written, in order."""

    def __init__(
        self,
        *,
        sources: Mapping[str, Json] | None = None,
        targets: Mapping[str, Json] | None = None,
        links: Sequence[tuple[str, str, str]] = (),
        target_set: Sequence[str] | None = None,
    ) -> None:
        self.sources: dict[str, Json] = dict(sources or {})
        self.targets: dict[str, Json] = dict(targets or {})
        self.links = [LinkFact(source, target, qualifier) for qualifier, source, target in links]
        self.target_set = None if target_set is None else set(target_set)
        self.revisions = dict.fromkeys(self.targets, 1)
        self.did: list[str] = []
        self.reads: list[str] = []
        self.requests: list[ProcessRequest] = []
        self.refusals: dict[str, ReconError] = {}
        """Error by the name of the effect that is to fail: `create_target`, `create_link`, ..."""
        self.made = 0

    # facts

    def link_of_source(self, qualifier: str, source_id: str) -> LinkFact | None:
        found = [one for one in self.links if (one.qualifier, one.source_id) == (qualifier, source_id)]
        if len(found) > 1:
            raise EntryFailed("More than one link found")
        return found[0] if found else None

    def link_of_target(self, qualifier: str, target_id: str) -> LinkFact | None:
        return next(
            (one for one in self.links if (one.qualifier, one.target_id) == (qualifier, target_id)), None
        )

    def source(self, id: str) -> Json | None:
        return whole(id, self.sources.get(id))

    def target(self, id: str) -> Json | None:
        self.reads.append(id)
        found = whole(id, self.targets.get(id))
        return found if found is None else {**found, "_rev": str(self.revisions[id])}

    def target_exists(self, id: str) -> bool:
        return id in (self.targets if self.target_set is None else self.target_set)

    def target_set_is_empty(self) -> bool:
        return self.target_set is not None and not self.target_set

    def find_targets(self, query: Json) -> list[Json]:
        """A query here is `{"equal": {attribute: value}}`."""
        wanted: Json = query["equal"]
        return [
            {"_id": id, **copy_json(one)}
            for id, one in self.targets.items()
            if all(one.get(name) == value for name, value in wanted.items())
        ]

    # effects

    def create_target(self, content: Json) -> Json:
        self._effect("create_target")
        id = content.get("_id")
        if id is None:
            self.made += 1
            id = f"made{self.made}"
        if id in self.targets:
            raise PreconditionFailed("Create rejected as Object with same ID already exists")
        self.did.append(f"create {id}")
        return self._store(id, content)

    def update_target(self, before: Json, after: Json) -> Json:
        self._effect("update_target")
        id = str(before["_id"])
        self.did.append(f"update {id}")
        return self._store(id, after)

    def delete_target(self, target: Json) -> None:
        self._effect("delete_target")
        self.did.append(f"delete {target['_id']}")
        self.targets.pop(str(target["_id"]), None)

    def create_link(self, qualifier: str, source_id: str, target_id: str) -> LinkFact:
        self._effect("create_link")
        if self.link_of_target(qualifier, target_id) is not None:
            raise Conflict(f"'{target_id}' is linked already")
        self.did.append(f"link {source_id} {target_id}")
        fact = LinkFact(source_id, target_id, qualifier)
        self.links.append(fact)
        return fact

    def repoint_link(self, link: LinkFact, target_id: str) -> LinkFact:
        self._effect("repoint_link")
        self.did.append(f"repoint {link.source_id} {target_id}")
        self.links.remove(link)
        fact = LinkFact(link.source_id, target_id, link.qualifier)
        self.links.append(fact)
        return fact

    def delete_link(self, link: LinkFact) -> None:
        self._effect("delete_link")
        self.did.append(f"unlink {link.source_id} {link.target_id}")
        self.links.remove(link)

    def delete_links_of_target(self, target_id: str) -> None:
        self.links = [one for one in self.links if one.target_id != target_id]

    def start_process(self, request: ProcessRequest) -> str | None:
        self._effect("start_process")
        self.requests.append(request)
        return None

    def settle(self) -> None:
        self.did.append("settle")

    def _effect(self, name: str) -> None:
        if name in self.refusals:
            raise self.refusals[name]

    def _store(self, id: str, content: Json) -> Json:
        body = {name: value for name, value in copy_json(content).items() if name not in {"_id", "_rev"}}
        if not equal(self.targets.get(id), body):
            self.revisions[id] = self.revisions.get(id, 0) + 1
        self.targets[id] = body
        return {"_id": id, "_rev": str(self.revisions[id]), **copy_json(body)}


def whole(id: str, body: Json | None) -> Json | None:
    return None if body is None else {"_id": id, **copy_json(body)}


class Recorder:
    """Hooks that tell, in the world's own record, when they were called and with what."""

    def __init__(self, world: MemoryWorld) -> None:
        self.world = world
        self.scopes: dict[str, Scope] = {}

    def hook(self, name: str, answer: Any = None, *, act: Callable[[Scope], None] | None = None) -> Hook:
        """A hook that answers `answer`, or raises it."""

        def call(scope: Scope, mutable: tuple[str, ...] = ()) -> Any:
            self.world.did.append(name)
            self.scopes[name] = copy_json(scope)
            if act is not None:
                act(scope)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


def answering(answer: Callable[[Scope], Any]) -> Hook:
    """A hook that works its answer out."""

    def call(scope: Scope, mutable: tuple[str, ...] = ()) -> Any:
        return answer(scope)

    return call
