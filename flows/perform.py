"""One action on one pair, outside of a run: `sync?_action=performAction`, and what an approval leads to.

The situation is assessed anew; when the caller expected another one, nothing is done and the call is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conf.errors import BadRequest, Conflict, ReconError
from conf.terms import DEFAULT_QUALIFIER, Action, EntryStatus, Situation
from flows.engine.entry import Entry
from flows.engine.failures import RunFailed
from flows.engine.operation import Operation
from flows.engine.policies import first_post_action
from flows.engine.source import SourceOperation
from flows.engine.target import TargetOperation
from flows.own_thread import in_own_thread
from flows.recon.pair import Pair, open_pair
from flows.recon.recording import record_performed

if TYPE_CHECKING:
    from flows.call import Call


@dataclass(frozen=True)
class Performed:
    """What was done."""

    situation: Situation
    action: Action
    target_id: str | None
    entry: Entry


@dataclass(frozen=True)
class Asked:
    """One action as it is asked for."""

    mapping: str
    action: Action
    source_id: str | None = None
    target_id: str | None = None
    target_side: bool = False
    link_qualifier: str = DEFAULT_QUALIFIER
    situation: Situation | None = None
    """The situation that the caller expects; None takes whatever is found."""
    ignore_post_action: bool = False
    recon_id: str | None = None
    """Run under whose id the outcome is audited; without it nothing is."""
    task_id: str | None = None
    approver: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)


async def perform_action(  # noqa: PLR0913 - the parameters of the REST action
    call: Call,
    mapping_name: str,
    action: Action,
    *,
    source_id: str | None = None,
    target_id: str | None = None,
    target_side: bool = False,
    link_qualifier: str = DEFAULT_QUALIFIER,
    situation: Situation | None = None,
    ignore_post_action: bool = False,
    recon_id: str | None = None,
    task_id: str | None = None,
    approver: str | None = None,
) -> Performed:
    """Re-assess and act, in one transaction (the call's own when it has one).

    Raises Conflict with detail {expected, found} for another situation, NotFound for an unknown mapping, Conflict for
    a source or target that does not exist, and whatever refused the act (403 with the policies that failed). With a
    `recon_id` a refusal is audited too. What was written before the refusal (an object whose link failed) stays.
    """
    asked = Asked(
        mapping_name,
        action,
        source_id,
        target_id,
        target_side,
        link_qualifier,
        situation,
        ignore_post_action,
        recon_id,
        task_id,
        approver,
    )
    if target_side and target_id is None:
        raise BadRequest("A target action needs the parameter targetId")
    if not target_side and source_id is None:
        raise BadRequest("The parameter sourceId is missing (or target and targetId for a target action)")
    async with call.write() as transaction:
        inside = call.inside(transaction)
        pair = await open_pair(inside, mapping_name, run_id=recon_id)
        try:
            entry, error = await _act(pair, asked)
        finally:
            pair.close()
        if recon_id is not None and entry.reported:
            await record_performed(inside, pair.mapping, entry, asked)
    if error is not None and entry.action is not Action.EXCEPTION:
        raise error
    if entry.situation is None:
        raise Conflict(entry.message or "The situation could not be assessed")
    return Performed(entry.situation, action, entry.target_id, entry)


async def _act(pair: Pair, asked: Asked) -> tuple[Entry, ReconError | None]:
    """The entry, and the error that made it fail."""
    world = pair.world
    if asked.target_side:
        operation: Operation = TargetOperation(
            pair.rules, world, asked.link_qualifier, run_id=asked.recon_id, target_id=asked.target_id
        )
    else:
        source = await pair.read_source(asked.source_id or "")
        if source is None:
            raise gone(f"Source object {pair.mapping.source}/{asked.source_id}", asked)
        operation = SourceOperation(
            pair.rules,
            world,
            asked.link_qualifier,
            run_id=asked.recon_id,
            source_id=asked.source_id,
            source=source,
            target_id=asked.target_id,
        )
    found: list[tuple[Entry, ReconError | None]] = []

    def work() -> None:
        found.append(entry_of(operation, asked, pair))

    await in_own_thread(work)
    await world.publish()
    return found[0]


def entry_of(operation: Operation, asked: Asked, pair: Pair) -> tuple[Entry, ReconError | None]:
    """Runs in a thread: assess, compare with what was expected, act."""
    if asked.target_id is not None and operation.load_target() is None:
        shown = f"{pair.mapping.target}/{asked.target_id}" if asked.target_side else asked.target_id
        raise gone(f"Target object {shown}", asked)
    entry = Entry(operation.phase, operation.qualifier, source_id=operation.source_id)
    try:
        entry.situation = operation.situation = operation.assess()
    except RunFailed as error:
        return operation.failed(entry, error), error
    except ReconError as error:
        return operation.failed(entry, error), error
    operation.had_link = operation.link is not None
    entry.ambiguous = operation.ambiguous
    if asked.situation is not None and asked.situation is not entry.situation:
        mismatch = Conflict(
            f"Expected situation does not match. Expected: {asked.situation}, Found: {entry.situation}",
            detail={"expected": str(asked.situation), "found": str(entry.situation)},
        )
        return operation.failed(entry, mismatch), mismatch
    entry.action = asked.action
    if pair.rules.responder is not None:
        try:
            operation.answer = pair.rules.responder.respond(operation, approved=True)
        except ReconError as error:
            return operation.failed(entry, error), error
        if operation.answer.action is not asked.action:
            otherwise = Conflict(
                f"{asked.action} is not what the configuration answers here; it is {operation.answer.action}"
            )
            return operation.failed(entry, otherwise), otherwise
    policies = pair.rules.policies.get(entry.situation, ())
    post_action = None if asked.ignore_post_action else first_post_action(policies)
    errors: list[ReconError] = []
    closed = operation.act(entry, post_action, errors.append)
    if errors and closed.status is EntryStatus.FAILURE:
        return closed, errors[0]
    return closed, None


def gone(what: str, asked: Asked) -> Conflict:
    """The error for an object that the request was about and that is no more."""
    expected = None if asked.situation is None else str(asked.situation)
    return Conflict(f"{what} does not exist", detail={"expected": expected, "found": None})
