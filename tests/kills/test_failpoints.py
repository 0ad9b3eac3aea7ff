"""Processes die at each named place of a run, of a decision and of carrying it out: nothing is lost, doubled or stuck.

Each case forks a child that has everything imported, arms one failpoint in it, and lets it work until it kills itself;
then a second life goes on where the first one stopped. RECON_KILLS=long takes every visit of every place.
"""

from __future__ import annotations

import asyncio
import csv
import os
import shutil
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import conf
from conf import failpoints
from conf.database import Database
from conf.failpoints import Failpoints
from conf.settings import Settings
from flows.apply_intent import apply_intent
from flows.approval_loop import drain_intents
from flows.call import SYSTEM, Caller, Runtime, now_ms
from flows.consistency import violations
from flows.launch import Launch, launch
from flows.reconcile import execute_run
from flows.runtime import running
from flows.shell import EmbeddedShell
from flows.store import runs, schema
from flows.workflow_project import definitions_of

pytestmark = [pytest.mark.kills, pytest.mark.timeout(900)]

LONG = os.environ.get("RECON_KILLS") == "long"
PEOPLE = 20
PAGE = 1 if LONG else 4
"""Sources of a page, so that a run has a first, a middle and a last one."""
ONE_BY_ONE = PEOPLE - 2 if LONG else PEOPLE // 2
"""Tasks decided by a call each; the rest is decided at once."""
ALONE = 10 if LONG else 1
"""Orders carried out in a transaction each; the rest is carried out in a page."""
SAMPLE = Path(conf.__file__).parent / "samples" / "sync-asynchronous"
MAPPING = "systemCsvfileAccounts_managedUser"
HEADER = ("description", "uid", "username", "firstname", "lastname", "email", "mobileTelephoneNumber")
ADMIN = Caller("openidm-admin", roles=frozenset({"openidm-admin", "openidm-authorized"}))

RUN = ("R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15")
DECIDE = ("A5", "A6")
PERFORM = ("P2", "P4", "P9", "P10", "P11", "P12", "P13", "P15")
DIED = 128 + signal.SIGKILL

Work = Callable[[Runtime], Awaitable[None]]


@dataclass
class World:
    """A project and a store of its own for one life after the other."""

    folder: Path

    @property
    def settings(self) -> Settings:
        return Settings(
            project=self.folder / "project",
            data=self.folder / "data",
            executor="embedded",
            page_size=PAGE,
            decision_wait_seconds=0,
            lease_seconds=0.2,
        )

    def live(self, work: Work, armed: str | None = None, visit: int = 1) -> tuple[int, dict[str, int]]:
        """A life in a child of its own; answers how it ended, and how often it came by each place if it lived on."""
        tally = self.folder / "visits"
        child = os.fork()
        if child == 0:
            code = 1
            try:
                points = Failpoints({armed or "nowhere": (visit, "kill")})
                pytest.MonkeyPatch().setattr(failpoints, "PROCESS", points)
                asyncio.run(self._live(work))
                tally.write_text("\n".join(f"{name} {count}" for name, count in points.visits.items()))
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        ended = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        found = [line.split() for line in tally.read_text().splitlines()] if ended == 0 else []
        return ended, {name: int(count) for name, count in found}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the store says."""
        store = sqlite3.connect(self.folder / "data" / "reconvene.db")
        try:
            return store.execute(sql).fetchall()
        finally:
            store.close()

    def lapse(self) -> None:
        """Its leases run out."""
        store = sqlite3.connect(self.folder / "data" / "reconvene.db")
        try:
            store.execute("update recon_run set lease_until = 0 where working = 1")
            store.execute("update intent set lease_until = 0 where state = 'CLAIMED'")
            store.commit()
        finally:
            store.close()

    async def _live(self, work: Work) -> None:
        async with running(self.settings) as runtime:
            await definitions_of(runtime)
            await work(runtime)


@pytest.fixture(scope="session")
def born(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty world with people in its source; copied for each case."""
    folder = tmp_path_factory.mktemp("born")
    shutil.copytree(SAMPLE, folder / "project")
    with (folder / "project" / "data" / "csvConnectorData.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(HEADER)
        for number in range(PEOPLE):
            id = f"p{number:02d}"
            writer.writerow(("made", id, f"{id}@example.com", id, "Person", f"{id}@example.com", "1234567"))
    (folder / "data").mkdir()
    asyncio.run(schema.upgrade(f"sqlite:///{folder}/data/reconvene.db"))
    world = World(folder)
    assert world.live(strangers)[0] == 0
    return folder


@pytest.fixture(scope="session")
def asked(born: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after a run that nothing disturbed: everybody waits for a decision."""
    return after(born, tmp_path_factory.mktemp("asked"), run_to_its_end)


@pytest.fixture(scope="session")
def decided(asked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with every request decided, and nothing carried out."""
    return after(asked, tmp_path_factory.mktemp("decided"), decide_all)


def after(before: Path, folder: Path, work: Work) -> Path:
    shutil.copytree(before, folder, dirs_exist_ok=True)
    assert World(folder).live(work)[0] == 0
    return folder


@dataclass
class Undisturbed:
    """What lives without a death leave behind, and how often they come by each place."""

    visits: dict[str, dict[str, int]]
    counters: list[tuple[Any, ...]]
    audited: list[tuple[Any, ...]]


@pytest.fixture(scope="session")
def undisturbed(
    born: Path, asked: Path, decided: Path, tmp_path_factory: pytest.TempPathFactory
) -> Undisturbed:
    visits = {}
    for name, before, work in (
        ("run", born, run_to_its_end), ("decide", asked, decide_all), ("perform", decided, carry_out_all)
    ):  # fmt: skip
        folder = tmp_path_factory.mktemp(name)
        shutil.copytree(before, folder, dirs_exist_ok=True)
        ended, visits[name] = World(folder).live(work)
        assert ended == 0
    world = World(asked)
    return Undisturbed(visits, world.rows(COUNTERS), world.rows(AUDITED))


COUNTERS = (
    "select json_extract(statistics, '$.source'), json_extract(statistics, '$.target'),"
    " json_extract(statistics, '$.situations'), json_extract(statistics, '$.statuses'),"
    " json_extract(statistics, '$.links'), json_extract(statistics, '$.effects') from recon_run"
)
AUDITED = (
    "select entry_type, phase, source_id, target_id, situation, action, status from audit_recon"
    " order by entry_type, phase, source_id, target_id"
)
USERS = "select id from managed_object where id like 'p__' order by id"
APPROVED = (
    "select p.object_id from decision d join task_instance t on t.seq = d.task join process_instance p"
    " on p.seq = t.process where d.verdict = 'approved' order by p.object_id"
)


def die_and_go_on(
    before: Path, folder: Path, work: Work, visits: dict[str, int], place: str, when: str
) -> list[World]:
    """Worlds in which a life died at a visit of the place and a second one has ended what it began."""
    count = visits.get(place, 0)
    assert count, f"nothing comes by {place}; these are visited: {sorted(visits)}"
    middle = range(2, count) if LONG else [(count + 1) // 2]
    worlds = []
    for visit in {"first": [1], "last": [count], "middle": middle}[when]:
        world = World(folder / str(visit))
        shutil.copytree(before, world.folder)
        assert world.live(work, place, visit)[0] == DIED
        assert broken_promises(world) == []
        world.lapse()
        assert world.live(work)[0] == 0
        assert broken_promises(world) == []
        assert world.rows("select count(*) from recon_run where working = 1 or state = 'ACTIVE'") == [(0,)]
        worlds.append(world)
    return worlds


def broken_promises(world: World) -> list[Any]:
    async def look() -> list[Any]:
        database = await Database.open(world.settings.database_url)
        try:
            async with database.read() as tx:
                # the world was copied from one that is older than anything may be left undone
                ((ordered,),) = await tx.fetch("select max(created_at) from intent")
                return list(await violations(tx, ordered or now_ms()))
        finally:
            await database.close()

    return asyncio.run(look())


# what a life does


async def strangers(runtime: Runtime) -> None:
    """Users that no source knows, for the target phase."""
    for number in range(PEOPLE // 2):
        name = f"stranger{number}"
        body = {"userName": name, "givenName": name, "sn": "Person", "mail": f"{name}@example.com"}
        await runtime.router.create(runtime.call(ADMIN), "managed/user", name, body)


async def run_to_its_end(runtime: Runtime) -> None:
    """Launch a run unless one is there, take it as a worker does, and end it."""
    async with runtime.database.read() as tx:
        known = await tx.fetch("select id, state from recon_run")
    if not known:
        await launch(runtime.call(SYSTEM), Launch(MAPPING))
        async with runtime.database.read() as tx:
            known = await tx.fetch("select id, state from recon_run")
    ((id, state),) = known
    while state == "ACTIVE":
        async with runtime.database.write() as tx:
            taken = await runs.claim(tx, id, "second life", now_ms(), now_ms() + 60_000)
        if taken is not None:
            await execute_run(runtime, id, "second life", taken.token, EmbeddedShell())
        async with runtime.database.read() as tx:
            ((state,),) = await tx.fetch("select state from recon_run")
    assert state == "SUCCESS"


async def decide_all(runtime: Runtime) -> None:
    """Approve all but every fifth, one by one, then the rest at once."""
    async with runtime.database.read() as tx:
        waiting = [
            seq
            for (seq,) in await tx.fetch("select seq from task_instance where status = 'OPEN' order by seq")
        ]
    resource = "workflow/taskinstance"
    for seq in waiting[:ONE_BY_ONE]:
        yes = {"requestApproved": "false" if seq % 5 == 0 else "true"}
        await runtime.router.action(runtime.call(ADMIN), f"{resource}/{seq}", "complete", yes, {})
    for answer, group in (
        ("false", [str(seq) for seq in waiting[ONE_BY_ONE:] if seq % 5 == 0]),
        ("true", [str(seq) for seq in waiting[ONE_BY_ONE:] if seq % 5]),
    ):
        if group:
            await runtime.router.action(
                runtime.call(ADMIN), resource, "complete", {"ids": group, "requestApproved": answer}, {}
            )


async def carry_out_all(runtime: Runtime) -> None:
    """Carry out what is ordered, in two ways: some orders alone, the others in a page."""
    async with runtime.database.read() as tx:
        ordered = await tx.fetch("select seq from intent where state <> 'APPLIED' order by seq")
    for (seq,) in ordered[:ALONE]:
        await apply_intent(runtime, seq)
    while await drain_intents(runtime, None, "worker/decisions"):
        pass


# the cases


def cases(places: tuple[str, ...]) -> list[tuple[str, str]]:
    when = ("first", "middle", "last")
    if LONG:
        return [(place, each) for place in places for each in when]
    return [(place, when[number % 3]) for number, place in enumerate(places)] + [
        (place, when[(number + 1) % 3]) for number, place in enumerate(places) if number % 2 == 0
    ]


@pytest.mark.parametrize(("place", "when"), cases(RUN))
def test_a_run_that_dies_goes_on(
    born: Path, undisturbed: Undisturbed, tmp_path: Path, place: str, when: str
) -> None:
    for world in die_and_go_on(born, tmp_path, run_to_its_end, undisturbed.visits["run"], place, when):
        assert world.rows(COUNTERS) == undisturbed.counters
        assert world.rows(AUDITED) == undisturbed.audited
        assert world.rows("select count(*) from task_instance where status = 'OPEN'") == [(PEOPLE,)]


@pytest.mark.parametrize(("place", "when"), cases(DECIDE))
def test_decisions_survive_a_death(
    asked: Path, undisturbed: Undisturbed, tmp_path: Path, place: str, when: str
) -> None:
    for world in die_and_go_on(asked, tmp_path, decide_all, undisturbed.visits["decide"], place, when):
        assert world.rows("select count(*) from decision") == [(PEOPLE,)]


@pytest.mark.parametrize(("place", "when"), cases(PERFORM))
def test_approvals_are_carried_out_once(
    decided: Path, undisturbed: Undisturbed, tmp_path: Path, place: str, when: str
) -> None:
    for world in die_and_go_on(decided, tmp_path, carry_out_all, undisturbed.visits["perform"], place, when):
        assert world.rows(USERS) == world.rows(APPROVED)
        assert world.rows("select first_id from link order by first_id") == world.rows(APPROVED)
        assert world.rows("select count(*) from intent where state <> 'APPLIED'") == [(0,)]
