"""Short ways to a mapping's rules and to one entry of either phase."""

from __future__ import annotations

from typing import Any

from conf.terms import Action, Situation
from flows.engine.entry import Entry
from flows.engine.rules import Hook, Json, MappingRules, PolicyRule, PropertyRule, WorkflowTrigger
from flows.engine.source import DeletedSourceOperation, SourceOperation
from flows.engine.target import TargetOperation
from tests.engine.memory_world import MemoryWorld, answering

MAIL = PropertyRule(("mail",), "mail", ("mail",))
ID = PropertyRule(("_id",), "_id", ("_id",))


def rules(*properties: PropertyRule, **more: Any) -> MappingRules:
    """A mapping from `managed/src` to `managed/dst`."""
    return MappingRules("small", "managed/src", "managed/dst", properties or (MAIL,), **more)


def by_mail() -> dict[str, Hook]:
    """Correlation by equal mail for the default qualifier."""
    return {"default": answering(lambda scope: {"equal": {"mail": scope["source"].get("mail")}})}


def policy(
    situation: Situation, action: Action | Hook | WorkflowTrigger, **more: Any
) -> dict[Situation, list[PolicyRule]]:
    """One policy."""
    return {situation: [PolicyRule(action, **more)]}


def of_source(
    world: MemoryWorld, mapping: MappingRules, id: str = "s", *, qualifier: str = "default", **more: Any
) -> SourceOperation:
    """The entry of a source of the world, under way."""
    source: Json | None = more.pop("source", world.source(id))
    return SourceOperation(mapping, world, qualifier, run_id="run-1", source_id=id, source=source, **more)


def of_target(
    world: MemoryWorld, mapping: MappingRules, id: str = "t", qualifier: str = "default"
) -> TargetOperation:
    """The entry of a target of the world, under way."""
    return TargetOperation(mapping, world, qualifier, run_id="run-1", target_id=id)


def of_deleted(
    world: MemoryWorld, mapping: MappingRules, old: Json | None, id: str = "s"
) -> DeletedSourceOperation:
    """The entry of a source that was deleted, under way."""
    return DeletedSourceOperation(mapping, world, "default", run_id=None, source_id=id, old_source=old)


def source_entry(world: MemoryWorld, mapping: MappingRules, id: str = "s", **more: Any) -> Entry:
    return of_source(world, mapping, id, **more).reconcile()


def target_entry(world: MemoryWorld, mapping: MappingRules, id: str = "t", **more: Any) -> Entry:
    return of_target(world, mapping, id, **more).reconcile()
