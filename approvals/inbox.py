"""The inbox: opening processes for what somebody has to decide, and finding and superseding open ones."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from approvals import catalogue, records
from approvals.catalogue import Published
from approvals.closing import close_many
from approvals.errors import UnknownProcess
from approvals.events import Audit, Event, process_event, unaudited
from approvals.instances import insert_processes
from approvals.requests import ApprovalRequest, Opened, Opening, OpenProcess, RequestKey
from approvals.states import Outcome
from conf.database import Transaction
from conf.failpoints import failpoint

CHUNK: Final = 1000
"""Requests handled by one set of statements."""


async def open_many(
    tx: Transaction, requests: Sequence[ApprovalRequest], now: int, *, audit: Audit = unaudited
) -> list[Opened]:
    """Open a process with its first task for each request that needs one; one answer per request, in order.

    At most one process is open for a request's key, whoever asks. An open one for the same object in another
    situation is superseded. A rejection is remembered while the object stays the same, unless the request says
    to ask again. An unknown definition fails its requests alone (`Opened.error`).
    """
    answers: list[Opened] = []
    for start in range(0, len(requests), CHUNK):
        answers += await _open_chunk(tx, requests[start : start + CHUNK], now, audit)
    return answers


async def open_one(
    tx: Transaction, request: ApprovalRequest, now: int, *, audit: Audit = unaudited
) -> Opened:
    """As `open_many`, for a single request; raises what went wrong."""
    opened = (await open_many(tx, [request], now, audit=audit))[0]
    if opened.error is not None:
        raise opened.error
    return opened


async def any_open(tx: Transaction, mapping: str) -> bool:
    """Whether a process of the mapping is open."""
    rows = await tx.fetch("select 1 from process_instance where open = 1 and mapping = ? limit 1", (mapping,))
    return bool(rows)


async def open_for(
    tx: Transaction, mapping: str, object_ids: Iterable[str] | None = None
) -> dict[str, list[OpenProcess]]:
    """The open processes of a mapping by the object they are about; of all objects when none are named."""
    where, parameters = "p.open = 1 and p.mapping = ?", [mapping]
    if object_ids is not None:
        where += f" and p.object_id {tx.among}"
        parameters.append(tx.texts(sorted(set(object_ids))))
    rows = await tx.fetch(
        "select p.seq, t.seq, p.definition_key, p.mapping, p.qualifier, p.side, p.object_id, p.situation, p.action,"
        " p.recon_id from process_instance p"
        f" left join task_instance t on t.process = p.seq and {records.is_open('t')}"
        f" where {where} order by p.seq",
        parameters,
    )
    found: dict[str, list[OpenProcess]] = defaultdict(list)
    for process, task, definition_key, *key, recon_id in rows:
        found[key[3]].append(OpenProcess(process, task, definition_key, RequestKey(*key), recon_id))
    return dict(found)


async def supersede(
    tx: Transaction, processes: Mapping[int, str], now: int, *, audit: Audit = unaudited
) -> int:
    """Close processes that have become pointless, each with its reason; answers how many.

    Only those that still wait for a person: what was decided is carried out and meets the new situation there.
    """
    rows = await tx.fetch(
        f"select distinct t.process from task_instance t where {records.is_open('t')} and t.process {tx.among_numbers}",
        (tx.numbers(sorted(processes)),),
    )
    waiting = {process: processes[process] for (process,) in rows}
    await close_many(tx, {process: f"superseded: {reason}" for process, reason in waiting.items()}, now)
    await audit(
        tx,
        [
            process_event(
                "supersede_process", process, "DELETE", f"Process superseded: {reason}", "system", now
            )
            for process, reason in waiting.items()
        ],
    )
    return len(waiting)


async def _open_chunk(
    tx: Transaction, requests: Sequence[ApprovalRequest], now: int, audit: Audit
) -> list[Opened]:
    definitions = await _definitions(tx, requests)
    known = [request for request in requests if _definition_id(request) in definitions]
    open_now = await _open_by_key(tx, known)
    rejected = await _rejections(tx, known)
    answers: list[Opened | None] = []
    fresh: list[int] = []
    asked: set[RequestKey] = set()
    for index, request in enumerate(requests):
        answer: Opened | None = None
        key = request.key
        if _definition_id(request) not in definitions:
            answer = Opened(Opening.FAILED, error=UnknownProcess(request.definition_key))
        elif key is not None:
            answer = open_now.get(key) or rejected.get((key, request.source_digest))
        if answer is None and key not in asked:
            fresh.append(index)
            asked |= {key} if key is not None else set()
        answers.append(answer)
    superseded = await _supersede_changed(tx, [requests[index] for index in fresh], now, audit)
    opened = await insert_processes(
        tx, [(requests[index], definitions[_definition_id(requests[index])]) for index in fresh], now
    )
    failpoint("R6")
    await audit(
        tx, [_created(answer, requests[index], now) for index, answer in zip(fresh, opened, strict=True)]
    )
    for index, answer in zip(fresh, opened, strict=True):
        answers[index] = _replacing(answer, superseded.get(requests[index].key))
    twice = {requests[index].key: answers[index] for index in fresh}
    return [answer or _same(twice[request.key]) for request, answer in zip(requests, answers, strict=True)]


def _definition_id(request: ApprovalRequest) -> str | int:
    return request.definition_key if request.definition is None else request.definition


async def _definitions(tx: Transaction, requests: Sequence[ApprovalRequest]) -> dict[str | int, Published]:
    exact = {request.definition for request in requests if request.definition is not None}
    by_key = await catalogue.latest(tx, {request.definition_key for request in requests})
    by_seq = await catalogue.by_seq(tx, exact) if exact else {}
    found: dict[str | int, Published] = {each.key: each for each in by_key.values()}
    for each in by_seq.values():
        found[each.seq] = each
    return found


def _by_mapping(requests: Sequence[ApprovalRequest]) -> dict[str, list[ApprovalRequest]]:
    groups: dict[str, list[ApprovalRequest]] = defaultdict(list)
    for request in requests:
        if request.mapping is not None:
            groups[request.mapping].append(request)
    return groups


async def _open_by_key(tx: Transaction, requests: Sequence[ApprovalRequest]) -> dict[RequestKey, Opened]:
    found: dict[RequestKey, Opened] = {}
    for mapping, group in _by_mapping(requests).items():
        for listed in (await open_for(tx, mapping, {request.object_id for request in group})).values():
            for each in listed:
                found[each.key] = Opened(Opening.ALREADY_OPEN, each.process, each.task)
    return found


async def _rejections(
    tx: Transaction, requests: Sequence[ApprovalRequest]
) -> dict[tuple[RequestKey, str | None], Opened]:
    """The requests whose last decided process ended in a rejection that still stands."""
    remembering = [
        request
        for request in requests
        if request.after_rejection == "remember" and request.source_digest is not None
    ]
    ended: dict[RequestKey, tuple[int, str | None, str | None]] = {}
    for mapping, group in _by_mapping(remembering).items():
        rows = await tx.fetch(
            "select seq, qualifier, side, object_id, situation, action, source_digest, outcome"
            f" from process_instance where open = 0 and mapping = ? and object_id {tx.among}"
            " and outcome <> 'superseded' order by seq",
            (mapping, tx.texts(sorted({request.object_id for request in group}))),
        )
        ended |= {RequestKey(mapping, *row[1:6]): (row[0], row[6], row[7]) for row in rows}
    wanted = {(request.key, request.source_digest) for request in remembering}
    standing = {
        (key, digest): process
        for key, (process, digest, outcome) in ended.items()
        if outcome == Outcome.REJECTED and (key, digest) in wanted
    }
    decisions = {
        task.process: task.decision
        for task in await records.tasks_of(tx, standing.values())
        if task.decision is not None
    }
    return {
        key: Opened(
            Opening.REMEMBERED, process, rejected_by=decisions[process].by, rejected_at=decisions[process].at
        )
        for key, process in standing.items()
        if process in decisions
    }


async def _supersede_changed(
    tx: Transaction, requests: Sequence[ApprovalRequest], now: int, audit: Audit
) -> dict[RequestKey | None, int]:
    """Close what is open for these objects in another situation; request key -> the task that was closed."""
    reasons: dict[int, str] = {}
    replaced: dict[RequestKey | None, int] = {}
    for mapping, group in _by_mapping(requests).items():
        found = await open_for(tx, mapping, {request.object_id for request in group})
        for request in group:
            key = request.key
            for each in found.get(request.object_id, []):
                if key is not None and each.task is not None and each.key != key and each.key[:4] == key[:4]:
                    reasons[each.process] = (
                        f"the situation is {key.situation} now (action {key.action}), "
                        f"it was {each.key.situation} (action {each.key.action})"
                    )
                    replaced[key] = each.task
    if reasons:
        await supersede(tx, reasons, now, audit=audit)
    return replaced


def _created(answer: Opened, request: ApprovalRequest, now: int) -> Event:
    return process_event(
        "create_process",
        answer.process or 0,
        "CREATE",
        f"Process created. processDefinitionKey = {request.definition_key},"
        f" businessKey = {request.shown_business_key()}",
        request.start_user or "system",
        now,
    )


def _replacing(answer: Opened, superseded: int | None) -> Opened:
    if superseded is None:
        return answer
    return Opened(answer.opening, answer.process, answer.task, superseded=superseded)


def _same(answer: Opened | None) -> Opened:
    """What a second request of the same key in one call is told."""
    if answer is None:
        return Opened(Opening.ALREADY_OPEN)
    return Opened(Opening.ALREADY_OPEN, answer.process, answer.task)
