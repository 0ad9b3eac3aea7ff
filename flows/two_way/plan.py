"""What the assessing stages left for later: which objects, in which stage, and how many of each response."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conf.reconciliation_terms import Response, Treatment, TwoWaySituation
from flows.store import runs
from flows.store.two_way_entries import StageEntry, left_for_later
from flows.two_way.responder import LATER_RESOURCE

if TYPE_CHECKING:
    from conf.reconciliation_schema import Reconciliation
    from conf.transaction import Transaction
    from flows.two_way.state import State


@dataclass
class Plan:
    """Ids by stage and side."""

    resource_sources: list[str] = field(default_factory=list)
    """Objects of the repository whose record is to be written."""
    resource_targets: list[str] = field(default_factory=list)
    """Records without an object."""
    idm_sources: list[str] = field(default_factory=list)
    """Records whose object is to be written."""
    idm_targets: list[str] = field(default_factory=list)
    """Objects without a record."""
    destructive: Counter[Response] = field(default_factory=Counter)
    """Without those that wait for a person in any case."""


def plan_of(configuration: Reconciliation, entries: Iterable[StageEntry]) -> Plan:
    """Sort what was left, each object once."""
    plan, seen = Plan(), set[tuple[str, str]]()
    for entry in entries:
        facts = entry.facts
        idm, resource, has = facts.get("idm"), facts.get("resource"), str(facts.get("has", ""))
        key = ("i", str(idm)) if idm is not None else ("r", str(resource))
        if key in seen:
            continue
        seen.add(key)
        to_resource = facts["later"] == LATER_RESOURCE
        near, far = ("i", "r") if to_resource else ("r", "i")
        ids = {"i": idm, "r": resource}
        sources, targets = (
            (plan.resource_sources, plan.resource_targets)
            if to_resource
            else (plan.idm_sources, plan.idm_targets)
        )
        if near in has:
            sources.append(str(ids[near]))
        elif far in has or ids[far] is not None:
            targets.append(str(ids[far]))
        response = Response(facts["r"])
        if response.is_destructive and not _waits(configuration, TwoWaySituation(facts["s"])):
            plan.destructive[response] += 1
    return plan


def _waits(configuration: Reconciliation, situation: TwoWaySituation) -> bool:
    if configuration.treatment is not Treatment.NONE:
        return True
    return configuration.answer(situation).workflow is not None


async def read_plan(transaction: Transaction, configuration: Reconciliation, state: State) -> Plan:
    """The plan of what the stages so far left."""
    found: list[StageEntry] = []
    for stage in state.stages:
        row = await runs.read(transaction, stage.run)
        if row is not None and stage.assesses:
            found += await left_for_later(transaction, row.seq)
    return plan_of(configuration, found)
