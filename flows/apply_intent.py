"""Carrying out an approved action: one transaction that assesses anew, acts, and writes what came of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from approvals import catalogue, intents, records
from approvals.closing import close_process
from approvals.events import Event, task_event
from approvals.instances import ask_again
from approvals.intents import Intent
from approvals.records import Task
from approvals.states import IntentState, Outcome
from conf.errors import BadRequest, Conflict, NotFound, ReconError, Unavailable
from conf.terms import Action, Situation
from conf.transaction import Duplicate
from flows.failpoints import failpoint
from flows.perform import Asked, perform_action
from flows.workflow_audit import activity_audit, audit_refusal

if TYPE_CHECKING:
    from conf.database import Transaction
    from flows.call import Call, Runtime

W = TypeVar("W", Action, Situation)

#: what the engine says of an object that has gone: no successor task could be approved either
_GONE: Final = re.compile(r"(Source|Target) object .* does not exist", re.DOTALL)


class Performed(Protocol):
    """What `perform_action` answers."""

    @property
    def target_id(self) -> str | None: ...


class PerformAction(Protocol):
    """`flows.perform.perform_action`: assesses one object now and acts, inside the call's transaction.

    A situation that is not the expected one is a Conflict whose detail has `expected` and `found`.
    """

    async def __call__(  # noqa: PLR0913 - as `flows.perform` has it
        self,
        call: Call,
        mapping_name: str,
        action: Action,
        *,
        source_id: str | None = None,
        target_id: str | None = None,
        target_side: bool = False,
        link_qualifier: str = "default",
        situation: Situation | None = None,
        recon_id: str | None = None,
        task_id: str | None = None,
        approver: str | None = None,
    ) -> Performed: ...


class Lost(Exception):
    """Another worker has taken the order over."""


@dataclass(frozen=True)
class Changes:
    """Where a procedure wants something else than what was requested."""

    action: str | None = None
    source_id: str | None = None
    target_id: str | None = None
    target_side: bool | None = None
    any_situation: bool = False


@dataclass(frozen=True)
class Applied:
    """What came of an order."""

    state: IntentState
    code: int
    message: str | None = None
    detail: Any = None
    target_id: str | None = None


@dataclass(frozen=True)
class Refusal:
    """Why an act was refused, and what follows."""

    state: IntentState
    code: int


async def apply_intent(
    runtime: Runtime,
    intent_seq: int,
    *,
    token: int | None = None,
    perform: PerformAction | None = None,
    changes: Changes | None = None,
) -> Applied:
    """Carry out an order once, however often this is called; a crash anywhere leaves it undone or done.

    Raises Lost when `token` is not the order's, Unavailable when the database cannot take it now; any other error
    that is not of the product's own kind is a defect, undoes everything and is raised.
    """
    act = perform or performer(runtime)
    call = runtime.call()
    failpoint("P4")
    async with runtime.database.write() as tx:
        order = (await intents.load(tx, [intent_seq])).get(intent_seq)
        if order is None:
            raise NotFound(f"There is no order {intent_seq}")
        if order.state.is_final:
            return known(order)
        require_held(order, token)
        task = await records.task(tx, order.task)
        applied = await act_on(call.inside(tx), tx, act, order, task, changes or Changes())
        failpoint("P13")
    failpoint("P15")
    return applied


def require_held(order: Intent, token: int | None) -> None:
    """Raises Lost when `token` is not the order's."""
    if token is not None and order.token != token:
        raise Lost(f"order {order.seq} was taken over by {order.owner}")


async def give_up(runtime: Runtime, order: Intent, why: str) -> bool:
    """End an order that meets a defect again and again, so that a person is asked; False when it was settled."""
    call = runtime.call()
    async with runtime.database.write() as tx:
        current = (await intents.load(tx, [order.seq]))[order.seq]
        if current.state.is_final or current.token != order.token:
            return False
        task = await records.task(tx, order.task)
        error = Conflict(f"The approved action met an error inside the product: {why}")
        await refuse(call.inside(tx), tx, current, task, error, call.now())
    return True


def performer(runtime: Runtime) -> PerformAction:
    """What performs actions in this process."""
    found: PerformAction = runtime.extras.get("perform_action", perform_action)
    return found


def refusal(error: ReconError) -> Refusal:
    """How a refused act ends its order: the situation changed, or it is as expected and the act itself failed."""
    situation_changed = isinstance(error.detail, dict) and "found" in error.detail
    if situation_changed or isinstance(error, NotFound) or _GONE.fullmatch(error.message):
        return Refusal(IntentState.STALE, 409)
    return Refusal(IntentState.FAILED, 403 if error.status == 403 else 409)


async def act_on(
    call: Call, tx: Transaction, act: PerformAction, order: Intent, task: Task, changes: Changes
) -> Applied:
    """Carry out an order that is ours, within a transaction that somebody else commits."""
    now = call.now()
    performed = await _perform_or_refuse(call, tx, act, order, task, changes)
    if isinstance(performed, ReconError):
        return await refuse(call, tx, order, task, performed, now)
    failpoint("P11")
    await _settle(tx, order, IntentState.APPLIED, now, target_id=performed.target_id)
    failpoint("P12")
    await _close(tx, task, Outcome.APPROVED, None, now)
    await activity_audit(call)(tx, [performed_event(order, task, now)])
    return Applied(IntentState.APPLIED, 200, target_id=performed.target_id)


async def _perform_or_refuse(
    call: Call, tx: Transaction, act: PerformAction, order: Intent, task: Task, changes: Changes
) -> Performed | ReconError:
    """What was performed, or why it was refused; what a refusal itself has written (its audit) stays."""
    try:
        async with tx.savepoint():
            failpoint("P9")
            try:
                return await _perform(call, act, order, task, changes)
            except (Unavailable, Duplicate):
                raise
            except ReconError as error:
                return error
            finally:
                failpoint("P10")
    except Duplicate as error:
        return error


async def _perform(call: Call, act: PerformAction, order: Intent, task: Task, changes: Changes) -> Performed:
    asked = asked_for(order, task, changes)
    return await act(
        call,
        asked.mapping,
        asked.action,
        source_id=asked.source_id,
        target_id=asked.target_id,
        target_side=asked.target_side,
        link_qualifier=asked.link_qualifier,
        situation=asked.situation,
        recon_id=asked.recon_id,
        task_id=asked.task_id,
        approver=asked.approver,
    )


def asked_for(order: Intent, task: Task, changes: Changes) -> Asked:
    """The action that a task asks for; raises BadRequest where it makes no sense."""
    variables = task.variables
    situation = None if changes.any_situation else variables.get("situation") or None
    return Asked(
        str(variables.get("mapping")),
        _word(Action, changes.action or variables.get("action")),
        source_id=changes.source_id or variables.get("sourceId"),
        target_id=changes.target_id or variables.get("targetId"),
        target_side=task.side == "target" if changes.target_side is None else changes.target_side,
        link_qualifier=str(variables.get("linkQualifier") or task.qualifier),
        situation=None if situation is None else _word(Situation, situation),
        recon_id=task.recon_id,
        task_id=task.id,
        approver=order.approver,
    )


async def refuse(
    call: Call, tx: Transaction, order: Intent, task: Task, error: ReconError, now: int
) -> Applied:
    """End an order that was refused: tell why, and ask again where only the act failed."""
    end = refusal(error)
    message = error.message
    if end.state is IntentState.FAILED:
        successor = await ask_again(tx, task, message, now)
        message = f"{message} (task {successor} asks again)"
    else:
        await _close(tx, task, Outcome.STALE, message, now)
    await _settle(tx, order, end.state, now, code=end.code, message=message, detail=error.detail)
    await audit_refusal(call, tx, order, task, error)
    await activity_audit(call)(tx, [_event(order, task, message, now, "FAILURE")])
    return Applied(end.state, end.code, message, error.detail)


async def _settle(tx: Transaction, order: Intent, state: IntentState, now: int, **outcome: Any) -> None:
    if not await intents.settle(tx, order, state, now, **outcome):
        raise Lost(f"order {order.seq} was settled by somebody else")


async def _close(tx: Transaction, task: Task, outcome: Outcome, reason: str | None, now: int) -> None:
    """Where the procedure is nothing but the decision, its action ends it; others end when their procedure does."""
    declaration = (await catalogue.by_seq(tx, [task.definition]))[task.definition].declaration
    if declaration.decides_only:
        await close_process(tx, task.process, outcome, now, reason)


def performed_event(order: Intent, task: Task, now: int) -> Event:
    """What the audit is told of an order that was carried out."""
    return _event(order, task, "Approved action performed", now, "SUCCESS")


def _event(order: Intent, task: Task, message: str, now: int, status: str) -> Event:
    return task_event(
        "apply_task", task.seq, "ACTION", message, order.approver, now,
        status=status, runAs="system", reconId=task.recon_id, process=f"workflow/processinstance/{task.process}",
    )  # fmt: skip


def known(order: Intent) -> Applied:
    """What came of an order that is settled."""
    return Applied(order.state, order.outcome_code or 200, order.message, order.detail, order.target_id)


def _word(kind: type[W], text: Any) -> W:
    """The word in any letter case; people write `link` as well as LINK."""
    try:
        return kind(str(text).upper())
    except ValueError:
        raise BadRequest(f"'{text}' is not one of {', '.join(kind)}") from None
