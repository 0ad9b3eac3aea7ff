"""The task scanner: find objects whose time has come, run a script for each once, and mark them.

`scan` of a job's `invokeContext` says which objects (`object`, `_queryFilter` with `${Time.now - 1d}` and the like) and
where in each it is kept when the task began and ended (`taskState`); `task.script` is run with `input`, the object, and
`objectID`, its path. One that began and did not end within `recovery.timeout` is tried again.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from conf import pointer
from conf.errors import BadRequest, NotFound, ReconError
from conf.scan_schedule import MOMENT, PERIOD, THREADS
from flows.router import Query
from flows.run_script import read_script_object, run_script, script_context
from flows.store import managed
from flows.store.audit_recon import timestamp
from flows.store.managed import Stored, new_rev

if TYPE_CHECKING:
    from conf.script_config import ScriptConfig
    from flows.call import Call

Json = dict[str, Any]
_LOG = logging.getLogger(__name__)

COLLECTION: Final = "taskscanner"
KEPT: Final = 100
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class TaskScan:
    """A scan as its job describes it."""

    id: str
    """Of the row that tells how far it is."""
    container: str
    filter: str
    started: str
    """Pointer to where an object keeps when its task began."""
    completed: str
    timeout: timedelta | None
    most: int
    threads: int
    """Objects that are worked on at once."""
    script: ScriptConfig


async def begin(call: Call, name: str, context: Mapping[str, Any]) -> TaskScan:
    """Check the description and open a row for the scan; BadRequest says what is wrong with it."""
    id = str(uuid.uuid4())
    scan, state = _object(context, "scan"), _object(_object(context, "scan"), "taskState")
    recovery = scan.get("recovery")
    found = TaskScan(
        id=id,
        container=_text(scan, "object"),
        filter=_text(scan, "_queryFilter"),
        started=_text(state, "started"),
        completed=_text(state, "completed"),
        timeout=_timeout(recovery.get("timeout")) if isinstance(recovery, dict) else None,
        most=_number(context, "maxRecords", 0),
        threads=max(1, _number(context, "numberOfThreads", THREADS)),
        script=read_script_object(
            call.runtime, _object(context, "task").get("script"), f"schedule/{name}: task.script"
        ),
    )
    progress = {"state": "INITIALIZED", "processed": 0, "total": 0, "successes": 0, "failures": 0}
    body = {"name": name, "progress": progress, "started": timestamp(call.now()), "ended": ""}
    async with call.write() as tx:
        await managed.insert_many(tx, COLLECTION, [Stored(id, new_rev(), body)])
        old = (await managed.ids(tx, COLLECTION))[:-KEPT]
        await managed.delete_many(tx, COLLECTION, old)
    return found


async def scan(call: Call, task: TaskScan) -> None:
    """Work through the objects, so many at once; a task that fails is counted and does not stop the others."""
    try:
        rows = await _due(call, task)
    except ReconError:
        await _tell(call, task.id, state="ERROR", ended=True)
        raise
    counted = {"total": len(rows), "processed": 0, "successes": 0, "failures": 0}
    await _tell(call, task.id, counted, state="ACTIVE")
    waiting = iter(rows)
    async with asyncio.TaskGroup() as group:
        for _ in range(min(task.threads, len(rows))):
            group.create_task(_work(call, task, waiting, counted))
    await _tell(call, task.id, state="COMPLETED", ended=True)


async def _work(call: Call, task: TaskScan, waiting: Iterator[Json], counted: dict[str, int]) -> None:
    """Take one object after the other, until none is left or the scan is cancelled."""
    for row in waiting:
        if (await read(call, task.id))["progress"]["state"] == "CANCELLED":
            return
        path = f"{task.container}/{row['_id']}"
        try:
            await _do(call, task, path, row)
            counted["successes"] += 1
        except ReconError as error:
            counted["failures"] += 1
            _LOG.warning("task of %s failed: %s", path, error.message)
        counted["processed"] += 1
        await _tell(call, task.id, counted)


async def read(call: Call, id: str) -> Json:
    """A scan as `taskscanner/{id}` answers it."""
    async with call.read() as tx:
        found = await managed.read(tx, COLLECTION, id)
    if found is None:
        raise NotFound(f"Task {id} not found")
    return document(found)


def document(stored: Stored) -> Json:
    return {"_id": stored.id, **stored.body}


async def cancel(call: Call, id: str) -> None:
    """Let it stop before its next object; one that has ended stays as it is."""
    if (await read(call, id))["progress"]["state"] in {"INITIALIZED", "ACTIVE"}:
        await _tell(call, id, state="CANCELLED", ended=True)


async def _due(call: Call, task: TaskScan) -> list[Json]:
    """Objects that match, whose task has neither ended nor is under way."""
    now = datetime.fromtimestamp(call.now() / 1000, UTC)
    query = Query(filter=moments(task.filter, now), page_size=task.most)
    rows = (await call.runtime.router.query(call, task.container, query)).result
    limit = None if task.timeout is None else _iso(now - task.timeout)
    started, completed = (pointer.parse(path) for path in (task.started, task.completed))
    found = []
    for row in rows:
        begun = pointer.get(row, started)
        under_way = begun is not None and (limit is None or str(begun) > limit)
        if pointer.get(row, completed) is None and not under_way:
            found.append(row)
    return found


async def _do(call: Call, task: TaskScan, path: str, row: Json) -> None:
    await _mark(call, path, task.started)
    scope = {"input": row, "objectID": path, "context": script_context(call), **task.script.variables}
    await run_script(call, task.script, scope)
    await _mark(call, path, task.completed)


async def _mark(call: Call, path: str, field: str) -> None:
    now = timestamp(call.now())
    try:
        await call.runtime.router.patch(
            call, path, None, [{"operation": "add", "field": field, "value": now}]
        )
    except NotFound:
        return  # the script has deleted it


async def _tell(
    call: Call,
    id: str,
    counted: Mapping[str, int] | None = None,
    *,
    state: str | None = None,
    ended: bool = False,
) -> None:
    """Write down how far the scan is; a cancelled one stays cancelled."""
    async with call.write() as tx:
        known = await managed.read(tx, COLLECTION, id)
        if known is None:
            return
        progress = {**known.body["progress"], **(counted or {})}
        if state is not None and progress["state"] != "CANCELLED":
            progress["state"] = state
        body = {**known.body, "progress": progress}
        if ended:
            body["ended"] = timestamp(call.now())
        await managed.update_many(tx, COLLECTION, [Stored(id, new_rev(), body)])


def moments(filter: str, now: datetime) -> str:
    """The filter with every `${Time.now + 3d}` replaced by that moment."""

    def moment(match: re.Match[str]) -> str:
        sign, number, unit = match.groups()
        return _iso(now if number is None else shifted(now, int(number) * (-1 if sign == "-" else 1), unit))

    return MOMENT.sub(moment, filter)


def shifted(moment: datetime, number: int, unit: str) -> datetime:
    """So many units later; a month that has no such day gives its last one. BadRequest beyond the calendar."""
    try:
        if unit in _UNITS:
            return moment + timedelta(**{_UNITS[unit]: number})
        month = moment.month - 1 + number * (12 if unit == "y" else 1)
        year, month = moment.year + month // 12, month % 12 + 1
        return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))
    except (OverflowError, ValueError) as error:
        raise BadRequest(f"{number}{unit} from now is beyond the calendar") from error


def _timeout(text: Any) -> timedelta:
    match = PERIOD.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise BadRequest("recovery.timeout: expected a number and a unit, such as 10m")
    now = datetime(2000, 1, 1, tzinfo=UTC)
    return shifted(now, int(match[1]), match[2]) - now


def _iso(moment: datetime) -> str:
    return timestamp(round(moment.timestamp() * 1000))


def _object(context: Mapping[str, Any], name: str) -> Json:
    found = context.get(name)
    if not isinstance(found, dict):
        raise BadRequest(f"invokeContext of a task scanner: expected an object at '{name}'")
    return found


def _number(context: Mapping[str, Any], name: str, default: int) -> int:
    found = context.get(name, default)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise BadRequest(f"invokeContext of a task scanner: expected a whole number at '{name}'")
    return found


def _text(scan: Mapping[str, Any], name: str) -> str:
    found = scan.get(name)
    if not isinstance(found, str) or not found:
        raise BadRequest(f"invokeContext of a task scanner: expected a text at '{name}'")
    return found
