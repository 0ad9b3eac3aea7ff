"""Result rows from the entries of the stages: each object once, whatever number of stages touched it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from conf.reconciliation_terms import Treatment, TwoWaySituation
from flows.store import runs, two_way
from flows.store.two_way import TwoWayResult
from flows.store.two_way_entries import StageEntry, entries_after

if TYPE_CHECKING:
    from conf.reconciliation_schema import Reconciliation
    from conf.transaction import Transaction
    from flows.two_way.state import Stage, State

PAGE: Final = 2000
STAGE_NUMBERS: Final = 10**10
"""Results of a stage are numbered from here on, so a successor knows where to go on."""

_NAMELESS: Final = "Target system Principal"
_DOUBLE: Final = "DUPLICATE_SOURCE_ID"
_CODED: Final = re.compile(r"(line \d+: )?[A-Z]+_[A-Z_]+: ")
"""How connectors tell of what cannot be read."""


async def write_some(
    transaction: Transaction, configuration: Reconciliation, run_id: str, state: State
) -> bool:
    """Write the next page of results; False when all are written."""
    last = await two_way.last_seq(transaction, run_id)
    if not last and state.lost:
        lost = [_failed(seq, "BROKEN_CSV", reason) for seq, reason in enumerate(state.lost, 1)]
        await two_way.add_results(transaction, run_id, lost)
        return True
    index, after = divmod(last, STAGE_NUMBERS) if last >= STAGE_NUMBERS else (1, 0)
    performed = await _performed(transaction, state)
    while index <= len(state.stages):
        stage = state.stages[index - 1]
        row = await runs.read(transaction, stage.run)
        found = [] if row is None else await entries_after(transaction, row.seq, after, PAGE)
        results = [
            result
            for entry in found
            if (result := result_of(configuration, stage, entry, performed, index)) is not None
        ]
        await two_way.add_results(transaction, run_id, results)
        if results and len(found) == PAGE:
            return True
        index, after = (index + 1, 0) if len(found) < PAGE else (index, found[-1].seq)
    return False


async def _performed(transaction: Transaction, state: State) -> frozenset[tuple[str, str]]:
    """Ids that a performing stage was launched for: ("i", id) of the repository, ("r", id) of the resource."""
    found: set[tuple[str, str]] = set()
    for stage in state.stages:
        row = None if stage.assesses else await runs.read(transaction, stage.run)
        if row is None:
            continue
        near, far = ("r", "i") if stage.to_idm else ("i", "r")
        found |= {(near, id) for id in row.request.get("sourceIds") or ()}
        found |= {(far, id) for id in row.request.get("targetIds") or ()}
    return frozenset(found)


def result_of(
    configuration: Reconciliation,
    stage: Stage,
    entry: StageEntry,
    performed: frozenset[tuple[str, str]],
    index: int,
) -> TwoWayResult | None:
    """The row of one entry; None for what another stage tells, and for what is nobody's matter."""
    facts = entry.facts
    idm, resource = (entry.target_id, entry.source_id) if stage.to_idm else (entry.source_id, entry.target_id)
    seq = index * STAGE_NUMBERS + entry.seq
    if "s" not in facts:
        return _unclear(entry, seq, idm, resource, str(facts.get("p") or resource or idm or ""))
    if facts.get("unsure"):
        return None
    idm, resource = facts.get("idm"), facts.get("resource")
    later = "later" in facts
    if later and (("i", idm) in performed or ("r", resource) in performed):
        return None
    message = entry.message or ""
    if entry.status == "FAILURE":
        status = "FAILURE"
    elif "pending" in facts:
        status, message = "PENDING", message or "waits for a decision"
    elif later or ("d" in facts and configuration.treatment is Treatment.RECORD):
        recorded = configuration.treatment is Treatment.RECORD
        status, message = (
            "HELD",
            "recorded; nothing was done" if recorded else "not done: the run did not get there",
        )
    else:
        status = "SUCCESS" if "d" in facts else "NOTHING"
    if facts.get("conflict"):
        message = f"{message}; {facts['conflict']}" if message else str(facts["conflict"])
    return TwoWayResult(
        seq=seq,
        situation=facts["s"],
        response=facts["r"],
        category=category_of(entry),
        principal=str(facts.get("p") or ""),
        idm_id=idm,
        resource_id=resource,
        status=status,
        message=message,
        idm_before=facts.get("ib"),
        idm_after=facts.get("ia") if status == "SUCCESS" else None,
        resource_before=facts.get("rb"),
        resource_after=facts.get("ra") if status == "SUCCESS" else None,
    )


def category_of(entry: StageEntry) -> str:
    """The report's case."""
    facts = entry.facts
    match facts.get("s"):
        case TwoWaySituation.IDM_DELETED:
            return "IDM_DELETED"
        case TwoWaySituation.ONLY_IDM:
            return "RESOURCE_DELETED" if facts.get("linked") else "NOT_EXIST_IN_RESOURCE"
        case TwoWaySituation.ONLY_RESOURCE:
            return "NOT_EXIST_IN_IDM_DB"
        case _:
            return "MATCH_FOUND_DIFFERENT" if facts.get("differs") else "MATCH_FOUND"


def _unclear(
    entry: StageEntry, seq: int, idm: str | None, resource: str | None, principal: str
) -> TwoWayResult | None:
    """A row that could not be read, a name that is not unique, a record without the attribute it is matched by."""
    message = entry.message or ""
    if entry.situation in ("AMBIGUOUS", "FOUND_ALREADY_LINKED") or message.startswith(_DOUBLE):
        category = "NOT_UNIQUE_KEY"
    elif entry.status != "FAILURE":
        return None
    elif message.startswith(_NAMELESS) or (
        entry.situation is None and resource is not None and idm is None and not _CODED.match(message)
    ):
        category = "LOGIN_NOT_FOUND"
    else:
        category = "BROKEN_CSV"
    if not message:
        message = "more than one object corresponds to the record, or it belongs to another one already"
    return _failed(seq, category, message, principal, idm, resource)


def _failed(
    seq: int,
    category: str,
    message: str,
    principal: str = "",
    idm: str | None = None,
    resource: str | None = None,
) -> TwoWayResult:
    """A row without a situation."""
    return TwoWayResult(
        seq=seq,
        situation="",
        response="",
        category=category,
        principal=principal,
        idm_id=idm,
        resource_id=resource,
        status="FAILURE",
        message=message,
    )
