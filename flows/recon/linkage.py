"""Links as one mapping sees them: which stored side is its source, and how ids compare."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.engine.failures import EntryFailed
from flows.engine.world import LinkFact
from flows.store import links

if TYPE_CHECKING:
    from conf.mapping import LinkType, ObjectMapping
    from conf.transaction import Transaction
    from flows.store.links import LinkRow


@dataclass(frozen=True)
class Linkage:
    """Reads and writes the links of one mapping.

    The mapping that defines the link type has its source first; a mapping that shares the links the other way round has
    it second. A side that ignores case stores and compares lower-cased ids.
    """

    name: str
    reverse: bool
    source_ignores_case: bool
    target_ignores_case: bool

    @classmethod
    def of(cls, mapping: ObjectMapping) -> Linkage:
        kind: LinkType = mapping.link_type
        return cls(kind.name, kind.reverse, not kind.source_case_sensitive, not kind.target_case_sensitive)

    def source_key(self, source_id: str) -> str:
        return source_id.lower() if self.source_ignores_case else source_id

    def target_key(self, target_id: str) -> str:
        return target_id.lower() if self.target_ignores_case else target_id

    def source_keys(self, source_ids: Sequence[str]) -> Sequence[str]:
        return [id.lower() for id in source_ids] if self.source_ignores_case else source_ids

    def target_keys(self, target_ids: Sequence[str]) -> Sequence[str]:
        return [id.lower() for id in target_ids] if self.target_ignores_case else target_ids

    def fact(self, row: LinkRow) -> LinkFact:
        """A stored link in this mapping's direction."""
        source, target = (row.second_id, row.first_id) if self.reverse else (row.first_id, row.second_id)
        if source is None or target is None:
            raise EntryFailed(f"A link of {self.name} has a side without id")
        return LinkFact(source, target, row.qualifier, row)

    async def of_sources(
        self,
        transaction: Transaction,
        qualifier: str,
        source_ids: Sequence[str],
        *,
        leading_to: str | None = None,
    ) -> dict[str, LinkFact]:
        """Links by source key; `leading_to` as for `links.by_first`."""
        query = links.by_second if self.reverse else links.by_first
        keys = self.source_keys(source_ids)
        found = await query(transaction, self.name, qualifier, keys, leading_to=leading_to)
        return {key: self.fact(row) for key, row in found.items()}

    async def of_targets(
        self, transaction: Transaction, qualifier: str, target_ids: Sequence[str]
    ) -> dict[str, LinkFact]:
        """Links by target key."""
        query = links.by_first if self.reverse else links.by_second
        keys = self.target_keys(target_ids)
        found = await query(transaction, self.name, qualifier, keys)
        return {key: self.fact(row) for key, row in found.items()}

    async def drop_of_targets(
        self,
        transaction: Transaction,
        target_keys: Sequence[str],
        qualifiers: Iterable[str],
        *,
        spare: Collection[int] = (),
    ) -> None:
        """Delete the links that lead to these targets under these qualifiers, but for those of these numbers."""
        for qualifier in qualifiers:
            found = await self.of_targets(transaction, qualifier, target_keys)
            seqs = [fact.row.seq for fact in found.values() if fact.row.seq not in spare]
            if seqs:
                await links.delete_many(transaction, seqs)

    def pair(self, source_id: str, target_id: str) -> tuple[str, str]:
        """First and second id as they are stored."""
        source, target = self.source_key(source_id), self.target_key(target_id)
        return (target, source) if self.reverse else (source, target)

    async def count(self, transaction: Transaction, qualifiers: Iterable[str]) -> int:
        """How many links of the type and these qualifiers there are."""
        found = await links.counts(transaction, self.name)
        return sum(found.get(qualifier, 0) for qualifier in qualifiers)
