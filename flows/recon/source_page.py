"""One page of the source phase: facts gathered set-wise, entries in order, everything written in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conf.errors import ReconError
from conf.terms import Action, EntryStatus, Phase, Situation
from flows.engine.entry import Entry
from flows.engine.failures import RunFailed
from flows.engine.world import LinkFact, ProcessRequest
from flows.recon.fingerprints import Fingerprints, creation_repeats, holds
from flows.recon.managed_stage import ManagedStage
from flows.recon.page_world import PageWorld
from flows.recon.prefetching import Pending, Prefetch

if TYPE_CHECKING:
    from conf.transaction import Transaction
    from flows.connectors.base import BrokenRow
    from flows.engine.rules import Json
    from flows.recon.run import Run
    from flows.recon.source_side import Item
    from flows.store.links import LinkRow


@dataclass
class Outcome:
    """What a page did, before it is written down."""

    entries: list[Entry] = field(default_factory=list)
    unchanged: list[tuple[str, str, str]] = field(default_factory=list)
    """(qualifier, source id, target id) of confirmed pairs that needed nothing."""
    requests: list[tuple[Entry, ProcessRequest]] = field(default_factory=list)
    failure: RunFailed | None = None
    """Why the run cannot go on; what the page did before stands."""

    def handled(self) -> list[str]:
        """Targets that sources accounted for."""
        found = [target for _, _, target in self.unchanged]
        return found + [id for entry in self.entries for id in entry.handled]


class SourcePageWork:
    """Processes the sources of one transaction."""

    def __init__(self, run: Run, transaction: Transaction, world: PageWorld) -> None:
        self.run = run
        self.transaction = transaction
        self.world = world
        self.digests: dict[tuple[str, str], bytes] = {}
        self.quiet: dict[tuple[str, str], LinkFact] = {}
        """Links of pairs that need nothing, as far as the store alone can tell."""

    async def process(self, items: Sequence[Item], broken: Sequence[BrokenRow], *, prefetch: bool) -> Outcome:
        """Gather facts (set lane only), then work through the items in a thread."""
        items, doubles = self._without_doubles(items)
        self.world.remember_sources(items)
        outcome = Outcome()
        pending, broken_off = await self._qualified(items)
        if prefetch:
            facts = Prefetch(self.run.mapping, self.run.rules, self.run.statistics, self.world)
            left: Sequence[Pending] = pending
            stage, prints = self.world.targets, self.run.fingerprints
            if prints is None or not isinstance(stage, ManagedStage):
                await facts.links(pending)
            else:
                # the processor has these to work out while the database looks
                digesting = asyncio.create_task(asyncio.to_thread(self._digest, pending, prints))
                try:
                    await facts.links(pending, leading_to=stage.type.name)
                finally:
                    await digesting
                left = self._find_quiet(pending)
            await facts.targets(left)
        await asyncio.to_thread(self._work, pending, outcome)
        outcome.failure = outcome.failure or broken_off
        if outcome.failure is not None:
            return outcome
        outcome.entries += [await self._broken(row) for row in broken]
        outcome.entries += [self._double(id) for id in doubles]
        return outcome

    async def _qualified(self, items: Sequence[Item]) -> tuple[Sequence[Pending], RunFailed | None]:
        """Each source once for each qualifier that applies to it, up to the one at which the script failed."""
        run = self.run
        if isinstance(run.mapping.link_qualifiers, tuple):
            return [(qualifier, id, source) for id, source in items for qualifier in run.qualifiers], None
        return await asyncio.to_thread(self._ask_qualifiers, items)

    def _ask_qualifiers(self, items: Sequence[Item]) -> tuple[Sequence[Pending], RunFailed | None]:
        found: list[Pending] = []
        for id, source in items:
            try:
                found += [(qualifier, id, source) for qualifier in self.run.qualifiers_of(source)]
            except ReconError as error:
                return found, RunFailed(f"The linkQualifiers script failed: {error.message}")
        return found, None

    def _without_doubles(self, items: Sequence[Item]) -> tuple[list[Item], list[str]]:
        kept, doubles, seen = [], [], self.run.seen
        for item in items:
            if item[0] in seen:
                doubles.append(item[0])
            else:
                seen.add(item[0])
                kept.append(item)
        return kept, doubles

    # facts

    def _digest(self, pending: Sequence[Pending], prints: Fingerprints) -> None:
        """Fingerprints of the sources as they are now."""
        source_key = self.run.linkage.source_key
        for qualifier, id, source in pending:
            if source is not None:
                self.digests[qualifier, source_key(id)] = prints.digest(source, qualifier)

    def _find_quiet(self, pending: Sequence[Pending]) -> list[Pending]:
        """Note the pairs whose fingerprint and target revision are those of the last synchronisation; answer the rest."""
        run, facts = self.run, self.world.links.by_source
        left = []
        for item in pending:
            key = (item[0], run.linkage.source_key(item[1]))
            digest, fact = self.digests.get(key), facts.get(key)
            row: LinkRow | None = None if fact is None else fact.row
            if (
                fact is not None
                and row is not None
                and digest is not None
                and holds(row.fingerprint, digest)
                and row.target_rev is not None
                and row.target_rev == row.present_rev
                and (run.target_set is None or fact.target_id in run.target_set)
            ):
                self.quiet[key] = fact
            else:
                left.append(item)
        return left

    def _still_quiet(self, key: tuple[str, str]) -> str | None:
        """The target of a quiet pair, unless an entry before it on this page has touched the target or the link."""
        fact, stage = self.quiet.get(key), self.world.targets
        if fact is None or self.world.links.by_source.get(key) is not fact:
            return None
        if isinstance(stage, ManagedStage) and stage.has_written(fact.target_id):
            return None
        return fact.target_id

    # entries

    def _work(self, pending: Sequence[Pending], outcome: Outcome) -> None:
        run, world = self.run, self.world
        analyze = run.row.is_analysis
        repeats = creation_repeats(run.rules)
        for qualifier, id, source in pending:
            key = (qualifier, run.linkage.source_key(id))
            quiet = self._still_quiet(key)
            if quiet is not None and source is not None:
                if run.rules.responder is None:
                    outcome.unchanged.append((qualifier, id, quiet))
                else:
                    facts = run.rules.responder.at_rest(id, source, quiet)
                    outcome.entries.append(_resting(qualifier, id, quiet, facts))
                continue
            started = len(world.requests)
            operation = run.source_operation(world, qualifier, id, source)
            try:
                entry = operation.reconcile(analyze=analyze)
            except RunFailed as failure:
                outcome.failure = failure
                return
            outcome.entries.append(entry)
            outcome.requests += [(entry, request) for request in world.requests[started:]]
            if entry.mark is not None and not analyze and entry.target_id is not None:
                self._keep_mark(key, entry.mark, entry.target_id)
            settled = entry.fingerprint_holds and not analyze and entry.situation not in UNQUALIFIED
            if settled and (repeats or entry.action is not Action.CREATE):
                self._remember(key, entry)

    def _keep_mark(self, key: tuple[str, str], mark: bytes, target_id: str) -> None:
        """Keep a responder's mark with the link, as the target now stands."""
        stage, target_key = self.world.targets, self.run.linkage.target_key(target_id)
        revision = stage.revision(target_key) if isinstance(stage, ManagedStage) else None
        self.world.links.fingerprints[key] = (mark, revision)

    def _remember(self, key: tuple[str, str], entry: Entry) -> None:
        """Keep the fingerprint of a source whose target equals what it maps to, as things stand now."""
        digest, stage = self.digests.get(key), self.world.targets
        if digest is None or entry.target_id is None or not isinstance(stage, ManagedStage):
            return
        revision = stage.revision(self.run.linkage.target_key(entry.target_id))
        if revision is not None:
            self.world.links.fingerprints[key] = ((entry.mark or b"") + digest, revision)

    async def _broken(self, row: BrokenRow) -> Entry:
        """A row that cannot be read is a failure, not an absence: its target is left alone."""
        entry = Entry(Phase.SOURCE, self.run.qualifiers[0], source_id=row.id, status=EntryStatus.FAILURE)
        entry.message = row.told
        if row.id is None:
            self.run.source_complete = False
            return entry
        self.run.seen.add(row.id)
        handled = []
        for qualifier in self.run.qualifiers:
            found = await self.run.linkage.of_sources(self.transaction, qualifier, [row.id])
            handled += [fact.target_id for fact in found.values()]
        entry.handled = tuple(handled)
        return entry

    def _double(self, id: str) -> Entry:
        entry = Entry(Phase.SOURCE, self.run.qualifiers[0], source_id=id, status=EntryStatus.FAILURE)
        entry.message = f"DUPLICATE_SOURCE_ID: another row before it has the id '{id}'; this one was not used"
        return entry


def _resting(qualifier: str, source_id: str, target_id: str, facts: Json) -> Entry:
    """The entry of a pair that needs no look, as a look would have made it."""
    return Entry(
        Phase.SOURCE,
        qualifier,
        source_id=source_id,
        target_id=target_id,
        recorded_target=target_id,
        situation=Situation.CONFIRMED,
        action=Action.REPORT,
        performed=True,
        had_target=True,
        had_link=True,
        handled=(target_id,),
        facts=facts,
    )


UNQUALIFIED = frozenset({Situation.UNQUALIFIED, Situation.SOURCE_IGNORED})
"""A source that does not qualify is not CONFIRMED the next time, whatever was made of it."""
