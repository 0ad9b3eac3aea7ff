"""Carrying out approved actions in pages: one transaction for many orders that need no procedure of their own.

Orders of one mapping in the set lane are performed together, in a few statements; all others one after the other, each
of which can fail alone.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from approvals import intents, records
from approvals.closing import close_decided
from approvals.states import IntentState, Outcome
from conf.errors import ReconError, Unavailable
from flows.apply_intent import (
    Applied,
    Changes,
    act_on,
    asked_for,
    performed_event,
    performer,
    refuse,
)
from flows.failpoints import failpoint
from flows.perform import Asked, Performed, perform_action
from flows.perform_page import in_page, perform_page
from flows.workflow_audit import activity_audit

if TYPE_CHECKING:
    from approvals.intents import Intent
    from approvals.records import Task
    from conf.database import Transaction
    from flows.call import Call, Runtime

SECONDS: Final = 0.5
"""A page commits after so long, so that decisions and runs never wait long for their turn."""

Result = Applied | Exception


@dataclass(frozen=True)
class Page:
    """What a page claimed, and what came of each order that it had time for, by number."""

    claimed: Mapping[int, Intent]
    results: Mapping[int, Result]


async def apply_page(runtime: Runtime, seqs: Sequence[int], owner: str) -> Page:
    """Claim orders of processes that only decide, carry them out, and commit all that together.

    One transaction, because each turn to write may be long in coming while a run is at work. What goes wrong with one
    order alone is its result, and the order is then claimed by `owner`; whatever is raised has undone the page.
    """
    failpoint("P4")
    async with runtime.database.write() as tx:
        claimed = await intents.claim(tx, owner, runtime.clock(), seqs)
        failpoint("P2")
        tasks = {task.seq: task for task in await records.tasks(tx, [order.task for order in claimed])}
        work = _Work(runtime, tx, tasks)
        await work.carry_out(claimed)
        await intents.put_back(tx, [order for order in claimed if order.seq not in work.results])
        failpoint("P13")
    failpoint("P15")
    return Page({order.seq: order for order in claimed}, work.results)


class _Work:
    """One transaction's orders, and what came of them."""

    def __init__(self, runtime: Runtime, tx: Transaction, tasks: Mapping[int, Task]) -> None:
        self._runtime = runtime
        self._tx = tx
        self._tasks = tasks
        self._end = time.monotonic() + SECONDS
        self.results: dict[int, Result] = {}

    async def carry_out(self, orders: Sequence[Intent]) -> None:
        for order in await self._together(orders):
            self.results[order.seq] = await self._alone(order)
            if time.monotonic() >= self._end:
                break

    async def _together(self, orders: Sequence[Intent]) -> list[Intent]:
        """Perform what can be performed together; answers the rest."""
        if performer(self._runtime) is not perform_action:
            return list(orders)
        serving = {mapping.name for mapping in self._runtime.project.all_mappings if not mapping.problems}
        groups: dict[str, list[_Due]] = defaultdict(list)
        for order in orders:
            task = self._tasks[order.task]
            try:
                asked = asked_for(order, task, Changes())
            except ReconError:
                continue
            if in_page(asked):
                groups[asked.mapping].append(_Due(order, task, asked))
        for mapping, group in groups.items():
            if mapping not in serving:
                continue
            call = self._runtime.call().inside(self._tx)
            failpoint("P9")
            performed = await perform_page(call, mapping, [due.asked for due in group])
            failpoint("P10")
            if performed is not None:
                await self._settle(call, group, performed)
        return [order for order in orders if order.seq not in self.results]

    async def _settle(
        self, call: Call, group: Sequence[_Due], performed: Sequence[Performed | ReconError]
    ) -> None:
        tx, now = self._tx, call.now()
        done: list[tuple[_Due, Performed]] = []
        for due, answer in zip(group, performed, strict=True):
            if isinstance(answer, ReconError):
                self.results[due.order.seq] = await refuse(call, tx, due.order, due.task, answer, now)
            else:
                done.append((due, answer))
        failpoint("P11")
        await intents.settle_applied(tx, [(due.order, answer.target_id) for due, answer in done], now)
        failpoint("P12")
        await close_decided(tx, [due.task.process for due, _ in done], Outcome.APPROVED, now)
        await activity_audit(call)(tx, [performed_event(due.order, due.task, now) for due, _ in done])
        for due, answer in done:
            self.results[due.order.seq] = Applied(IntentState.APPLIED, 200, target_id=answer.target_id)

    async def _alone(self, order: Intent) -> Result:
        call = self._runtime.call().inside(self._tx)
        try:
            async with self._tx.savepoint():
                return await act_on(
                    call, self._tx, performer(self._runtime), order, self._tasks[order.task], Changes()
                )
        except Unavailable:
            raise
        except Exception as error:
            return error


@dataclass(frozen=True)
class _Due:
    """An order, its task, and what that asks for."""

    order: Intent
    task: Task
    asked: Asked
