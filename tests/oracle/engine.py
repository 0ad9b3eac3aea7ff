"""The engine as it runs: launched, claimed and carried out page by page over a real store."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from conf.database import Database
from conf.project import LiveProject, open_project
from conf.settings import Settings
from flows.call import SYSTEM, Runtime, now_ms
from flows.launch import Launch, launch
from flows.reconcile import execute_run
from flows.router import Router
from flows.scripts.host import ScriptHost
from flows.shell import EmbeddedShell, Interrupted
from flows.store import links, managed, runs
from flows.store.managed import Stored, new_rev
from flows.store.run_rows import RunRow
from flows.store.schema import migrate
from tests.oracle.answer import Answer
from tests.oracle.terms import Json, Launched
from tests.oracle.terms import Mapping as Rules

T = TypeVar("T")

NAME = "small"
TABLES = ("managed_object", "link", "recon_run", "recon_page", "recon_entry", "audit_recon", "audit_event")
FAR = 2**53


def small_project(root: Path) -> LiveProject:
    """A project folder with two types of objects that declare nothing."""
    (root / "conf").mkdir(parents=True)
    types = {"objects": [{"name": "src"}, {"name": "dst"}, {"name": "other"}]}
    (root / "conf" / "managed.json").write_text(json.dumps(types))
    return open_project(root)


class Stop:
    """Stops the worker, as a kill would, after so many steps, and then again after so many more."""

    def __init__(self, after: Sequence[int] = ()) -> None:
        self.waiting = list(after)

    def count(self) -> None:
        """One step more."""
        if self.waiting:
            self.waiting[0] -= 1
            if self.waiting[0] < 0:
                del self.waiting[0]
                raise Interrupted("stopped by the test")


class StoppingShell(EmbeddedShell):
    """Counts what begins: the phases, and each page of one."""

    def __init__(self, stop: Stop) -> None:
        super().__init__()
        self.stop = stop

    async def step(self, name: str, act: Callable[[], Awaitable[T]]) -> T:
        self.stop.count()
        return await act()


class Engine:
    """One store and one page size."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.named: dict[str, str] = {}
        """Names of objects whose ids the store made, in the order of their creation."""

    @classmethod
    async def open(
        cls, project: LiveProject, scripts: ScriptHost, page_size: int, url: str | None = None
    ) -> Engine:
        """On SQLite in the project's folder, unless the address of another database is given."""
        settings = Settings(project=project.root, page_size=page_size)
        settings.data.mkdir(exist_ok=True)
        own = f"sqlite:///{settings.data.resolve()}/pages-of-{page_size}.db"
        database = await Database.open(url or own)
        await migrate(database)
        return cls(Runtime(settings, database, project, Router(), scripts))

    async def close(self) -> None:
        await self.runtime.database.close()

    async def begin(
        self, sources: dict[str, Json], targets: dict[str, Json], made: dict[tuple[str, str], str]
    ) -> None:
        """Forget everything and take in a new world."""
        self.named.clear()
        async with self.runtime.database.write() as tx:
            for table in TABLES:
                await tx.run(f"delete from {table}")
            for type, objects in (("src", sources), ("dst", targets)):
                rows = [Stored(id, new_rev(), body, None, None) for id, body in objects.items()]
                await managed.insert_many(tx, type, rows)
            await links.insert_many(tx, [links.NewLink(NAME, q, s, t) for (q, s), t in made.items()])

    def configure(self, mapping: Rules, *, sequential: bool = False) -> None:
        """Put a mapping in force; with a mapping behind its target, each entry has a transaction of its own."""
        behind = {
            "name": "behind",
            "source": "managed/dst",
            "target": "managed/other",
            "enableSync": sequential,
        }
        self.runtime.project.put("sync", {"mappings": [mapping.text(), behind]})
        found = self.runtime.project.mapping(NAME)
        assert not found.problems, found.problems

    async def write(self, type: str, objects: Mapping[str, Json | None]) -> None:
        """Create or replace objects; None deletes."""
        if not objects:
            return
        async with self.runtime.database.write() as tx:
            there = await managed.read_many(tx, type, list(objects))
            rows = {
                id: Stored(id, new_rev(), body, None, None)
                for id, body in objects.items()
                if body is not None
            }
            await managed.delete_many(tx, type, [id for id in objects if id not in rows])
            await managed.insert_many(tx, type, [row for id, row in rows.items() if id not in there])
            await managed.update_many(tx, type, [row for id, row in rows.items() if id in there])

    async def run(self, asked: Launched, *, stops: Sequence[int] = (), kills: Sequence[int] = ()) -> Answer:
        """One run. `stops` counts steps, `kills` moments at which the clock is looked at, within transactions too."""
        call = self.runtime.call(SYSTEM)
        action = "recon" if asked.ids is None else "reconById"
        row = await launch(
            call, Launch(NAME, action, asked.ids, asked.overrides(), is_analysis=asked.analysis)
        )
        stop, kill = Stop(stops), Stop(kills)

        def clock() -> int:
            kill.count()
            return now_ms()

        runtime = replace(self.runtime, clock=clock)
        while not row.ended:
            row = await self._carry_on(runtime, row.id, StoppingShell(stop))
        return await self._answer(row)

    async def _carry_on(self, runtime: Runtime, run_id: str, shell: StoppingShell) -> RunRow:
        async with runtime.database.write() as tx:
            await runs.release_owner(tx, "worker")
            claimed = await runs.claim(tx, run_id, "worker", 1, FAR)
        assert claimed is not None
        with suppress(Interrupted):
            await execute_run(runtime, run_id, "worker", claimed.token, shell)
        async with runtime.database.read() as tx:
            row = await runs.read(tx, run_id)
        assert row is not None
        return row

    async def _answer(self, row: RunRow) -> Answer:
        async with self.runtime.database.read() as tx:
            rows = await tx.fetch(
                "select phase, qualifier, situation, action, status, source_id, target_id, ambiguous, message "
                "from audit_recon where recon_id = ? and entry_type = 'entry' order by seq",
                (row.id,),
            )
        told: dict[str, Any] = row.statistics
        answer = Answer(state=str(row.state))
        if told:
            answer.source = (told["source"][0], shown(told["source"][1]))
            answer.target = (told["target"][0], shown(told["target"][1]))
            total = told["links"][1]
            if total is None and row.state == "SUCCESS":
                total = told["links"][0]
            answer.links = (told["links"][0], shown(total))
            answer.links_created = told["links"][2]
            answer.effects = Counter(told["effects"])
            answer.situations = Counter(told["situations"])
            answer.statuses = Counter(told["statuses"])
        for phase, qualifier, situation, action, status, source, target, ambiguous, message in rows:
            if action == "CREATE" and target is not None and is_made(target):
                self.named.setdefault(target, f"new{len(self.named) + 1}")
            answer.entries.append(
                {
                    "phase": phase,
                    "qualifier": qualifier,
                    "situation": situation,
                    "action": action,
                    "status": status,
                    "source": source,
                    "target": self._name(target),
                    "ambiguous": sorted(str(self._name(id)) for id in (ambiguous or "").split(", ") if id),
                    "message": message if message is None else self._renamed(message),
                }
            )
        return answer

    def _name(self, id: str | None) -> str | None:
        return None if id is None else self.named.get(id, id)

    def _renamed(self, message: str) -> str:
        if message.startswith("/"):  # a pointer that cannot be written; why is the engine's to tell
            return message.split(" ", maxsplit=1)[0].rstrip(":")
        for id, name in self.named.items():
            message = message.replace(id, name)
        return message

    async def state(self) -> tuple[dict[str, Json], dict[tuple[str, str], str]]:
        """Targets and links as they are."""
        async with self.runtime.database.read() as tx:
            found = (await managed.find(tx, "dst")).rows
            linked = await links.all_links(tx, NAME)
        return (
            {str(self._name(one.id)): one.body for one in found},
            {(one.qualifier, one.first_id): str(self._name(one.second_id)) for one in linked},
        )

    async def revisions(self) -> dict[str, int]:
        async with self.runtime.database.read() as tx:
            return {one.id: one.rev for one in (await managed.find(tx, "dst")).rows}

    def real(self, id: str) -> str:
        """The store's own id of a made object."""
        return next((real for real, name in self.named.items() if name == id), id)


def is_made(id: str) -> bool:
    return len(id) == 36 and id.count("-") == 4


def shown(total: int | None) -> str:
    return "?" if total is None else str(total)
