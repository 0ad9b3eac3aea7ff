"""Worlds at the moments at which something may happen to them."""

from __future__ import annotations

import asyncio
import csv
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from flows.store import schema
from tests import postgres
from tests.kills.lives import (
    AUDITED,
    HEADER,
    PEOPLE,
    SAMPLE,
    Undisturbed,
    Work,
    World,
    carry_out_all,
    decide_all,
    run_to_its_end,
    strangers,
)


@dataclass
class Worlds:
    """Each is made when it is first wanted, and copied for each case."""

    folder: Path
    server: str | None
    """The PostgreSQL that keeps their stores; without one these are SQLite."""
    stack: ExitStack

    @classmethod
    @contextmanager
    def kept(cls, folder: Path, server: str | None = None) -> Iterator[Worlds]:
        with ExitStack() as stack:
            yield cls(folder, server, stack)

    @cached_property
    def born(self) -> World:
        """A migrated, empty world with people in its source."""
        folder = self.folder / "born"
        shutil.copytree(SAMPLE, folder / "project")
        with (folder / "project" / "data" / "csvConnectorData.csv").open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(HEADER)
            for number in range(PEOPLE):
                id = f"p{number:02d}"
                writer.writerow(
                    ("made", id, f"{id}@example.com", id, "Person", f"{id}@example.com", "1234567")
                )
        (folder / "data").mkdir()
        database = self.stack.enter_context(postgres.database(self.server)) if self.server else None
        world = World(folder, self.server, database)
        asyncio.run(schema.upgrade(world.settings.database_url))
        assert world.live(strangers)[0] == 0
        return world

    @cached_property
    def asked(self) -> World:
        """The same after a run that nothing disturbed: everybody waits for a decision."""
        return self._after(self.born, "asked", run_to_its_end)[0]

    @cached_property
    def decided(self) -> World:
        """The same with every request decided, and nothing carried out."""
        return self._after(self.asked, "decided", decide_all)[0]

    @cached_property
    def undisturbed(self) -> Undisturbed:
        """What lives without a death leave behind."""
        works = (
            ("run", self.born, run_to_its_end),
            ("decide", self.asked, decide_all),
            ("perform", self.decided, carry_out_all),
        )
        visits = {name: self._after(before, name, work)[1] for name, before, work in works}
        return Undisturbed(visits, self.asked.counters(), self.asked.rows(AUDITED))

    def _after(self, before: World, name: str, work: Work) -> tuple[World, dict[str, int]]:
        """The world in which that has been done, and how often each place was visited."""
        world = self.stack.enter_context(before.copied(self.folder / name))
        ended, visits = world.live(work)
        assert ended == 0
        return world, visits
