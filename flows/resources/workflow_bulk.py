"""Deciding many tasks with one call: in pages of one transaction each, with a result for every task."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from approvals import decisions, intents
from approvals.decisions import Decided
from approvals.errors import TaskEnded
from conf.errors import BadRequest, Conflict, ReconError, Unavailable
from flows.pending import Pending
from flows.resources.workflow_separation import separation_of
from flows.router import Json, Query
from flows.workflow_audit import activity_audit

if TYPE_CHECKING:
    from approvals.entitlement import Separation
    from approvals.intents import Intent
    from approvals.records import Task
    from flows.call import Call

PAGE: Final = 1000
LONGEST: Final = 20_000
"""Tasks that one call may name."""
_PAUSE: Final = 0.1
_OWN: Final = ("_queryFilter", "ids", "confirm", "_comment")


@dataclass(frozen=True)
class Asked:
    """What a call to decide many tasks says."""

    form: Json
    comment: Any
    ids: tuple[str, ...] | None
    query: Query | None
    confirm: int | None


def read_asked(content: Any, parameters: Mapping[str, str]) -> Asked:
    """The call, taken apart: which tasks (`_queryFilter`, `_queryId` or `ids`), `confirm`, and the form's fields."""
    if content is not None and not isinstance(content, dict):
        raise BadRequest(
            "The body must be a JSON object: the fields of the form, and `ids` or `_queryFilter`"
        )
    given: Json = dict(content or {})
    extra = dict(parameters)
    ids, confirm = given.get("ids"), given.get("confirm", extra.pop("confirm", None))
    written = given.get("_queryFilter")
    in_address = extra.pop("_queryFilter", None)
    query_id = extra.pop("_queryId", None)
    ways = [way for way in (ids, written, in_address, query_id) if way is not None]
    if len(ways) != 1:
        raise BadRequest(
            "Say which tasks, in one way: `ids` (a list) or `_queryFilter` in the body, or _queryFilter or _queryId"
            " in the address; one task alone is completed at workflow/taskinstance/<id>"
        )
    if written is not None and not isinstance(written, str):
        raise BadRequest("'_queryFilter' must be a text", detail={"field": "_queryFilter"})
    query = None
    if ids is None:
        query = Query(filter=written or in_address, query_id=query_id, parameters=extra)
    return Asked(
        form={name: value for name, value in given.items() if name not in _OWN},
        comment=given.get("_comment"),
        ids=None if ids is None else _ids(ids),
        query=query,
        confirm=_number(confirm),
    )


def require_confirmed(asked: Asked, count: int) -> None:
    """Raises Conflict unless the call says how many tasks it is about; ids have said it already."""
    if asked.confirm == count or (asked.confirm is None and asked.ids is not None):
        return
    said = "" if asked.confirm is None else f", not {asked.confirm}"
    found = "1 open task" if count == 1 else f"{count} open tasks"
    todo = (
        f'send it again with "confirm": {count} to decide them'
        if count
        else "nothing would be decided; narrow or widen the filter"
    )
    raise Conflict(
        f"The call means {found} that you may see{said}: {todo}", detail={"count": count, "confirm": count}
    )


async def decide(call: Call, asked: Asked, ids: Sequence[str]) -> Json:
    """Decide these tasks; a refused one refuses itself alone. Waits for effects as long as for a single one."""
    found: dict[str, Decided | ReconError] = {}
    for start in range(0, len(ids), PAGE):
        page = ids[start : start + PAGE]
        try:
            found |= await _decide_page(call, asked, page)
        except Unavailable as busy:
            if not found:
                raise
            found |= dict.fromkeys(page, busy)
    orders = {each.intent for each in found.values() if isinstance(each, Decided) and each.intent is not None}
    effects = await _effects(call, orders)
    results = [_result(id, each, effects) for id, each in found.items()]
    tally = Counter(result["outcome"] for result in results)
    body: Json = {
        "Task action performed": "complete",
        "count": len(results),
        "done": tally["done"],
        "alreadyDecided": tally["already decided"],
        "refused": tally["refused"],
        "result": results,
    }
    if all(intent.state.is_final for intent in effects.values()):
        return body
    return Pending(body, outcome="pending")


async def _decide_page(call: Call, asked: Asked, ids: Sequence[str]) -> dict[str, Decided | ReconError]:
    known: dict[str | None, Separation] = {}

    def separation(task: Task) -> Separation:
        if task.mapping not in known:
            known[task.mapping] = separation_of(call.runtime, task)
        return known[task.mapping]

    async with call.write() as tx:
        answers = await decisions.complete_many(
            tx,
            ids,
            call.caller,
            asked.form,
            call.now(),
            asked.comment,
            separation=separation,
            audit=activity_audit(call),
        )
        tx.after_commit(lambda: call.runtime.wake("intent"))
    return dict(zip(ids, answers, strict=True))


async def _effects(call: Call, orders: set[int]) -> dict[int, Intent]:
    """What has come of the approvals, once all is known or the patience for a decision is over."""
    end = asyncio.get_running_loop().time() + call.runtime.settings.decision_wait_seconds
    while True:
        async with call.read() as tx:
            found = await intents.load(tx, orders)
        over = call.transaction is not None or asyncio.get_running_loop().time() >= end
        if over or all(intent.state.is_final for intent in found.values()):
            return found
        await asyncio.sleep(_PAUSE)


def _result(id: str, found: Decided | ReconError, effects: Mapping[int, Intent]) -> Json:
    if isinstance(found, TaskEnded):
        detail = found.detail
        return {"_id": id, "outcome": "already decided", "message": found.message, **detail}
    if isinstance(found, ReconError):
        refused: Json = {"_id": id, "outcome": "refused", "code": found.status, "message": found.message}
        return refused if found.detail is None else {**refused, "detail": found.detail}
    done: Json = {"_id": id, "outcome": "done", "verdict": found.verdict}
    intent = None if found.intent is None else effects.get(found.intent)
    if intent is None:
        return done
    done["effect"] = intent.state.lower() if intent.state.is_final else "pending"
    return done if intent.message is None else {**done, "effectMessage": intent.message}


def _ids(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(id, str) and id for id in given):
        raise BadRequest('\'ids\' must be a list of task ids, such as ["38", "39"]', detail={"field": "ids"})
    ids = tuple(dict.fromkeys(given))
    if len(ids) > LONGEST:
        raise BadRequest(f"'ids' may name {LONGEST} tasks at most, not {len(ids)}", detail={"field": "ids"})
    return ids


def _number(given: Any) -> int | None:
    if given is None:
        return None
    text = str(given)
    if isinstance(given, bool) or not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise BadRequest(
            "'confirm' must be the number of tasks that are to be decided", detail={"field": "confirm"}
        )
    return int(text)
