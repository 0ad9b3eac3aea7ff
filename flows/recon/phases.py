"""The phases of a run, in order; each is a plain function, and a page is one transaction (or one an entry)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING

from conf.errors import ReconError
from conf.terms import Phase, Stage
from flows.engine.failures import RunFailed
from flows.failpoints import failpoint
from flows.recon.bridge import Bridge
from flows.recon.preparing import hash_ahead
from flows.recon.recording import record
from flows.recon.source_page import Outcome, SourcePageWork
from flows.recon.source_side import SourcePage, read_some
from flows.recon.target_page import TargetPageWork
from flows.recon.target_set import TargetSet
from flows.recon.target_side import target_side
from flows.store import planner, runs

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from conf.transaction import Transaction
    from flows.recon.run import Run


class Canceled(Exception):
    """Somebody asked to cancel the run; what it did stays."""


class EmptySource(RunFailed):
    """The source has no entry and the mapping does not allow that; nothing was touched."""


async def set_stage(run: Run, stage: Stage, **values: object) -> None:
    """Show the stage; also the place where a cancelled run stops."""
    async with run.call.runtime.database.write() as transaction:
        canceled = await runs.cancel_requested(transaction, run.id)
        shown = Stage.ACTIVE_CANCELING if canceled else stage
        saved = {"stage": shown.value, "statistics": run.statistics.dump(), **values}
        await runs.save(transaction, run.id, run.token, saved)
    if canceled:
        raise Canceled


async def check_canceled(run: Run) -> None:
    """Stop here when somebody had asked to by the end of the last transaction."""
    if run.cancel_asked:
        await set_stage(run, Stage.ACTIVE_CANCELING)


async def query_targets(run: Run) -> None:
    """The set of targets and the number of links; on a resumed run as they were when it began."""
    call, statistics = run.call, run.statistics
    if run.run_target_phase:
        with statistics.measure("targetQuery"):
            try:
                run.target_set = await _target_set(run)
            except ReconError as error:
                raise RunFailed(f"The target query failed: {error.message}") from error
        if run.resumed:
            run.target_set.was_empty = statistics.target_total == 0
        else:
            statistics.target_total = len(run.target_set)
    if run.mapping.prefetch_links and not run.resumed:
        with statistics.measure("linkQuery"):
            async with call.read() as transaction:
                links = await run.linkage.count(transaction, run.qualifiers)
        statistics.links_total = links or None


async def _target_set(run: Run) -> TargetSet:
    """What the target query gives, or the targets that the run is about."""
    call, query = run.call, run.target_query
    if run.target_ids is not None:
        found = TargetSet.of((run.linkage.target_key(id), id) for id in run.target_ids)
    else:
        listed = query.resource
        side = run.target if listed == run.mapping.target else target_side(call, listed)
        found = await side.target_set(call, query, run.linkage, run.row.checkpoint.get("horizon"))
    two_way = run.mapping.reconciliation is not None
    found.is_partial = two_way and (run.target_ids is not None or not query.is_complete)
    return found


async def restore_handled(run: Run) -> None:
    """On a resumed run: what committed pages accounted for."""
    async with run.call.read() as transaction:
        for page in await runs.pages(transaction, run.row.seq):
            if run.target_set is not None:
                run.target_set.handled(page.handled)


async def source_pages(run: Run, after: str) -> AsyncGenerator[SourcePage]:
    """Pages of the source, or of the ids of reconById."""
    size = run.call.runtime.settings.page_size
    if run.source_ids is not None:
        async for page in _pages_of_ids(run, run.source_ids, size, after):
            yield page
        return
    pages = run.source.pages(run.call, run.source_query, size, after)
    begun = perf_counter()
    try:
        async for page in pages:
            run.statistics.measured("sourceQuery", perf_counter() - begun)
            yield page
            begun = perf_counter()
    except RunFailed:
        raise
    except ReconError as error:
        raise RunFailed(f"The source query failed: {error.message}") from error


async def _pages_of_ids(run: Run, ids: Sequence[str], size: int, after: str) -> AsyncGenerator[SourcePage]:
    done = int(run.row.checkpoint.get("page", 0)) * size
    for first in range(done, max(len(ids), done + 1), size):
        some = ids[first : first + size]
        found, broken = await read_some(run.source, run.call, some)
        damaged = {one.id for one in broken}
        items = [(id, found.get(id)) for id in some if id not in damaged]
        yield SourcePage(items, broken, total=len(ids), cursor=after)


async def source_page(run: Run, page: SourcePage, number: int, offset: int = 0) -> None:
    """Reconcile one page of sources and commit it."""
    if run.sequential:
        for position, item in enumerate(page.items):
            if run.cancel_asked:
                return
            if position >= offset:
                await _source_transaction(run, SourcePage([item], cursor=page.cursor), number, position + 1)
        after = len(page.items) + 1
        if page.broken and offset < after:
            await _source_transaction(run, SourcePage([], page.broken, page.cursor), number, after)
        await _page_done(run, page, number)
        return
    await _source_transaction(run, page, number, None)


async def _source_transaction(run: Run, page: SourcePage, number: int, offset: int | None) -> None:
    bridge = Bridge.here()
    await hash_ahead(run, page)
    async with run.call.runtime.database.write() as transaction:
        await runs.hold(transaction, run.id, run.token)
        failpoint("R4")
        world = run.open_world(transaction, bridge)
        work = SourcePageWork(run, transaction, world)
        outcome = await work.process(page.items, page.broken, prefetch=not run.sequential)
        failpoint("R3")
        await world.publish()
        failpoint("R7")
        await record(run, transaction, outcome)
        failpoint("R5")
        handled = _handled(run, outcome)
        if offset is None:
            checkpoint = _checkpoint(run, number + 1, page.cursor)
            await runs.insert_page(transaction, run.row.seq, Phase.SOURCE, number, handled)
        else:
            checkpoint = _checkpoint(run, number, run.previous_cursor) | {"offset": offset}
            await runs.insert_page(
                transaction, run.row.seq, Phase.SOURCE, number * 1_000_000 + offset, handled
            )
        await _save(run, transaction, checkpoint, outcome)
        failpoint("R8")
    failpoint("R9")
    _raise_failure(outcome)


async def inform_planner(run: Run) -> None:
    """Tell the database how its tables have grown: after the first, second, fourth, ... page, and after the last."""
    database = run.call.runtime.database
    if not planner.wants_telling(database.dialect):
        return  # not even a turn at the lock of writers
    async with database.write() as transaction:
        await planner.inform(transaction)


async def _page_done(run: Run, page: SourcePage, number: int) -> None:
    run.previous_cursor = page.cursor
    async with run.call.runtime.database.write() as transaction:
        checkpoint = _checkpoint(run, number + 1, page.cursor)
        run.cancel_asked = await runs.save(transaction, run.id, run.token, {"checkpoint": checkpoint})


def _checkpoint(run: Run, page: int, cursor: str) -> dict[str, object]:
    """Where a successor goes on, and whether it may still conclude anything from an absence."""
    found = {"phase": "source", "page": page, "cursor": cursor, "complete": run.source_complete}
    return found | _horizon(run)


def _horizon(run: Run) -> dict[str, object]:
    return {} if run.target_set is None else {"horizon": run.target_set.horizon}


async def _save(run: Run, transaction: Transaction, checkpoint: dict[str, object], outcome: Outcome) -> None:
    """Statistics and checkpoint with the page; a successor must not go on after an entry that broke the run off."""
    if outcome.failure is not None:
        checkpoint["failure"] = outcome.failure.message
    if run.mapping.clustered:
        run.statistics.credit(run.owner)
    values = {"statistics": run.statistics.dump(), "checkpoint": checkpoint}
    run.cancel_asked = await runs.save(transaction, run.id, run.token, values)


async def target_page(run: Run, target_ids: Sequence[str], number: int) -> None:
    """Reconcile one page of targets that no source accounted for, and commit it.

    `number` counts transactions, of which the sequential lane has one a target.
    """
    if run.sequential:
        for position, target_id in enumerate(target_ids):
            if run.cancel_asked:
                return
            await _target_transaction(run, [target_id], number + position)
        return
    await _target_transaction(run, target_ids, number)


async def _target_transaction(run: Run, target_ids: Sequence[str], number: int) -> None:
    bridge = Bridge.here()
    async with run.call.runtime.database.write() as transaction:
        await runs.hold(transaction, run.id, run.token)
        world = run.open_world(transaction, bridge)
        outcome = await TargetPageWork(run, world).process(target_ids, prefetch=not run.sequential)
        await world.publish()
        await record(run, transaction, outcome)
        done = list(run.linkage.target_keys(target_ids))
        await runs.insert_page(transaction, run.row.seq, Phase.TARGET, number, done)
        checkpoint = {"phase": "target", "page": number + 1} | _horizon(run)
        await _save(run, transaction, checkpoint, outcome)
        failpoint("R13")
    failpoint("R9")
    _raise_failure(outcome)


def remaining_targets(run: Run) -> list[list[str]]:
    """Pages of targets that no source accounted for, as the target set stands now.

    A side that ignores case is visited by the lower-cased id.
    """
    if run.target_set is None:
        return []
    ignore = run.linkage.target_ignores_case
    ids = iter(run.target_set.remaining if ignore else run.target_set.remaining.values())
    size = run.call.runtime.settings.page_size
    return list(iter(lambda: list(islice(ids, size)), []))


def _handled(run: Run, outcome: Outcome) -> list[str]:
    keys = run.linkage.target_keys(outcome.handled())
    if run.target_set is not None:
        run.target_set.handled(keys)
    return list(keys)


def _raise_failure(outcome: Outcome) -> None:
    if outcome.failure is not None:
        raise outcome.failure
