"""A reconciliation run from its first query to its summary, step by step through the shell it was given."""

from __future__ import annotations

import logging
from contextlib import aclosing
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from conf.errors import ReconError, Unavailable
from conf.terms import Stage
from flows.engine.failures import RunFailed
from flows.failpoints import failpoint
from flows.recon import phases
from flows.recon.closing import finish, open_audit, run_result_script
from flows.recon.opening import find_qualifiers, open_run
from flows.recon.phases import Canceled, EmptySource
from flows.recon.preparing import index_correlation
from flows.recon.reading_ahead import reading_ahead
from flows.shell import Interrupted
from flows.store.runs import LeaseLost

if TYPE_CHECKING:
    from flows.call import Runtime
    from flows.recon.run import Run
    from flows.shell import Shell

LOG = logging.getLogger("reconvene.recon")

EMPTY_SOURCE = "Cannot reconcile from an empty data source, unless allowEmptySourceSet is true."


async def execute_run(runtime: Runtime, run_id: str, owner: str, token: int, shell: Shell) -> None:
    """Carry out a claimed run to its end, or go on where its last owner stopped.

    The outcome stands in the run's row; only Interrupted and LeaseLost leave this function, both of which mean that
    somebody else goes on.
    """
    try:
        run = await open_run(runtime, run_id, owner, token, shell)
    except ReconError as error:
        if isinstance(error, LeaseLost):
            raise
        if isinstance(error, Unavailable):
            raise Interrupted(error.message) from error
        await finish(runtime, run_id, token, Stage.COMPLETED_FAILED, reason=error.message)
        return
    failpoint("R1")
    stage, reason = Stage.COMPLETED_SUCCESS, None
    try:
        await reconcile(run)
    except Canceled:
        stage = Stage.COMPLETED_CANCELED
    except EmptySource as failure:
        stage, reason = Stage.COMPLETED_FAILED, failure.message
    except LeaseLost:
        raise
    except Unavailable as error:
        # the run keeps its last committed page and goes on from there when the database takes something again
        LOG.warning("run interrupted", extra={"run": run_id, "reason": error.message})
        raise Interrupted(error.message) from error
    except ReconError as error:
        stage, reason = Stage.COMPLETED_FAILED, error.message
        LOG.warning("run failed", extra={"run": run_id, "reason": reason})
        await run_result_script(run, quiet=True)
    except Exception:
        LOG.exception("run failed unexpectedly", extra={"run": run_id})
        stage, reason = (
            Stage.COMPLETED_FAILED,
            "An unexpected error ended the run; the log of the worker has it.",
        )
    finally:
        run.session.close()
    failpoint("R14")
    await finish(runtime, run_id, token, stage, reason=reason, run=run)
    failpoint("R15")


async def reconcile(run: Run) -> None:
    """The phases in order: query, source phase, target phase, link clean-up, results."""
    checkpoint = run.row.checkpoint
    in_target_phase = checkpoint.get("phase") == "target"
    if failure := checkpoint.get("failure"):
        raise RunFailed(failure)
    await phases.set_stage(run, Stage.ACTIVE_QUERY_ENTRIES)
    await find_qualifiers(run)
    if not checkpoint:
        await run.shell.step("query", partial(open_audit, run))
    if not in_target_phase:
        await source_phase(
            run, checkpoint.get("page", 0), checkpoint.get("cursor", ""), checkpoint.get("offset", 0)
        )
    else:
        await phases.query_targets(run)
        await phases.restore_handled(run)
    if run.run_target_phase:
        await target_phase(run, checkpoint.get("page", 0) if in_target_phase else 0)
    await phases.set_stage(run, Stage.ACTIVE_LINK_CLEANUP)
    await run.shell.step("link clean-up", partial(link_clean_up, run))
    await phases.set_stage(run, Stage.ACTIVE_PROCESSING_RESULTS)
    await run.shell.step("results", partial(run_result_script, run))


async def source_phase(run: Run, number: int, cursor: str, offset: int) -> None:
    """Every page of the source; the targets are queried once the source has shown an entry."""
    begun: float | None = None
    run.previous_cursor = cursor
    read = phases.source_pages(run, cursor)
    async with aclosing(reading_ahead(read) if run.reads_ahead else read) as pages:
        async for page in pages:
            failpoint("R2")
            known = len(page.items) + len(page.broken)
            if begun is None:
                if number == 0 and offset == 0 and not known and not run.allow_empty_source_set:
                    run.statistics.source_total = 0
                    raise EmptySource(EMPTY_SOURCE)
                await run.shell.step("target query", partial(phases.query_targets, run))
                await phases.restore_handled(run)
                await index_correlation(run, page)
                begun = perf_counter()
                await phases.set_stage(run, Stage.ACTIVE_RECONCILING_SOURCE)
            # counted with the page and not before: a run that dies in between would count it twice
            if page.total is not None:
                run.statistics.source_total = page.total
            elif not offset:
                run.statistics.source_total = (run.statistics.source_total or 0) + known
            page_begun = perf_counter()
            await run.shell.step(
                f"source phase, page {number + 1}", partial(phases.source_page, run, page, number, offset)
            )
            if run.mapping.clustered:
                run.statistics.measured("sourcePagePhase", perf_counter() - page_begun)
            run.last_page_complete = page.complete
            number, offset = number + 1, 0
            await show_progress(run)
            await phases.check_canceled(run)
            # a first load makes a large target of an empty one; a page that is not full is the last
            if number & (number - 1) == 0 and known >= run.call.runtime.settings.page_size:
                await phases.inform_planner(run)
                await index_correlation(run, page)
            failpoint("R10")
    await phases.inform_planner(run)
    failpoint("R11")
    if begun is not None:
        run.statistics.measured("sourcePhase", perf_counter() - begun)


async def target_phase(run: Run, number: int) -> None:
    """Every target that no source accounted for, unless the source may not have been read whole."""
    if not (run.source_complete and run.last_page_complete):
        run.note("The source could not be read whole, so the target phase was left out.")
        return
    await phases.set_stage(run, Stage.ACTIVE_RECONCILING_TARGET)
    failpoint("R12")
    with run.statistics.measure("targetPhase"):
        for page in phases.remaining_targets(run):
            shown = number // run.call.runtime.settings.page_size if run.sequential else number
            await run.shell.step(
                f"target phase, page {shown + 1}", partial(phases.target_page, run, page, number)
            )
            number += len(page) if run.sequential else 1
            await phases.check_canceled(run)
            await show_progress(run)


async def link_clean_up(run: Run) -> None:
    """Links whose both ends are gone do nobody harm and tell history; they are counted by `recon doctor`."""


async def show_progress(run: Run) -> None:
    """Tell the shell how far the run is."""
    done = run.statistics.source_processed
    total = run.statistics.source_total
    fraction = min(done / total, 1.0) if total else None
    await run.shell.progress(fraction, f"{done} of {total if total is not None else '?'} sources")
