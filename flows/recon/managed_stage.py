"""The managed targets of a page: what the store has, what the page wrote, flushed in one go at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from conf.errors import NotFound
from conf.filters import evaluate
from conf.filters.ast import Filter, Literal
from flows import managed_objects
from flows.activity import activity_event
from flows.engine.copying import copy_json
from flows.engine.differences import equal
from flows.engine.rules import Json
from flows.managed_objects import Prepared
from flows.recon.bridge import Bridge
from flows.recon.changes import Change
from flows.recon.queries import SideQuery
from flows.recon.written_texts import WrittenTexts
from flows.statistics import Statistics
from flows.store import audit, managed
from flows.store.anchors import anchor_of
from flows.store.json_text import check_storable
from flows.store.managed import Stored, new_rev, rev_text

if TYPE_CHECKING:
    from conf.managed_schema import ManagedType
    from conf.transaction import Transaction
    from flows.call import Call


@dataclass
class ManagedStage:
    """An overlay over one managed type, for one transaction. Objects handed out are copies."""

    call: Call
    type: ManagedType
    transaction: Transaction
    bridge: Bridge
    known: dict[str, Stored | None] = field(default_factory=dict)
    unique: dict[str, str | None] = field(default_factory=dict)
    """Owner of a unique key as far as it is known."""
    found: dict[str, list[str]] = field(default_factory=dict)
    """Ids that the store gave for a filter."""
    created: dict[str, Stored] = field(default_factory=dict)
    updated: dict[str, Stored] = field(default_factory=dict)
    deleted: dict[str, Stored] = field(default_factory=dict)
    plain: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Secrets of written objects, hashed before they are stored."""
    written: list[Written] = field(default_factory=list)
    """What was flushed since somebody asked."""
    statistics: Statistics = field(default_factory=Statistics)
    before: dict[str, Stored] = field(default_factory=dict)
    """Objects as they were before the page changed them, for the activity audit."""
    texts: WrittenTexts = field(default_factory=WrittenTexts)

    async def prefetch(self, ids: Sequence[str]) -> None:
        """Know these objects, absence included."""
        wanted = [id for id in ids if id not in self.known]
        if not wanted:
            return
        found = await managed.read_many(self.transaction, self.type.name, wanted)
        for id in wanted:
            self.know(id, found.get(id))

    @property
    def unique_property(self) -> str | None:
        """The property whose values no two objects share."""
        return self.type.unique[0] if self.type.unique else None

    def unique_key(self, content: Json) -> str | None:
        """The normalised unique value of an object."""
        return managed_objects.unique_key(self.type, content)

    def know(self, id: str, stored: Stored | None) -> None:
        """Take in an object that was read elsewhere, unless the page has its own idea of it."""
        self.known.setdefault(id, stored)
        if stored is not None and stored.unique_key is not None:
            self.unique.setdefault(stored.unique_key, id)

    async def prefetch_unique(self, keys: Sequence[str]) -> None:
        """Know who holds these unique keys."""
        wanted = [key for key in keys if key not in self.unique]
        if not wanted:
            return
        owners = await managed.read_by_unique_key(self.transaction, self.type.name, wanted)
        for key in wanted:
            owner = owners.get(key)
            self.unique.setdefault(key, None if owner is None else owner.id)

    def stored(self, id: str) -> Stored | None:
        if id not in self.known:
            self.bridge.wait(self.prefetch([id]))
        return self.known[id]

    def object(self, id: str) -> Json | None:
        """The object as the mapping sees it."""
        stored = self.stored(id)
        return None if stored is None else whole(stored)

    def exists(self, id: str) -> bool:
        return self.stored(id) is not None

    def find(self, query: SideQuery) -> list[Json]:
        """What a query finds now: what the store has, corrected by what the page wrote."""
        key = query.key
        if key not in self.found:
            self.bridge.wait(self.prefetch_found([query]))
        filter = query.filter
        matches = None if filter is None else evaluate.predicate(filter, ignore_case=False)
        candidates = {*self.found[key], *self._written_for(filter)}
        found = [self.known[id] for id in candidates if self.known[id] is not None]
        return [
            whole(stored)
            for stored in sorted((one for one in found if one is not None), key=lambda one: one.id)
            if matches is None or matches(addressable(stored))
        ]

    def _written_for(self, filter: Filter | None) -> Iterable[str]:
        """Ids of objects that the page wrote and that may match."""
        anchor = anchor_of(filter)
        if anchor is None:
            return (*self.created, *self.updated)
        ids = self.texts.having(anchor, (*self.created.values(), *self.updated.values()))
        return [id for id in ids if id in self.created or id in self.updated]

    async def prefetch_found(self, queries: Sequence[SideQuery]) -> None:
        """Know what the store has for these queries, in as few statements as their shapes allow."""
        wanted = {query.key: query for query in queries}
        wanted = {key: query for key, query in wanted.items() if key not in self.found}
        filters = [query.filter or Literal(True) for query in wanted.values()]
        answers = await managed.find_many(self.transaction, self.type.name, filters)
        for key, rows in zip(wanted, answers, strict=True):
            self.found[key] = [stored.id for stored in rows]
            for stored in rows:
                self.know(stored.id, stored)

    def create(self, content: Json) -> Json:
        """Validate and stage a new object; raises as the managed resource would."""
        prepared = managed_objects.prepare_create(self.type, content)
        if content.get("_id") is None:
            self.known.setdefault(prepared.id, None)  # an id that nobody had before
        if self.stored(prepared.id) is not None:
            raise managed_objects.exists_already(prepared.id)
        check_storable(prepared.body)
        self._claim_unique(prepared)
        stored = Stored(prepared.id, new_rev(), prepared.body, None, prepared.unique_key)
        self.known[stored.id] = self.created[stored.id] = stored
        self.texts.note(stored)
        if prepared.secrets_plain:
            self.plain[stored.id] = prepared.secrets_plain
        return whole(stored)

    def update(self, before: Json, after: Json) -> Json:
        """Validate and stage a change; equal content writes nothing."""
        id = str(before["_id"])
        current = self.stored(id)
        if current is None:
            raise NotFound(f"Object {id} not found in managed/{self.type.name}")
        managed_objects.check_revision(current, before.get("_rev"), "Update")
        prepared = managed_objects.prepare_update(self.type, current, after)
        changed_secrets = self.call.runtime.passwords.changed(current.secrets, prepared.secrets_plain)
        if equal(prepared.body, current.body) and not changed_secrets:
            return whole(current)
        check_storable(prepared.body)
        if prepared.unique_key != current.unique_key:
            self._claim_unique(prepared)
            if current.unique_key is not None:
                self.unique[current.unique_key] = None
        stored = Stored(id, new_rev(), prepared.body, current.secrets, prepared.unique_key)
        self.known[id] = stored
        self.texts.note(stored)
        if changed_secrets:
            self.plain[id] = changed_secrets
        if id in self.created:
            self.created[id] = stored
        else:
            self.before.setdefault(id, current)
            self.updated[id] = stored
        return whole(stored)

    def delete(self, target: Json) -> None:
        """Stage a deletion; an object that is gone already is no error."""
        id = str(target["_id"])
        current = self.stored(id)
        if current is None:
            return
        self.known[id] = None
        if current.unique_key is not None:
            self.unique[current.unique_key] = None
        self.updated.pop(id, None)
        self.plain.pop(id, None)
        if self.created.pop(id, None) is None:
            self.deleted[id] = self.before.get(id, current)

    def has_written(self, id: str) -> bool:
        """Whether the page has created, changed or deleted this object."""
        return id in self.created or id in self.updated or id in self.deleted

    def revision(self, id: str) -> int | None:
        """Revision of an object that the page knows."""
        stored = self.known.get(id)
        return None if stored is None else stored.rev

    def revisions(self) -> dict[str, int]:
        """Revision of every object that the page knows."""
        return {id: stored.rev for id, stored in self.known.items() if stored is not None}

    def _claim_unique(self, prepared: Prepared) -> None:
        key = prepared.unique_key
        if key is None:
            return
        if key not in self.unique:
            self.bridge.wait(self.prefetch_unique([key]))
        owner = self.unique[key]
        if owner is not None and owner != prepared.id:
            raise managed_objects.not_unique(self.type)
        self.unique[key] = prepared.id

    async def flush(self) -> None:
        """Write what changed; passwords are hashed in threads first."""
        for id, plain in self.plain.items():
            stored = self.known[id]
            if stored is not None:
                secrets = await self.call.runtime.passwords.hash_all(plain, stored.secrets)
                stored = replace(stored, secrets=secrets)
                self.known[id] = stored
                (self.created if id in self.created else self.updated)[id] = stored
        name = self.type.name
        changes = self.changes()
        self.written += changes
        await audit.append_events(
            self.transaction,
            "activity",
            [
                activity_event(self.call, operation, f"managed/{name}/{id}", before, after)
                for operation, id, before, after in changes
            ],
        )
        with self.statistics.measure("deleteTargetObject", len(self.deleted)):
            if self.deleted:
                await managed.delete_many(self.transaction, name, list(self.deleted))
        await managed.insert_many(self.transaction, name, list(self.created.values()))
        with self.statistics.measure("updateTargetObject", len(self.updated)):
            await managed.update_many(self.transaction, name, list(self.updated.values()))
        self.created, self.updated, self.deleted = {}, {}, {}
        self.before, self.plain = {}, {}

    def forget(self) -> None:
        """Drop what was read: somebody else may have written. Only with nothing staged."""
        self.known.clear()
        self.unique.clear()
        self.found.clear()

    def changes(self) -> list[Written]:
        """What is staged, as the activity audit and implicit synchronisation are told."""
        return [
            *(Written("DELETE", id, stored, None) for id, stored in self.deleted.items()),
            *(Written("CREATE", id, None, stored) for id, stored in self.created.items()),
            *(Written("UPDATE", id, self.before[id], stored) for id, stored in self.updated.items()),
        ]

    def take_changes(self) -> list[Change]:
        """What was flushed since the last time, as mappings see it."""
        found, self.written = self.written, []
        return [
            Change(
                one.id,
                None if one.before is None else whole(one.before),
                None if one.after is None else whole(one.after),
            )
            for one in found
        ]


class Written(NamedTuple):
    """One object that a page wrote."""

    operation: str
    id: str
    before: Stored | None
    after: Stored | None


def whole(stored: Stored) -> Json:
    """A copy of the object with its id and revision, as a mapping sees it."""
    return {"_id": stored.id, "_rev": rev_text(stored.rev), **copy_json(stored.body)}


def addressable(stored: Stored) -> dict[str, Any]:
    """The object as filters see it; not a copy."""
    return {"_id": stored.id, **stored.body}
