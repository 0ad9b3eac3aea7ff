"""What a run carries from phase to phase: its mapping compiled, both sides, statistics, and its claim on the row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from conf.script_config import ScriptConfig
from conf.terms import Phase
from flows.compilation import Compiler, scripts_of
from flows.engine.failures import RunFailed
from flows.engine.rules import Json, MappingRules
from flows.engine.source import SourceOperation
from flows.engine.target import TargetOperation
from flows.recon.bridge import Bridge
from flows.recon.fingerprints import Fingerprints
from flows.recon.link_stage import LinkStage
from flows.recon.linkage import Linkage
from flows.recon.notices import notifier
from flows.recon.page_world import PageWorld
from flows.recon.queries import SideQuery
from flows.recon.source_side import SourceSide, SystemSource
from flows.recon.target_set import TargetSet
from flows.recon.target_side import ManagedTarget, TargetSide
from flows.statistics import Statistics

if TYPE_CHECKING:
    from conf.mapping import ObjectMapping
    from conf.transaction import Transaction
    from flows.call import Call
    from flows.scripts.script import Script
    from flows.scripts.session import ScriptSession
    from flows.shell import Shell
    from flows.store.run_rows import RunRow


@dataclass
class Run:
    """One run under way, in one process."""

    call: Call
    row: RunRow
    owner: str
    token: int
    shell: Shell
    mapping: ObjectMapping
    compiler: Compiler
    session: ScriptSession
    rules: MappingRules
    linkage: Linkage
    source: SourceSide
    target: TargetSide
    source_query: SideQuery
    target_query: SideQuery
    statistics: Statistics
    fingerprints: Fingerprints | None = None
    """None: every pair is looked at each time."""
    sequential: bool = False
    """One transaction an entry: scripts that look at the store, or implicit synchronisation behind the target."""
    implicit: bool = False
    source_ids: Sequence[str] | None = None
    """Of reconById."""
    target_ids: Sequence[str] | None = None
    """Targets that the target phase is about, in place of those of the target query."""
    run_target_phase: bool = True
    allow_empty_source_set: bool = False
    qualifiers: Sequence[str] = ()
    """All qualifiers, for links and the target phase."""
    target_set: TargetSet | None = None
    process_keys: frozenset[str] = frozenset()
    seen: set[str] = field(default_factory=set)
    """Source ids met so far: a second row of one id is a failure of its own."""
    source_complete: bool = True
    """False once a row was met whose id cannot be read: then nothing may be concluded from an absence."""
    resumed: bool = False
    """This owner has not seen all pages, so it does not know every source id."""
    last_page_complete: bool = True
    """Whether the source said at its last page that nothing was lost."""
    cancel_asked: bool = False
    """Whether somebody wanted the run to stop when its last transaction ended."""
    open_processes: bool | None = None
    """Whether approvals of this mapping wait, as far as this run knows; None is to be looked up."""
    notes: list[str] = field(default_factory=list)
    """What is worth telling beside the counters; becomes the run's reason."""
    previous_cursor: str = ""
    """Where the page under way begins."""
    transaction: Transaction | None = None
    """Of the entry under way, for scripts."""
    world: PageWorld | None = None

    @property
    def id(self) -> str:
        return self.row.id

    @property
    def reads_ahead(self) -> bool:
        """Whether working on a page leaves what the next one reads as it is."""
        return (
            not self.sequential
            and self.source_ids is None
            and isinstance(self.source, SystemSource)
            and isinstance(self.target, ManagedTarget)
        )

    def has_file(self, file: str) -> bool:
        return self.compiler.has_file(file)

    def note(self, text: str) -> None:
        """Say something about the run as a whole."""
        self.notes.append(text)

    # link qualifiers

    def all_qualifiers(self) -> list[str]:
        """Every qualifier of the mapping."""
        return self.ask_qualifiers(None, return_all=True)

    def qualifiers_of(self, source: Json | None) -> Sequence[str]:
        """The qualifiers that apply to one source."""
        if isinstance(self.mapping.link_qualifiers, tuple):
            return self.mapping.link_qualifiers
        found = self.ask_qualifiers(source, return_all=False)
        for qualifier in found:
            if qualifier not in self.qualifiers:
                raise RunFailed(
                    f"The linkQualifiers script answered '{qualifier}' for one object but not when asked for all"
                )
        return found

    def ask_qualifiers(self, source: Json | None, *, return_all: bool) -> list[str]:
        configured = self.mapping.link_qualifiers
        if isinstance(configured, tuple):
            return list(configured)
        hook = self.compiler.required(configured, "linkQualifiersScript")
        scope = {
            "mapping": self.mapping.name,
            "object": source,
            "source": source,
            "oldValue": None,
            "returnAll": return_all,
        }
        found = hook(scope)
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise RunFailed("The linkQualifiers script did not return a list of names")
        return list(dict.fromkeys(found))

    # operations and worlds

    def source_operation(
        self, world: PageWorld, qualifier: str, source_id: str, source: Json | None
    ) -> SourceOperation:
        return SourceOperation(
            self.rules, world, qualifier, run_id=self.id, source_id=source_id, source=source
        )

    def target_operation(self, world: PageWorld, qualifier: str, target_id: str) -> TargetOperation:
        return TargetOperation(self.rules, world, qualifier, run_id=self.id, target_id=target_id)

    def open_world(self, transaction: Transaction, bridge: Bridge) -> PageWorld:
        """A fresh world for one transaction; scripts reach the store through it from now on."""
        call = self.call.inside(transaction)

        def read_source(id: str) -> Json | None:
            begun = perf_counter()
            try:
                return bridge.wait(self.source.read(call, id))
            finally:
                self.statistics.measured("sourceObjectQuery", perf_counter() - begun)

        self.transaction = transaction
        self.world = PageWorld(
            container=self.mapping.target,
            links=LinkStage(self.linkage, transaction, bridge, self.qualifiers, statistics=self.statistics),
            targets=self.target.stage(call, transaction, bridge, self.statistics),
            read_source=read_source,
            bridge=bridge,
            target_set=self.target_set,
            process_keys=self.process_keys,
        )
        if self.implicit:
            world = self.world
            self.world.notify = notifier(call, self.mapping.target, lambda: world)
        return self.world


def is_sequential(
    mapping: ObjectMapping, compile: Callable[[ScriptConfig], Script], has_file: Callable[[str], bool]
) -> bool:
    """Whether a script of the mapping may look at or change the store."""
    return any(compile(script).uses_openidm for script in scripts_of(mapping, has_file))


def script_texts(mapping: ObjectMapping, text: Callable[[str], str]) -> str:
    """The texts of the mapping's script files: a changed file changes how sources map."""
    files = sorted({script.file for script in scripts_of(mapping) if script.file})
    found: list[Any] = []
    for file in files:
        try:
            found.append([file, text(file)])
        except LookupError:
            found.append([file, None])
    return repr(found)


def phase_metric(phase: Phase) -> str:
    """The duration metric of a phase."""
    return "sourcePhase" if phase is Phase.SOURCE else "targetPhase"
