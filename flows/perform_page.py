"""Many approved actions of one mapping at once: facts gathered set-wise, everything written in a few statements."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from conf.errors import Conflict, ReconError
from conf.terms import Action
from flows.engine.source import SourceOperation
from flows.perform import Asked, Performed, entry_of, gone
from flows.recon.managed_stage import ManagedStage
from flows.recon.pair import Pair, open_pair
from flows.recon.prefetching import Prefetch
from flows.recon.recording import entry_audit
from flows.recon.run import is_sequential
from flows.store import audit
from flows.store.audit import ReconAudit

if TYPE_CHECKING:
    from conf.mapping import ObjectMapping
    from flows.call import Call, Runtime
    from flows.engine.entry import Entry

Outcome = tuple["Entry | None", "ReconError | None"]


def in_page(asked: Asked) -> bool:
    """Whether an action can be one of a page: on a source, without a target named, and asking nobody further."""
    return (
        asked.source_id is not None
        and not asked.target_side
        and asked.target_id is None
        and asked.action is not Action.ASYNC
    )


def in_set_lane(runtime: Runtime, mapping: ObjectMapping, pair: Pair) -> bool:
    """Whether entries of a mapping may share one world: nothing looks at the store between two of them."""
    return (
        isinstance(pair.world.targets, ManagedStage)
        and pair.world.notify is None
        and not is_sequential(mapping, runtime.scripts.compile, pair.compiler.has_file)
    )


async def perform_page(
    call: Call, mapping_name: str, page: Sequence[Asked]
) -> list[Performed | ReconError] | None:
    """What `perform_action` does, for many sources of one mapping; one answer for each, in order.

    None when the mapping wants its entries one by one. Runs inside the call's transaction; an error that is not the
    answer to one action (a key that somebody else took) is raised, and nothing of the page may be kept.
    """
    pair = await open_pair(call, mapping_name)
    try:
        if not in_set_lane(call.runtime, pair.mapping, pair):
            return None
        outcomes = await _act(call, pair, page)
    finally:
        pair.close()
    await _record(call, pair.mapping, page, outcomes)
    return [_answer(asked, outcome) for asked, outcome in zip(page, outcomes, strict=True)]


async def _act(call: Call, pair: Pair, page: Sequence[Asked]) -> list[Outcome]:
    ids = [asked.source_id or "" for asked in page]
    found = await pair.source.read_many(call, ids)
    sources = {id: found.get(id) for id in ids}
    pair.world.remember_sources(sources.items())
    facts = Prefetch(pair.mapping, pair.rules, pair.compiler.statistics, pair.world)
    pending = [(asked.link_qualifier, id, sources[id]) for asked, id in zip(page, ids, strict=True)]
    await facts.links(pending)
    await facts.targets(pending)
    outcomes: list[Outcome] = []

    def work() -> None:
        for asked, (_, id, source) in zip(page, pending, strict=True):
            if source is None:
                outcomes.append((None, gone(f"Source object {pair.mapping.source}/{id}", asked)))
                continue
            operation = SourceOperation(
                pair.rules,
                pair.world,
                asked.link_qualifier,
                run_id=asked.recon_id,
                source_id=id,
                source=source,
                target_id=None,
            )
            outcomes.append(entry_of(operation, asked, pair))

    await asyncio.to_thread(work)
    await pair.world.publish()
    return outcomes


async def _record(
    call: Call, mapping: ObjectMapping, page: Sequence[Asked], outcomes: Sequence[Outcome]
) -> None:
    rows: list[ReconAudit] = []
    for asked, (entry, _) in zip(page, outcomes, strict=True):
        if entry is None or asked.recon_id is None or not entry.reported:
            continue
        row = entry_audit(mapping, entry, asked.recon_id, call.caller.id, call.now())
        row.transaction_id = call.transaction_id
        row.task_id, row.approver = asked.task_id, asked.approver
        rows.append(row)
    if rows and call.transaction is not None:
        await audit.append_recon(call.transaction, rows)


def _answer(asked: Asked, outcome: Outcome) -> Performed | ReconError:
    entry, error = outcome
    if error is not None and (entry is None or entry.action is not Action.EXCEPTION):
        return error
    if entry is None or entry.situation is None:
        return Conflict((entry and entry.message) or "The situation could not be assessed")
    return Performed(entry.situation, asked.action, entry.target_id, entry)
