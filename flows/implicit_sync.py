"""Implicit synchronisation: a change of a managed object goes at once through every mapping it is the source of."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from conf import pointer
from conf.errors import Conflict
from conf.terms import Action, EntryStatus, Phase
from flows import managed_hooks
from flows.engine.differences import equal
from flows.engine.entry import Entry
from flows.engine.failures import RunFailed
from flows.engine.source import DeletedSourceOperation, SourceOperation
from flows.own_thread import in_own_thread
from flows.recon.changes import HELD_BACK, Change
from flows.recon.pair import Pair, known_qualifiers, open_pair
from flows.recon.qualifiers import qualifiers_for
from flows.store import audit
from flows.store.audit_events import AuditEvent

if TYPE_CHECKING:
    from conf.mapping import ObjectMapping
    from flows.call import Call

Json = dict[str, Any]

DEEPEST: Final = 20
"""Mappings that may follow each other from one change; more of them lead in a circle."""


async def notify(call: Call, type: str, id: str, before: Json | None, after: Json | None) -> None:
    """What the managed resource calls after each write, inside its transaction; `onSync` of the type comes last."""
    change = Change(id, before, after)
    held_back = call.context.get(HELD_BACK)
    if isinstance(held_back, list):
        held_back.append(change)
        return
    results = await synchronise(call.within("sync"), f"managed/{type}", change)
    declared = call.runtime.project.managed_types.get(type)
    if declared is not None and "onSync" in declared.hooks:
        await managed_hooks.on_sync(call, declared, change, results)


async def synchronise(call: Call, container: str, change: Change) -> list[Json]:
    """Run every mapping of the changed collection, in order; what fails leaves the change itself in place.

    Answers one result per mapping and qualifier, as managed `onSync` and the notify actions show them. After the first
    failing mapping the others are SKIPPED. Raises Conflict when mappings lead in a circle.
    """
    if call.triggers.count("sync") > DEEPEST:
        raise Conflict(
            f"Mappings lead in a circle: a change has come back to {container} again and again. Share the links of two "
            "mappings that lead there and back (`links`), or set enableSync to false in one of them"
        )
    results: list[Json] = []
    failed = False
    for mapping in concerned(call, container, change):
        if failed:
            results.append({"mapping": mapping.name, "result": "SKIPPED"})
            continue
        async with call.write() as transaction:
            found = await _synchronise_mapping(call.inside(transaction), mapping, change)
        results += found
        failed = any(result["result"] == "FAILED" for result in found)
    return results


async def record_damaged(call: Call, container: str, id: str, reason: str) -> None:
    """Write down for each mapping of a changed collection that an object of it cannot be read."""
    for mapping in concerned(call, container, Change(id, None, None)):
        entry = Entry(Phase.SOURCE, known_qualifiers(mapping)[0], id, status=EntryStatus.FAILURE)
        entry.message = reason
        await _record(call, mapping, entry)


def concerned(call: Call, container: str, change: Change) -> list[ObjectMapping]:
    """Mappings whose source this is, that synchronise implicitly, and that this change touches."""
    return [
        mapping
        for mapping in call.runtime.project.mappings
        if mapping.source == container
        and mapping.enable_sync
        and not mapping.problems
        and _triggers(mapping, change)
    ]


def _triggers(mapping: ObjectMapping, change: Change) -> bool:
    wanted = mapping.trigger_sync_properties
    if wanted is None or change.before is None or change.after is None:
        return True
    before, after = change.before, change.after
    return any(not equal(pointer.get(before, path), pointer.get(after, path)) for path in wanted)


async def _synchronise_mapping(call: Call, mapping: ObjectMapping, change: Change) -> list[Json]:
    pair = await open_pair(call, mapping.name)
    try:
        return await _entries(call, pair, change)
    finally:
        pair.close()


async def _entries(call: Call, pair: Pair, change: Change) -> list[Json]:
    results = []
    world = pair.world
    world.sources[change.id] = change.after
    qualifiers = await in_own_thread(partial(qualifiers_for, pair, change.after, change.before))
    for qualifier in qualifiers:
        operation = _operation(pair, qualifier, change)

        def work(operation: SourceOperation = operation) -> Entry:
            try:
                return operation.reconcile()
            except RunFailed as error:
                return operation.failed(Entry(operation.phase, operation.qualifier, change.id), error)

        entry = await in_own_thread(work)
        await world.publish()
        await _record(call, pair.mapping, entry)
        failed = entry.status is EntryStatus.FAILURE or entry.action is Action.EXCEPTION
        results.append(_result(pair.mapping, entry, failed=failed))
        if failed:
            break
    return results


def _operation(pair: Pair, qualifier: str, change: Change) -> SourceOperation:
    kind = DeletedSourceOperation if change.after is None else SourceOperation
    return kind(
        pair.rules,
        pair.world,
        qualifier,
        run_id=None,
        source_id=change.id,
        source=change.after,
        old_source=change.before,
    )


async def _record(call: Call, mapping: ObjectMapping, entry: Entry) -> None:
    body: Json = {
        "eventName": "sync",
        "mapping": mapping.name,
        "linkQualifier": entry.qualifier,
        "situation": None if entry.situation is None else str(entry.situation),
        "action": None if entry.action is None else str(entry.action),
        "status": str(entry.status),
        "sourceObjectId": f"{mapping.source}/{entry.source_id}",
        "targetObjectId": entry.recorded_target,
        "message": entry.message,
        "messageDetail": entry.detail,
        "exception": None,
    }
    async with call.write() as transaction:
        event = AuditEvent(call.now(), call.caller.id, call.transaction_id, body)
        await audit.append_events(transaction, "sync", [event])


def _result(mapping: ObjectMapping, entry: Entry, *, failed: bool) -> Json:
    found: Json = {
        "reconId": None,
        "mapping": mapping.name,
        "situation": None if entry.situation is None else str(entry.situation),
        "action": None if entry.action is None else str(entry.action),
        "sourceId": entry.source_id,
        "linkQualifier": entry.qualifier,
        "ambiguousTargetIds": list(entry.ambiguous) or None,
        "result": "FAILED" if failed else "SUCCESSFUL",
    }
    if entry.target_id is not None:
        found["targetId"] = entry.target_id
    if failed and entry.message:
        found["cause"] = {"message": entry.message}
    return found
