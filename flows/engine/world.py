"""What the engine needs of the world around an entry; a page in memory and the live stores both provide it.

All calls are plain ones: a provider that has to wait does so outside the event loop. Errors are ReconErrors and fail the
entry, unless they say RunFailed.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from flows.engine.rules import Json, WorkflowTrigger


@dataclass(slots=True)
class LinkFact:
    """A link as one mapping sees it: its own source and target side, whatever the stored direction."""

    source_id: str
    target_id: str
    qualifier: str
    row: Any = None
    """What the provider needs to find the stored link again."""


@dataclass(frozen=True, slots=True)
class ProcessRequest:
    """A process to be started for an entry."""

    trigger: WorkflowTrigger
    variables: Json
    subject: Json | None
    """The object that the request is about: the source, or the target on the target side."""


class World(Protocol):
    """Facts about one mapping's two sides and its links, and the effects an action may have."""

    def link_of_source(self, qualifier: str, source_id: str) -> LinkFact | None:
        """Raises EntryFailed when there is more than one."""
        ...

    def link_of_target(self, qualifier: str, target_id: str) -> LinkFact | None: ...

    def source(self, id: str) -> Json | None:
        """The source object now, or None."""
        ...

    def target(self, id: str) -> Json | None:
        """The target object now, with `_id` and `_rev`, as a copy the caller may change; None when it is gone."""
        ...

    def target_exists(self, id: str) -> bool:
        """By the set that the target query gave when there is one, else by a look."""
        ...

    def target_set_is_empty(self) -> bool:
        """Whether this run queried the targets and found none."""
        ...

    def find_targets(self, query: Json) -> list[Json]:
        """Targets that a correlation query finds. Raises RunFailed when the query makes no sense."""
        ...

    def create_target(self, content: Json) -> Json:
        """Create and give back the object as it is stored."""
        ...

    def update_target(self, before: Json, after: Json) -> Json: ...

    def delete_target(self, target: Json) -> None:
        """Delete the object; that it is gone already is no error."""
        ...

    def create_link(self, qualifier: str, source_id: str, target_id: str) -> LinkFact: ...

    def repoint_link(self, link: LinkFact, target_id: str) -> LinkFact: ...

    def delete_link(self, link: LinkFact) -> None: ...

    def delete_links_of_target(self, target_id: str) -> None:
        """Drop what other links of a deleted target are left."""
        ...

    def start_process(self, request: ProcessRequest) -> str | None:
        """Open an approval. A text that is returned is the entry's message. Raises EntryFailed for an unknown process."""
        ...

    def settle(self) -> None:
        """The object and its link are written: tell whoever is synchronised from the target."""
        ...
