"""Worlds in which one life goes on where another one stopped: a child each, on a project and a store of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
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
from flows.store import runs
from flows.workflow_project import definitions_of
from tests import postgres, stored
from tests.kills.databases import LONG

PEOPLE = 20
PAGE = 1 if LONG else 4
"""Sources of a page, so that a run has a first, a middle and a last one."""
ONE_BY_ONE = PEOPLE - 2 if LONG else PEOPLE // 2
"""Tasks decided by a call each; the rest is decided at once."""
ALONE = 14 if LONG else 1
"""Orders carried out in a transaction each; the rest is carried out in a page."""
SAMPLE = Path(conf.__file__).parent / "samples" / "sync-asynchronous"
MAPPING = "systemCsvfileAccounts_managedUser"
HEADER = ("description", "uid", "username", "firstname", "lastname", "email", "mobileTelephoneNumber")
DIED = 128 + signal.SIGKILL
"""How a life ends that a failpoint ended."""
ADMIN = Caller("openidm-admin", roles=frozenset({"openidm-admin", "openidm-authorized"}))

Work = Callable[[Runtime], Awaitable[None]]


@dataclass
class World:
    """A project and a store of its own for one life after the other."""

    folder: Path
    server: str | None = None
    """The PostgreSQL that keeps the store; without one it is SQLite in the data folder."""
    database: str | None = None

    @contextmanager
    def copied(self, folder: Path) -> Iterator[World]:
        """The same world once more, for as long as it is needed."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        if self.server is None:
            yield World(folder)
            return
        with postgres.database(self.server, self.database) as url:
            yield World(folder, self.server, url)

    @property
    def settings(self) -> Settings:
        return Settings(
            project=self.folder / "project",
            data=self.folder / "data",
            database=self.database,
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
            except BaseException as error:
                (self.folder / "error").write_text(f"{type(error).__name__}: {error}")
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        ended = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        found = [line.split() for line in tally.read_text().splitlines()] if ended == 0 else []
        return ended, {name: int(count) for name, count in found}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the store says."""
        return stored.rows(self.settings.database_url, sql)

    def counters(self) -> list[dict[str, Any]]:
        """What its runs have counted."""
        told = [json.loads(text) for (text,) in self.rows("select statistics from recon_run")]
        return [{name: counted[name] for name in COUNTED} for counted in told]

    def lapse(self) -> None:
        """Its leases run out."""
        stored.change(
            self.settings.database_url,
            "update recon_run set lease_until = 0 where working = 1;"
            "update intent set lease_until = 0 where state = 'CLAIMED'",
        )

    async def _live(self, work: Work) -> None:
        async with running(self.settings) as runtime:
            await definitions_of(runtime)
            await work(runtime)


@dataclass
class Undisturbed:
    """What lives without a death leave behind, and how often they come by each place."""

    visits: dict[str, dict[str, int]]
    counters: list[dict[str, Any]]
    audited: list[tuple[Any, ...]]


COUNTED = ("source", "target", "situations", "statuses", "links", "effects")
AUDITED = (
    "select entry_type, phase, source_id, target_id, situation, action, status from audit_recon"
    " order by entry_type, phase, source_id, target_id"
)
USERS = "select id from managed_object where id like 'p__' order by id"
APPROVED = (
    "select p.object_id from decision d join task_instance t on t.seq = d.task join process_instance p"
    " on p.seq = t.process where d.verdict = 'approved' order by p.object_id"
)


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
