"""Flow runs in memory: the port that Prefect implements, with what people and crashes may do to runs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from approvals.definitions import ProcessDeclaration
from flows import procedure
from flows.flow_runs import Driven, Ending, Phase, PrefectAway, Resumption, ShownRun, SuspendedRun
from flows.procedure import AskedAgain, Waiting, Work
from flows.process import ProcessDefinition


@dataclass
class Shelf:
    """A Prefect server that can be away."""

    away: bool = False
    lost_creations: int = 0
    """So many creations answer that they failed, as a server with a locked database does."""
    runs: dict[str, ShownRun] = field(default_factory=dict)
    created: dict[str, SuspendedRun] = field(default_factory=dict)
    endings: dict[str, Ending] = field(default_factory=dict)
    carried_out: list[int] = field(default_factory=list)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def answers(self) -> bool:
        return not self.away

    def forget(self) -> None:
        return None

    async def suspend(self, declaration: ProcessDeclaration, runs: Sequence[SuspendedRun]) -> dict[str, str]:
        self._check()
        found = {}
        for run in runs:
            if self.lost_creations:
                self.lost_creations -= 1
                continue
            found[run.key] = self._create(run, Phase.SUSPENDED, "Suspended")
        return found

    async def start(self, declaration: ProcessDeclaration, run: SuspendedRun) -> str:
        self._check()
        return self._create(run, Phase.RESUMED, "Scheduled")

    async def states(self, ids: Sequence[str]) -> dict[str, ShownRun]:
        self._check()
        return {id: self.runs[id] for id in ids if id in self.runs}

    async def stirring(self) -> list[ShownRun]:
        self._check()
        return [run for run in self.runs.values() if run.phase in (Phase.RESUMED, Phase.RUNNING)]

    async def suspended(self, offset: int, limit: int) -> list[ShownRun]:
        self._check()
        return [run for run in self.runs.values() if run.phase is Phase.SUSPENDED][offset : offset + limit]

    async def close(self, ids: Sequence[str], ending: Ending) -> None:
        self._check()
        for id in ids:
            if id in self.runs and self.runs[id].phase is not Phase.ENDED:
                self.show(id, Phase.ENDED, str(ending.outcome))
                self.endings[id] = ending

    async def carry_out(self, resumption: Resumption, definition: ProcessDefinition, work: Work) -> Driven:
        self._check()
        run = self.runs.get(resumption.flow_run_id)
        if run is None or run.phase is Phase.ENDED:
            return Driven.GONE
        self.carried_out.append(resumption.process)
        try:
            await procedure.carry_out(work, definition.procedure, resumption.process)
        except Waiting:
            self.show(run.id, Phase.SUSPENDED, "Suspended")
        except AskedAgain:
            self.show(run.id, Phase.ENDED, "Failed")
        else:
            self.show(run.id, Phase.ENDED, "Completed")
        return Driven.DONE

    def show(self, id: str, phase: Phase, state: str, since: int = 0) -> None:
        """What somebody, or something, did to a run."""
        self.runs[id] = replace(self.runs[id], phase=phase, state=state, since=since)

    def named(self, phase: Phase) -> list[str]:
        return sorted(self.created[id].name for id, run in self.runs.items() if run.phase is phase)

    def _create(self, run: SuspendedRun, phase: Phase, state: str) -> str:
        for id, known in self.created.items():
            if known.key == run.key:
                return id
        id = f"flow-run-{next(self._ids)}"
        self.created[id] = run
        self.runs[id] = ShownRun(id, phase, state, 0)
        return id

    def _check(self) -> None:
        if self.away:
            raise PrefectAway("connection refused")
