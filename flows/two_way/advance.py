"""One two-way run, step by step: each call does what can be done now, and leaves off where a stage has to end first.

Everything that a step decides stands in the run's row before the next begins, and stages have ids that are known
beforehand; so whoever takes the run over goes on where the last worker stopped.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from conf.errors import ReconError, Unavailable
from conf.reconciliation_terms import Treatment
from conf.terms import RunState
from flows.failpoints import failpoint
from flows.run_script import run_script
from flows.statistics import Statistics
from flows.store import links, managed, runs, two_way
from flows.store.two_way_entries import target_ids, unsure_targets
from flows.two_way import custom, prepare, stages
from flows.two_way.guards import Sizes, held
from flows.two_way.plan import Plan, read_plan
from flows.two_way.results import write_some
from flows.two_way.state import Options, State
from flows.two_way.summary import sentence

if TYPE_CHECKING:
    from conf.reconciliation_schema import Reconciliation
    from flows.call import Call, Runtime
    from flows.launch import Launch
    from flows.store.two_way import TwoWayRun

Json = dict[str, Any]
_LOG = logging.getLogger("reconvene.two_way")

BROKEN = "An unexpected error ended the run; the log of the worker has it."


class Advance:
    """One run in the hands of one worker."""

    def __init__(self, runtime: Runtime, run: TwoWayRun) -> None:
        self.runtime, self.run = runtime, run
        self.state = State.load(run.request.get("state"))
        self.options = Options.load(run.request)
        self.call: Call = stages.stage_call(runtime, run, 0)
        self.configuration: Reconciliation | None = None

    async def until_it_waits(self) -> bool:
        """Go on as far as possible; True when anything was done."""
        try:
            self.configuration = self.runtime.project.reconciliation(self.run.name)
        except ReconError as error:
            await self._end("FAILED", error.message)
            return True
        moved = False
        while True:
            try:
                if not await self._step(self.configuration):
                    return moved
            except Unavailable:
                raise
            except ReconError as error:
                if self.state.step in ("results", "close"):
                    raise
                self._fail(error.message)
            except Exception:
                if self.state.step in ("results", "close"):
                    raise
                _LOG.exception("two-way run failed unexpectedly", extra={"run": self.run.id})
                self._fail(BROKEN)
            moved = True
            if self.state.step == "ended":
                return True
            failpoint("T1")
            await self._save()
            failpoint("T3")

    async def _step(self, configuration: Reconciliation) -> bool:
        """One step; False when a stage has to end first."""
        match self.state.step:
            case "prepare":
                await self._prepare(configuration)
            case "toIdm":
                await self._stage(configuration, stages.assess_idm(configuration, self.state), "toIdm.")
            case "toResource":
                launch = stages.assess_resource(configuration, self.state, await self._unseen())
                await self._stage(configuration, launch, "toResource.")
            case "guard":
                await self._guard(configuration)
            case "performResource":
                plan = await self._plan(configuration)
                launch = stages.perform(
                    configuration.to_resource, plan.resource_sources, plan.resource_targets
                )
                await self._stage(configuration, launch, "performResource.")
            case "performIdm":
                plan = await self._plan(configuration)
                launch = stages.perform(configuration.to_idm, plan.idm_sources, plan.idm_targets)
                await self._stage(configuration, launch, "performIdm.")
            case "results":
                await self._results(configuration)
            case "close":
                await self._close(configuration)
            case waiting:
                return await self._waited(waiting.removesuffix("."))
        return True

    # steps

    async def _prepare(self, configuration: Reconciliation) -> None:
        await self._set(status="STARTED")
        scope = custom.scope_of(configuration, self.run)
        if configuration.pre_processor is not None:
            await run_script(self.call, configuration.pre_processor, scope)
        if configuration.custom_processor is not None:
            await custom.process(self.call, configuration, self.run, scope)
            self.state.step = "close"
            return
        self.state = await prepare.prepare(self.call, configuration, self.run, self.options)

    async def _stage(self, configuration: Reconciliation, launch: Launch | None, waiting: str) -> None:
        """Launch a stage and wait for it, or go on where there is nothing for it to do."""
        if await self._is_stopping():
            self.state.stopped, self.state.step = True, "results"
            return
        if launch is None:
            self.state.step = self._after(waiting.removesuffix("."))
            return
        stage = await stages.begin(self.runtime, configuration, self.run, self.state, launch)
        failpoint("T2")
        self.state.step = waiting
        column = "to_idm_run" if stage.to_idm else "to_resource_run"
        await self._set(**{column: stage.run})

    async def _waited(self, step: str) -> bool:
        """Go on when the stage has ended."""
        stage = self.state.stages[-1]
        async with self.runtime.database.read() as transaction:
            row = await runs.read(transaction, stage.run)
        if row is None:
            self._fail(f"Stage {stage.run} is gone")
            return True
        if not row.ended:
            return False
        if row.state is RunState.CANCELED:
            self.state.stopped, self.state.step = True, "results"
        elif row.state is RunState.FAILED:
            self._fail(row.reason or "A stage failed")
        elif await self._is_stopping():
            self.state.stopped, self.state.step = True, "results"
        else:
            self.state.step = self._after(step)
        return True

    def _after(self, step: str) -> str:
        following = {
            "toIdm": "toResource",
            "toResource": "guard",
            "performResource": "performIdm",
            "performIdm": "results",
        }
        return following[step]

    async def _guard(self, configuration: Reconciliation) -> None:
        if configuration.treatment is Treatment.RECORD:
            self.state.step = "results"
            return
        plan = await self._plan(configuration)
        sizes = await self._sizes(configuration)
        reason = held(plan.destructive, sizes, configuration.guard, self.options.allow)
        if reason:
            self._fail(reason)
            return
        self.state.step = "performResource"

    async def _results(self, configuration: Reconciliation) -> None:
        async with self.runtime.database.write() as transaction:
            more = await write_some(transaction, configuration, self.run.id, self.state)
        failpoint("T4")
        if not more:
            self.state.step = "close"

    async def _close(self, configuration: Reconciliation) -> None:
        failure = self.state.failure
        status = "FAILED" if failure else "STOPPED" if self.state.stopped else "FINISHED"
        if configuration.post_processor is not None:
            scope = custom.scope_of(configuration, self.run) | {"status": status, "message": failure}
            try:
                await run_script(self.call, configuration.post_processor, scope)
            except ReconError as error:
                if status == "FINISHED":
                    status = "FAILED"
                failure = f"{failure} The post-processor failed: {error.message}".strip()
        if status == "FINISHED" and configuration.treatment is not Treatment.RECORD:
            await prepare.keep_token(self.call, configuration, self.run, self.state)
        await self._end(status, failure)

    # facts

    async def _plan(self, configuration: Reconciliation) -> Plan:
        async with self.runtime.database.read() as transaction:
            return await read_plan(transaction, configuration, self.state)

    async def _unseen(self) -> list[str]:
        """Objects that the first stage could not tell of: changed ones, and those without a record that it knew."""
        found = dict.fromkeys(self.state.changed_idm)
        async with self.runtime.database.read() as transaction:
            for stage in self.state.stages:
                row = await runs.read(transaction, stage.run)
                if row is None:
                    continue
                for id in await target_ids(transaction, row.seq) if found else ():
                    found.pop(id, None)
                for entry in await unsure_targets(transaction, row.seq):
                    found[entry] = None
        return list(found)

    async def _sizes(self, configuration: Reconciliation) -> Sizes:
        async with self.runtime.database.read() as transaction:
            objects = await managed.count(transaction, configuration.idm_type)
            linked = sum((await links.counts(transaction, configuration.to_resource)).values())
            records = 0
            for stage in self.state.stages:
                row = await runs.read(transaction, stage.run)
                if row is not None and stage.to_idm and stage.assesses:
                    records = max(records, Statistics.load(row.statistics).source_total or 0)
        return Sizes(objects, records if not self.state.is_incremental else max(linked, records))

    async def _is_stopping(self) -> bool:
        async with self.runtime.database.read() as transaction:
            run = await two_way.read_run(transaction, self.run.id)
        return run is None or run.status == "STOPPING"

    # keeping

    def _fail(self, reason: str) -> None:
        self.state.failure, self.state.step = reason, "results"

    async def _save(self) -> None:
        await self._set(request={**self.options.dump(), "state": self.state.dump()})

    async def _set(self, **values: Any) -> None:
        async with self.runtime.database.write() as transaction:
            if values.get("status") == "STARTED":
                now = await two_way.read_run(transaction, self.run.id)
                if now is not None and now.status == "STOPPING":
                    values.pop("status")
            if values:
                await two_way.update_run(transaction, self.run.id, **values)

    async def _end(self, status: str, failure: str) -> None:
        self.state.step = "ended"
        failpoint("T5")
        async with self.runtime.database.write() as transaction:
            counts = await two_way.totals(transaction, self.run.id)
            await two_way.update_run(
                transaction,
                self.run.id,
                status=status,
                ended=self.runtime.clock(),
                message=failure or sentence(counts, stopped=status == "STOPPED"),
                counts=counts,
                owner=None,
                lease_until=None,
                request={**self.options.dump(), "state": self.state.dump()},
            )
            transaction.after_commit(lambda: self.runtime.wake("run"))
        _LOG.info("two-way run ended", extra={"run": self.run.id, "status": status})
