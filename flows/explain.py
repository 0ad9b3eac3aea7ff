"""Why an object has its situation and action, with the evidence: the engine itself, on a world that only notes.

Nothing is written: the transaction only reads, effects are noted instead of done, and scripts may ask `openidm` but not
change anything through it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from conf.errors import BadRequest, Forbidden, NotFound, ReconError
from conf.terms import DEFAULT_ACTIONS, Action, EntryStatus
from flows.engine.entry import Effect, Entry
from flows.engine.failures import RunFailed
from flows.engine.operation import Operation
from flows.engine.source import SourceOperation
from flows.engine.target import TargetOperation
from flows.explain_attributes import Attributes, masked, secrets_of
from flows.explain_rules import Trace, traced
from flows.explain_words import sentences
from flows.explain_world import Noted, RecordingWorld
from flows.own_thread import in_own_thread
from flows.recon.bridge import Bridge
from flows.recon.pair import Pair, open_pair
from flows.recon.qualifiers import qualifiers_for
from flows.script_calls import dispatch
from flows.scripts.references import READERS

if TYPE_CHECKING:
    from conf.mapping import ObjectMapping
    from flows.call import Call

Json = dict[str, Any]

WRITING: Final = frozenset({Action.CREATE, Action.UPDATE, Action.LINK, Action.DELETE, Action.UNLINK})


@dataclass
class Explanation:
    """One object under one link qualifier."""

    mapping: ObjectMapping
    operation: Operation
    entry: Entry
    trace: Trace
    noted: Noted
    broken_off: str | None = None
    """Why a run would break off here."""
    if_approved: Action | None = None
    """What an approval would do, as far as the process does not decide otherwise."""
    outcome: Entry | None = None
    """Of the attempt, noted and not done."""
    attributes: list[Json] = field(default_factory=list)


async def explain(call: Call, mapping_name: str, id: str, *, target_side: bool = False) -> Json:
    """Explain one source (or target) object under each of its link qualifiers.

    A source that does not exist is explained by the targets that its links lead to. Raises NotFound where there is
    neither, and for an unknown mapping; Conflict for one out of service.
    """
    bridge = Bridge.here()
    async with call.read() as transaction:
        inside = call.inside(transaction)

        def broker(verb: str, arguments: list[Any]) -> Any:
            if verb not in READERS:
                raise Forbidden(f"An explanation writes nothing, so openidm.{verb} is not carried out")
            return bridge.wait(dispatch(inside, verb, arguments))

        pair = await open_pair(inside, mapping_name, broker=broker)
        try:
            if not target_side and (source := await pair.read_source(id)) is not None:
                qualifiers = await in_own_thread(partial(qualifiers_for, pair, source, None))
                found = [await _look(call, pair, one, source_id=id, source=source) for one in qualifiers]
            else:
                targets = await _targets(pair, id, target_side=target_side)
                found = [await _look(call, pair, one, target_id=target) for one, target in targets]
        except RunFailed as error:
            raise BadRequest(f"A run of {mapping_name} would break off: {error.message}") from error
        finally:
            pair.close()
    return {"mapping": mapping_name, "id": id, "explanations": [_document(call, one) for one in found]}


async def _targets(pair: Pair, id: str, *, target_side: bool) -> list[tuple[str, str]]:
    """Qualifier and id of the targets to be explained."""
    mapping, world = pair.mapping, pair.world
    configured = mapping.link_qualifiers
    qualifiers = configured if isinstance(configured, tuple) else world.links.qualifiers

    def look() -> list[tuple[str, str]]:
        if target_side:
            return [(one, id) for one in qualifiers] if world.target(id) is not None else []
        links = [(one, world.link_of_source(one, id)) for one in qualifiers]
        return [(one, link.target_id) for one, link in links if link is not None]

    found = await in_own_thread(look)
    if not found:
        what = f"Target object {mapping.target}" if target_side else f"Source object {mapping.source}"
        more = "" if target_side else ", and no link of it is left"
        raise NotFound(f"{what}/{id} does not exist{more}")
    return found


async def _look(call: Call, pair: Pair, qualifier: str, **facts: Any) -> Explanation:
    """Assess, decide, and try on a world that only notes; runs in a thread, for scripts may wait."""
    trace, world = Trace(), RecordingWorld(pair.world)
    pair.world.forget()
    rules = traced(pair.rules, pair.mapping, trace)
    kind: type[Operation] = SourceOperation if "source_id" in facts else TargetOperation
    operation = kind(rules, world, qualifier, run_id=None, **facts)
    entry = Entry(operation.phase, qualifier, source_id=operation.source_id)
    found = Explanation(pair.mapping, operation, entry, trace, world.noted)

    def work() -> None:
        try:
            found.entry = operation.reconcile(analyze=True)
        except RunFailed as error:
            found.broken_off = error.message
            found.entry.situation = operation.situation
            return
        _attempt(found)

    await in_own_thread(work)
    before = found.noted.before.get(operation.target_id or "")
    after = found.noted.content
    if after is None and operation.effect is Effect.UNCHANGED:
        after = operation.target
    if after is not None and operation.source is not None:
        rows = Attributes(call.runtime.project, pair.mapping, trace).rows(operation.source, before, after)
        quiet = operation.effect is Effect.UNCHANGED
        found.attributes = [{**row, "changes": False} for row in rows] if quiet else rows
    return found


def _attempt(found: Explanation) -> None:
    """What the action would do; for a request, what its approval would."""
    entry, operation = found.entry, found.operation
    if entry.status is EntryStatus.FAILURE or operation.situation is None:
        return
    action = entry.action
    if action is Action.ASYNC:
        answer = operation.answer
        action = DEFAULT_ACTIONS[operation.situation] if answer is None else answer.action
        found.if_approved = action
    if action not in WRITING:
        return
    try:
        found.outcome = operation.act(replace(entry, action=action), None)
    except ReconError as error:
        found.broken_off = error.message


def _document(call: Call, found: Explanation) -> Json:
    entry, operation, mapping = found.entry, found.operation, found.mapping
    project = call.runtime.project
    secrets = secrets_of(project, mapping.source) | secrets_of(project, mapping.target)
    is_source = isinstance(operation, SourceOperation)
    side, id = (mapping.source, operation.source_id) if is_source else (mapping.target, operation.target_id)
    return {
        "subject": f"{side}/{id}",
        "phase": str(operation.phase),
        "linkQualifier": operation.qualifier,
        "situation": None if entry.situation is None else str(entry.situation),
        "action": None if entry.action is None else str(entry.action),
        "status": str(entry.status),
        "targetId": operation.target_id,
        "candidates": [id for _, ids in found.noted.queries for id in ids],
        "sentences": sentences(found, secrets),
        "attributes": found.attributes,
        "evidence": {
            "answers": {
                ".".join(map(str, place)): masked(answer.value, secrets)
                for place, answer in found.trace.answers.items()
                if place[0] not in ("property", "onCreate", "onUpdate", "onMapping")
            },
            "queries": [query for query, _ in found.noted.queries],
        },
        "wouldWrite": [{"what": what, "object": object_} for what, object_ in found.noted.effects],
    }
