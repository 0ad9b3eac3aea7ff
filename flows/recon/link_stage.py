"""The links of a page: what the store has, what the page changed, written in one go at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conf.errors import Conflict
from conf.terms import DEFAULT_QUALIFIER
from flows.engine.world import LinkFact
from flows.recon.bridge import Bridge
from flows.recon.linkage import Linkage
from flows.statistics import Statistics
from flows.store import links
from flows.store.links import NewLink

if TYPE_CHECKING:
    from conf.transaction import Transaction

Key = tuple[str, str]


@dataclass
class LinkStage:
    """An overlay over the stored links of one mapping, for one transaction."""

    linkage: Linkage
    transaction: Transaction
    bridge: Bridge
    qualifiers: Sequence[str] = (DEFAULT_QUALIFIER,)
    """Of the mapping: a target that is deleted takes its links under these with it."""
    by_source: dict[Key, LinkFact | None] = field(default_factory=dict)
    by_target: dict[Key, LinkFact | None] = field(default_factory=dict)
    created: dict[Key, LinkFact] = field(default_factory=dict)
    repointed: dict[int, LinkFact] = field(default_factory=dict)
    deleted: list[int] = field(default_factory=list)
    orphans: set[str] = field(default_factory=set)
    """Keys of targets that the page deleted."""
    statistics: Statistics = field(default_factory=Statistics)
    fingerprints: dict[Key, tuple[bytes, int | None]] = field(default_factory=dict)
    """Fingerprint of sources whose target equals what they map to, with the revision at which it does."""

    async def prefetch_sources(
        self, qualifier: str, source_ids: Sequence[str], *, leading_to: str | None = None
    ) -> None:
        """Know the links of these sources, absence included; `leading_to` as for `links.by_first`."""
        found = await self.linkage.of_sources(self.transaction, qualifier, source_ids, leading_to=leading_to)
        for key in self.linkage.source_keys(source_ids):
            fact = self._living(found.get(key))
            self.by_source[qualifier, key] = fact
            if fact is not None:
                self.by_target[qualifier, fact.target_id] = fact

    async def prefetch_targets(self, qualifier: str, target_ids: Sequence[str]) -> None:
        """Know the links of these targets, absence included."""
        found = await self.linkage.of_targets(self.transaction, qualifier, target_ids)
        for key in self.linkage.target_keys(target_ids):
            if (qualifier, key) not in self.by_target:
                fact = self._living(found.get(key))
                self.by_target[qualifier, key] = fact
                if fact is not None:
                    self.by_source.setdefault((qualifier, self.linkage.source_key(fact.source_id)), fact)

    def know_unlinked(self, target_id: str) -> None:
        """No link can lead to this target yet."""
        for qualifier in self.qualifiers:
            self.by_target.setdefault((qualifier, self.linkage.target_key(target_id)), None)

    def of_source(self, qualifier: str, source_id: str) -> LinkFact | None:
        key = (qualifier, self.linkage.source_key(source_id))
        if key not in self.by_source:
            self.bridge.wait(self.prefetch_sources(qualifier, [source_id]))
        return self.by_source[key]

    def of_target(self, qualifier: str, target_id: str) -> LinkFact | None:
        key = (qualifier, self.linkage.target_key(target_id))
        if key not in self.by_target:
            self.bridge.wait(self.prefetch_targets(qualifier, [target_id]))
        return self.by_target[key]

    def create(self, qualifier: str, source_id: str, target_id: str) -> LinkFact:
        """A new link; one that exists for this source is taken as it is, one that holds the target is refused."""
        if self.of_source(qualifier, source_id) is not None:
            raise taken(qualifier, source_id)
        if self.of_target(qualifier, target_id) is not None:
            raise taken(qualifier, target_id)
        fact = LinkFact(self.linkage.source_key(source_id), self.linkage.target_key(target_id), qualifier)
        self._know(fact)
        self.created[qualifier, fact.source_id] = fact
        return fact

    def repoint(self, link: LinkFact, target_id: str) -> LinkFact:
        """Lead a link to another target."""
        if self.of_target(link.qualifier, target_id) is not None:
            raise taken(link.qualifier, target_id)
        self.by_target[link.qualifier, link.target_id] = None
        fact = LinkFact(link.source_id, self.linkage.target_key(target_id), link.qualifier, link.row)
        self._know(fact)
        if link.row is None:
            self.created[link.qualifier, fact.source_id] = fact
        else:
            self.repointed[link.row.seq] = fact
        return fact

    def delete(self, link: LinkFact) -> None:
        """Drop a link; dropping it twice is harmless."""
        key = (link.qualifier, link.source_id)
        if self.by_source.get(key) is None:
            return
        self.by_source[key] = None
        self.by_target[link.qualifier, link.target_id] = None
        self.fingerprints.pop(key, None)
        if link.row is None:
            self.created.pop(key, None)
        else:
            self.repointed.pop(link.row.seq, None)
            self.deleted.append(link.row.seq)

    def delete_of_target(self, target_id: str) -> None:
        """Drop what links of the mapping's qualifiers still lead to a target."""
        key = self.linkage.target_key(target_id)
        for qualifier in self.qualifiers:
            fact = self.by_target.get((qualifier, key))
            if fact is not None:
                self.delete(fact)
        self.orphans.add(key)

    def _living(self, fact: LinkFact | None) -> LinkFact | None:
        """A stored link, unless its target was deleted on this page."""
        if fact is None or (fact.target_id in self.orphans and fact.qualifier in self.qualifiers):
            return None
        return fact

    def _know(self, fact: LinkFact) -> None:
        self.by_source[fact.qualifier, fact.source_id] = fact
        self.by_target[fact.qualifier, fact.target_id] = fact

    async def flush(self, revisions: dict[str, int]) -> None:
        """Write what changed; `revisions` are those of the targets as they now stand."""
        linkage, transaction = self.linkage, self.transaction
        with self.statistics.measure("deleteLinkObject", len(self.deleted)):
            if self.deleted:
                await links.delete_many(transaction, self.deleted)
        if self.orphans:
            await linkage.drop_of_targets(
                transaction, sorted(self.orphans), self.qualifiers, spare=self.repointed.keys()
            )
        for seq, fact in self.repointed.items():
            first, second = linkage.pair(fact.source_id, fact.target_id)
            await links.repoint(transaction, seq, first, second)
        await links.insert_many(
            transaction,
            [
                NewLink(
                    linkage.name,
                    fact.qualifier,
                    *linkage.pair(fact.source_id, fact.target_id),
                    *self._mark(key, fact, revisions),
                )
                for key, fact in self.created.items()
            ],
        )
        await self._know_rows()
        await links.set_fingerprints(transaction, self._marks(revisions))
        self.created, self.repointed, self.deleted, self.fingerprints = {}, {}, [], {}
        self.orphans = set()

    async def _know_rows(self) -> None:
        """Find the stored links of fingerprints that came after a flush had written or forgotten their links."""
        missing: dict[str, list[str]] = {}
        for qualifier, source_id in self.fingerprints.keys() - self.created.keys():
            fact = self.by_source.get((qualifier, source_id), LinkFact(source_id, "", qualifier))
            if fact is not None and fact.row is None:
                missing.setdefault(qualifier, []).append(source_id)
        for qualifier, source_ids in missing.items():
            await self.prefetch_sources(qualifier, source_ids)

    def forget(self) -> None:
        """Drop what was read: somebody else may have written. Only with nothing staged."""
        self.by_source.clear()
        self.by_target.clear()

    def _mark(self, key: Key, fact: LinkFact, revisions: dict[str, int]) -> tuple[bytes | None, int | None]:
        found = self.fingerprints.get(key)
        # an entry after it on the page may have changed the target again
        return (None, None) if found is None or found[1] != revisions.get(fact.target_id) else found

    def _marks(self, revisions: dict[str, int]) -> list[tuple[int, bytes, int | None]]:
        marks: list[tuple[int, bytes, int | None]] = []
        for key, (fingerprint, rev) in self.fingerprints.items():
            fact = self.by_source.get(key)
            if fact is None or fact.row is None or rev != revisions.get(fact.target_id):
                continue
            if fact.row.fingerprint != fingerprint or fact.row.target_rev != rev:
                marks.append((fact.row.seq, fingerprint, rev))
        return marks


def taken(qualifier: str, id: str) -> Conflict:
    """The error of a link whose source or target has one already under its qualifier."""
    return Conflict(f"'{id}' is linked already under the link qualifier '{qualifier}'")
