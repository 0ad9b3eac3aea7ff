"""The decisions lane of a worker: what was approved is carried out, level-triggered, and Prefect shows it.

Everything here looks at rows, not at messages: a lost wake-up, a crash anywhere or a second worker changes when
something happens, never whether or how often.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from approvals import catalogue, intents, records
from approvals.definitions import ProcessDeclaration
from approvals.intents import Intent
from approvals.states import FlowState
from conf.errors import ReconError, Unavailable
from flows.apply_intent import Lost, apply_intent, give_up
from flows.apply_page import apply_page
from flows.approval_advance import advance
from flows.approval_lane import Presence, back_off_ms, lane_of
from flows.approval_linking import reconcile_flow_runs
from flows.failpoints import failpoint
from flows.flow_runs import Driven, PrefectAway
from flows.procedure_runs import Runs
from flows.workflow_project import definitions_of

if TYPE_CHECKING:
    from flows.call import Runtime
    from flows.flow_runs import FlowRuns
    from flows.process import ProcessDefinition

__all__ = ["drain_intents", "reconcile_flow_runs"]

PAGE: Final = 100
"""Orders looked at, and carried out, at once."""
BULK: Final = 20
"""So many ready at once are applied directly; their flow runs are closed in bulk."""
IMPATIENT_MS: Final = 2_000
"""Somebody who has waited so long is not kept waiting for Prefect as well."""
RENEW_MS: Final = 5_000
MOST_ATTEMPTS: Final = 8
"""A defect is met so many times before the approver is told; a busy database is waited for without end."""

_LOG = logging.getLogger(__name__)


class Way(StrEnum):
    """How an order is carried out."""

    DIRECT = "direct"
    """By its own transaction, without the procedure."""
    PROCEDURE = "procedure"
    """By the procedure, in its flow run where there is Prefect."""
    LATER = "later"


@dataclass(frozen=True)
class Due:
    """An order that is due, with what decides about its way."""

    intent: Intent
    process: records.Process
    declaration: ProcessDeclaration
    definition: ProcessDefinition | None


def way(due: Due, presence: Presence, at_once: int, now: int) -> Way:
    """How to carry out an order. Pure."""
    if not due.declaration.decides_only:
        return Way.PROCEDURE if due.definition and presence in (Presence.NONE, Presence.HERE) else Way.LATER
    shown = due.process.flow_state == FlowState.SUSPENDED and due.process.flow_run_id is not None
    if presence in (Presence.NONE, Presence.AWAY) or due.definition is None or not shown:
        return Way.DIRECT
    fresh = 0 <= now - due.intent.created_at < IMPATIENT_MS
    if at_once >= BULK or due.intent.attempts > 1 or not fresh:
        return Way.DIRECT
    return Way.PROCEDURE if presence is Presence.HERE else Way.LATER


async def drain_intents(runtime: Runtime, prefect: FlowRuns | None, owner: str) -> int:
    """Carry out what is due now, one page at most; answers how much was done, 0 when nothing was due.

    `owner` names this lane in the leases.
    """
    definitions = await definitions_of(runtime)
    # a look is all that an idle worker costs: nobody waits for its turn to write
    async with runtime.database.read() as tx:
        due = await intents.due(tx, runtime.clock(), limit=PAGE)
        busy = bool(await tx.fetch("select 1 from recon_run where working = 1 limit 1"))
    done = 0
    if due:
        lane = lane_of(runtime)
        presence = await lane.presence(prefect, runtime.clock())
        drain = _Drain(runtime, prefect, definitions, presence, owner)
        done = await drain.carry_out(due, busy=busy and runtime.database.dialect == "sqlite")
    return done + await advance(runtime, prefect, definitions)


class _Drain:
    """Carries out a page of orders."""

    def __init__(
        self,
        runtime: Runtime,
        prefect: FlowRuns | None,
        definitions: Mapping[str, ProcessDefinition],
        presence: Presence,
        owner: str,
    ) -> None:
        self._runtime = runtime
        self._prefect = prefect
        self._definitions = definitions
        self._presence = presence
        self._owner = owner
        self._runs = Runs(runtime, prefect)

    async def carry_out(self, orders: Sequence[Intent], *, busy: bool) -> int:
        """Whatever needs no procedure in pages, the rest one by one. `busy`: a run is writing all the time."""
        queue = await self._due(orders)
        now = self._runtime.clock()
        direct: list[Due] = []
        left: list[Due] = []
        for due in queue:
            how = way(due, self._presence, BULK if busy else len(queue), now)
            (direct if how is Way.DIRECT else left).append(due)
        done = await self._in_pages(direct)
        return done + await self._one_by_one(left, len(queue))

    async def _one_by_one(self, queue: Sequence[Due], at_once: int, how: Way | None = None) -> int:
        done = 0
        queue = await self._claim(queue)
        renewed = self._runtime.clock()
        for index, due in enumerate(queue):
            renewed = await self._renew(queue[index:], renewed)
            now = self._runtime.clock()
            done += await self._one(due, how or way(due, self._presence, at_once, now))
        return done

    async def _claim(self, queue: Sequence[Due]) -> list[Due]:
        if not queue:
            return []
        async with self._runtime.database.write() as tx:
            seqs = [due.intent.seq for due in queue]
            claimed = await intents.claim(tx, self._owner, self._runtime.clock(), seqs)
            failpoint("P2")
        failpoint("P3")
        held = {intent.seq: intent for intent in claimed}
        return [replace(due, intent=held[due.intent.seq]) for due in queue if due.intent.seq in held]

    async def _in_pages(self, queue: Sequence[Due]) -> int:
        """Carry out what needs no procedure, many orders to a transaction."""
        done = 0
        left = {due.intent.seq: due for due in queue}
        while left:
            try:
                page = await apply_page(self._runtime, list(left), self._owner)
            except Unavailable:
                raise
            except Exception:
                _LOG.exception("a page of %d orders failed; each is carried out by itself", len(left))
                return done + await self._one_by_one(list(left.values()), len(left), Way.DIRECT)
            for seq, result in page.results.items():
                if isinstance(result, Exception):
                    done += await self._failed(replace(left[seq], intent=page.claimed[seq]), result)
                else:
                    done += 1
            # what the page had no time for was given back; the rest is done, or somebody else's
            left = {seq: left[seq] for seq in page.claimed if seq not in page.results}
        return done

    async def _renew(self, queue: Sequence[Due], renewed: int) -> int:
        """Hold what is still to be done, when that has not been said for a while; answers when it was last said."""
        now = self._runtime.clock()
        if 0 <= now - renewed <= RENEW_MS:
            return renewed
        async with self._runtime.database.write() as tx:
            await intents.renew(tx, [each.intent for each in queue], now)
        return now

    async def _due(self, orders: Sequence[Intent]) -> list[Due]:
        async with self._runtime.database.read() as tx:
            processes = {each.seq: each for each in await records.processes(tx, {i.process for i in orders})}
            published = await catalogue.by_seq(tx, {process.definition for process in processes.values()})
        return [
            Due(
                intent,
                process := processes[intent.process],
                published[process.definition].declaration,
                self._definitions.get(process.definition_key),
            )
            for intent in orders
        ]

    async def _one(self, due: Due, how: Way) -> int:
        try:
            if how is Way.PROCEDURE and due.definition is not None:
                how = await self._procedure(due, due.definition)
            if how is Way.DIRECT:
                await apply_intent(self._runtime, due.intent.seq, token=due.intent.token)
        except Lost:
            return 0
        except Unavailable:
            await self._release(due, "the database was busy")
            raise
        except (ReconError, Exception) as error:
            return await self._failed(due, error)
        if how is Way.LATER:
            await self._release(due, None)
            return 0
        return 1

    async def _procedure(self, due: Due, definition: ProcessDefinition) -> Way:
        """Carry out by the procedure; answers DIRECT or LATER where that could not be."""
        try:
            driven = await self._runs.carry_out(due.process, definition, {due.intent.seq: due.intent.token})
        except PrefectAway as error:
            _LOG.warning("Prefect does not answer: %s", error)
            now = self._runtime.clock()
            if self._prefect is not None:
                self._presence = lane_of(self._runtime).note_away(self._prefect, now)
            if await self._is_settled(due):
                return Way.PROCEDURE
            return way(due, self._presence, 1, now) if due.declaration.decides_only else Way.LATER
        if driven is Driven.DONE:
            return Way.PROCEDURE
        return Way.DIRECT if due.declaration.decides_only else Way.LATER

    async def _is_settled(self, due: Due) -> bool:
        async with self._runtime.database.read() as tx:
            found = (await intents.load(tx, [due.intent.seq]))[due.intent.seq]
        return found.state.is_final

    async def _failed(self, due: Due, error: Exception) -> int:
        """A defect, of ours or of the project: try again later, and at last tell the approver."""
        _LOG.error("order %d of process %d failed", due.intent.seq, due.process.seq, exc_info=error)
        if await self._is_settled(due):
            return 1
        if due.intent.attempts >= MOST_ATTEMPTS:
            return int(await give_up(self._runtime, due.intent, f"{type(error).__name__}: {error}"))
        await self._release(due, str(error))
        return 0

    async def _release(self, due: Due, message: str | None) -> None:
        now = self._runtime.clock()
        pause = back_off_ms(due.intent.attempts) if message else 250
        async with self._runtime.database.write() as tx:
            await intents.release(tx, due.intent, now + pause, message)
