"""One mapping opened for single pairs: performAction and implicit synchronisation, inside a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from approvals import catalogue
from conf.errors import Conflict
from conf.terms import DEFAULT_QUALIFIER
from flows.compilation import Compiler
from flows.engine.rules import Json, MappingRules
from flows.recon.bridge import Bridge
from flows.recon.link_stage import LinkStage
from flows.recon.linkage import Linkage
from flows.recon.notices import notifier
from flows.recon.opening import own_file
from flows.recon.page_world import PageWorld
from flows.recon.requests import open_request
from flows.recon.source_side import SourceSide, source_side
from flows.recon.target_side import implicit_mappings, target_side
from flows.script_calls import dispatch
from flows.statistics import Statistics
from flows.two_way.members import counterparts

if TYPE_CHECKING:
    from conf.mapping import ObjectMapping
    from flows.call import Call
    from flows.scripts.broker import Broker
    from flows.scripts.session import ScriptSession


@dataclass
class Pair:
    """A mapping with a world for one transaction; close it when done."""

    call: Call
    mapping: ObjectMapping
    rules: MappingRules
    compiler: Compiler
    source: SourceSide
    world: PageWorld
    session: ScriptSession

    async def read_source(self, id: str) -> Json | None:
        """The source object now."""
        found = await self.source.read(self.call, id)
        self.world.sources[id] = found
        return found

    def close(self) -> None:
        self.session.close()


async def open_pair(
    call: Call, mapping_name: str, *, run_id: str | None = None, broker: Broker | None = None
) -> Pair:
    """Open a mapping in the call's transaction. Raises NotFound for an unknown one, Conflict for one out of service.

    `broker` answers what scripts ask of `openidm`, where it is not to be carried out inside the transaction.
    """
    runtime = call.runtime
    mapping = runtime.project.mapping(mapping_name)
    if mapping.problems:
        raise Conflict(f"Mapping {mapping.name} is out of service: {'; '.join(mapping.problems)}")
    if call.transaction is None:
        raise Conflict("A pair is processed inside a transaction")
    transaction, bridge = call.transaction, Bridge.here()
    holder: list[PageWorld] = []

    def carry_out(verb: str, arguments: list[Any]) -> Any:
        world = holder[0]
        world.boundary()
        answer = bridge.wait(dispatch(call, verb, arguments))
        world.forget()
        return answer

    session = runtime.scripts.session(broker or carry_out)
    statistics = Statistics()  # nobody asks for those of a pair

    def find_counterparts(name: str, of_resource: bool, ids: list[str]) -> dict[str, str]:
        return bridge.wait(counterparts(transaction, name, of_resource, ids))

    compiler = Compiler(runtime.scripts, session, statistics, own_file(runtime), find_counterparts)
    rules = compiler.rules(mapping)
    source = source_side(call, mapping.source)
    implicit = bool(implicit_mappings(call, rules))
    world = PageWorld(
        container=mapping.target,
        links=LinkStage(Linkage.of(mapping), transaction, bridge, known_qualifiers(mapping)),
        targets=target_side(call, mapping.target).stage(call, transaction, bridge, statistics),
        read_source=lambda source_id: bridge.wait(source.read(call, source_id)),
        bridge=bridge,
        process_keys=frozenset(found.key for found in await catalogue.everything(transaction)),
        open_process=lambda request: open_request(call, mapping, request, run_id),
        notify=notifier(call, mapping.target, lambda: holder[0]) if implicit else None,
    )
    holder.append(world)
    return Pair(call, mapping, rules, compiler, source, world, session)


def known_qualifiers(mapping: ObjectMapping) -> tuple[str, ...]:
    """Configured qualifiers; a script's are not known before it is asked."""
    configured = mapping.link_qualifiers
    return configured if isinstance(configured, tuple) else (DEFAULT_QUALIFIER,)
