"""Opening a claimed run: its pinned mapping compiled, its sides found, its lane chosen, its checkpoint read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from approvals import catalogue
from conf.errors import NotFound
from conf.mapping import ObjectMapping
from conf.reconciliation_mappings import kept_mapping
from flows.call import Call, Caller
from flows.compilation import Compiler
from flows.engine.failures import RunFailed
from flows.recon.bridge import Bridge
from flows.recon.fingerprints import Fingerprints
from flows.recon.linkage import Linkage
from flows.recon.queries import side_query
from flows.recon.run import Run, is_sequential, script_texts
from flows.recon.source_side import listed_source
from flows.recon.target_side import RoutedTarget, implicit_mappings, target_side
from flows.script_calls import dispatch
from flows.statistics import Statistics
from flows.store import runs
from flows.two_way.members import counterparts

if TYPE_CHECKING:
    from flows.call import Runtime
    from flows.shell import Shell
    from flows.store.run_rows import RunRow


async def open_run(runtime: Runtime, run_id: str, owner: str, token: int, shell: Shell) -> Run:
    """Everything a run needs; raises a ReconError that says why it cannot begin."""
    async with runtime.database.read() as transaction:
        row = await runs.read(transaction, run_id)
        pinned = await runs.configuration(transaction, run_id)
        keys = {found.key for found in await catalogue.everything(transaction)}
    if row is None:
        raise NotFound(f"Reconciliation with id {run_id} not found.")
    call = Call(runtime, Caller(row.user_id, via="system", roles=ADMIN), run_id, triggers=("recon",))
    mapping = pinned_mapping(runtime, pinned, row.mapping)
    statistics = Statistics.load(row.statistics)
    return build_run(call, row, owner, token, shell, mapping, statistics, frozenset(keys))


ADMIN = frozenset({"openidm-admin", "openidm-authorized"})
"""A run acts with the rights of the system; who started it stands in its row."""


def build_run(
    call: Call,
    row: RunRow,
    owner: str,
    token: int,
    shell: Shell,
    mapping: ObjectMapping,
    statistics: Statistics,
    process_keys: frozenset[str],
) -> Run:
    """Compile the mapping and find its sides."""
    runtime = call.runtime
    overrides: dict[str, Any] = row.request.get("overrides", {})
    holder: list[Run] = []

    def broker(verb: str, arguments: list[Any]) -> Any:
        run = holder[0]
        world = run.world
        if world is None or run.transaction is None:
            raise RunFailed("A script called openidm outside of an entry")
        world.boundary()
        answer = world.bridge.wait(dispatch(call.inside(run.transaction), verb, arguments))
        world.forget()
        return answer

    session = runtime.scripts.session(broker)
    has_file = own_file(runtime)
    assesses = str(row.request.get("assesses", ""))

    def find_counterparts(name: str, of_resource: bool, ids: list[str]) -> dict[str, str]:
        run = holder[0]
        if run.world is None or run.transaction is None:
            raise RunFailed("Members were asked for outside of an entry")
        return run.world.bridge.wait(counterparts(run.transaction, name, of_resource, ids))

    compiler = Compiler(runtime.scripts, session, statistics, has_file, find_counterparts, assesses)
    rules = compiler.rules(mapping)
    source_ids, target_ids = row.request.get("sourceIds"), row.request.get("targetIds")
    full_entries = overrides.get("sourceQueryFullEntry", mapping.source_query_full_entry)
    run_target_phase = overrides.get("runTargetPhase", mapping.run_target_phase)
    source_query = side_query(overrides.get("sourceQuery") or mapping.source_query, mapping.source)
    run = Run(
        call=call,
        row=row,
        owner=owner,
        token=token,
        shell=shell,
        mapping=mapping,
        compiler=compiler,
        session=session,
        rules=rules,
        linkage=Linkage.of(mapping),
        source=listed_source(call, mapping.source, source_query, full_entries),
        target=target_side(call, mapping.target),
        source_query=source_query,
        target_query=side_query(overrides.get("targetQuery") or mapping.target_query, mapping.target),
        statistics=statistics,
        source_ids=None if source_ids is None else tuple(source_ids),
        target_ids=None if target_ids is None else tuple(target_ids),
        run_target_phase=source_ids is None if run_target_phase is None else bool(run_target_phase),
        allow_empty_source_set=bool(overrides.get("allowEmptySourceSet", mapping.allow_empty_source_set)),
        process_keys=process_keys,
    )
    holder.append(run)
    checkpoint = row.checkpoint
    run.source_complete = checkpoint.get("complete", True)
    run.resumed = bool(checkpoint.get("page") or checkpoint.get("offset"))
    run.implicit = bool(implicit_mappings(call, rules))
    run.sequential = (
        run.implicit
        or isinstance(run.target, RoutedTarget)
        or is_sequential(mapping, runtime.scripts.compile, has_file)
    )
    if not run.sequential:
        texts = script_texts(mapping, runtime.project.script_text)
        run.fingerprints = Fingerprints.of(rules, mapping.raw, texts)
    return run


async def find_qualifiers(run: Run) -> None:
    """Every qualifier of the mapping; a script is asked in a thread, since it may look at the store."""
    if isinstance(run.mapping.link_qualifiers, tuple):
        run.qualifiers = run.mapping.link_qualifiers
        return
    async with run.call.runtime.database.write() as transaction:
        run.open_world(transaction, Bridge.here())
        run.qualifiers = await asyncio.to_thread(run.all_qualifiers)


def pinned_mapping(runtime: Runtime, pinned: dict[str, Any], name: str) -> ObjectMapping:
    """The mapping as it was when the run was launched."""
    documents = runtime.project.documents
    if all(documents.get(key) == document for key, document in pinned.items()):
        return runtime.project.mapping(name)
    if (kept := kept_mapping(pinned, name)) is None:
        raise NotFound(f"No such mapping: {name}")
    return kept


def own_file(runtime: Runtime) -> Callable[[str], bool]:
    """Whether the project itself has a script file of that name."""
    root = runtime.project.root
    return lambda file: (root / "script" / file).is_file() or (root / file).is_file()
