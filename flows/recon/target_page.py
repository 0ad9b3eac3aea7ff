"""One page of the target phase: targets that no source accounted for, in the order of the target query."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flows.engine.failures import RunFailed
from flows.recon.managed_stage import ManagedStage
from flows.recon.page_world import PageWorld
from flows.recon.source_page import Outcome
from flows.recon.source_side import read_some
from flows.recon.target_side import SystemStage

if TYPE_CHECKING:
    from flows.recon.run import Run


class TargetPageWork:
    """Processes the targets of one transaction."""

    def __init__(self, run: Run, world: PageWorld) -> None:
        self.run = run
        self.world = world

    async def process(self, target_ids: Sequence[str], *, prefetch: bool) -> Outcome:
        """Gather facts (set lane only), then work through the targets in a thread."""
        outcome = Outcome()
        if prefetch:
            await self._prefetch(target_ids)
        await asyncio.to_thread(self._work, target_ids, outcome)
        return outcome

    async def _prefetch(self, target_ids: Sequence[str]) -> None:
        run, world = self.run, self.world
        sources: set[str] = set()
        for qualifier in run.qualifiers:
            with run.statistics.measure("targetLinkQuery"):
                await world.links.prefetch_targets(qualifier, target_ids)
            facts = (world.links.by_target.get((qualifier, run.linkage.target_key(id))) for id in target_ids)
            sources.update(fact.source_id for fact in facts if fact is not None)
        if isinstance(world.targets, ManagedStage | SystemStage):
            with run.statistics.measure("targetObjectQuery"):
                await world.targets.prefetch(target_ids)
        if sources:
            wanted = sorted(sources)
            with run.statistics.measure("sourceObjectQuery"):
                found, broken = await read_some(run.source, run.call, wanted)
            damaged = {one.id for one in broken}
            world.remember_sources((id, found.get(id)) for id in wanted if id not in damaged)

    def _work(self, target_ids: Sequence[str], outcome: Outcome) -> None:
        run, world = self.run, self.world
        for target_id in target_ids:
            for qualifier in run.qualifiers:
                started = len(world.requests)
                try:
                    entry = run.target_operation(world, qualifier, target_id).reconcile(
                        analyze=run.row.is_analysis
                    )
                except RunFailed as failure:
                    outcome.failure = failure
                    return
                outcome.entries.append(entry)
                outcome.requests += [(entry, request) for request in world.requests[started:]]
