"""What surrounds the product fails for a while: nothing is lost or doubled, and all goes on by itself afterwards."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from conf.settings import Settings
from flows.prefect_database import with_prefect_database
from tests import postgres
from tests.kills.databases import LONG_ON_POSTGRESQL
from tests.kills.deciding import (
    approved_of,
    check,
    decide_all,
    decide_each,
    open_tasks,
    progress,
    settled,
    verdicts_on,
)
from tests.kills.product import APPROVER, Product
from tests.kills.shown import suspended
from tests.prefect_server import start_server, stop_server, wait_for_server
from tests.product import free_port

pytestmark = [pytest.mark.kills, pytest.mark.timeout(400)]

LOCKED_SECONDS = 30
GONE_SECONDS = 60


def people(name: str, count: int) -> list[str]:
    return [f"{name}{number:03d}" for number in range(count)]


# the database


@contextmanager
def locked(store: str, seconds: float) -> Iterator[None]:
    """Another program than the product locks its database against writing for so long, and then no more."""
    lock = lock_file if store.startswith("sqlite") else lock_tables
    held, over = threading.Event(), threading.Event()
    other = threading.Thread(target=lock, args=(store, held, over))
    other.start()
    assert held.wait(30)
    free = threading.Timer(seconds, over.set)
    free.start()
    try:
        yield
    finally:
        free.join()
        other.join()


def lock_file(store: str, held: threading.Event, over: threading.Event) -> None:
    path = str(make_url(store).database)
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as other:
        other.execute("begin immediate")
        held.set()
        over.wait()
        other.execute("rollback")


def lock_tables(store: str, held: threading.Event, over: threading.Event) -> None:
    async def lock() -> None:
        other = await asyncpg.connect(store)
        try:
            async with other.transaction():
                tables = await other.fetch("select tablename from pg_tables where schemaname = 'public'")
                names = ", ".join(name for (name,) in tables)
                await other.execute(f"lock table {names} in exclusive mode")
                held.set()
                await asyncio.to_thread(over.wait)
        finally:
            await other.close()

    asyncio.run(lock())


@LONG_ON_POSTGRESQL
def test_a_database_that_is_locked_for_half_a_minute_is_waited_for(
    tmp_path: Path, store: dict[str, str]
) -> None:
    with Product(tmp_path, executor="embedded", environment={"RECON_PAGE_SIZE": "1"}, **store) as product:
        product.create_approver()
        asked, fresh = people("asked", 20), people("fresh", 160)
        product.write_people(asked)
        product.recon()
        tasks, verdicts = open_tasks(product), verdicts_on(asked)
        product.write_people(asked + fresh)
        run = product.launch()
        product.wait_until(lambda: progress(product, run) > 0, "the run has done a page")
        body = {"requestApproved": "true" if verdicts[asked[0]] else "false"}
        with locked(product.store, LOCKED_SECONDS):
            begun = time.monotonic()
            assert progress(product, run) < len(asked + fresh), "the run had ended before"
            assert time.monotonic() - begun < 5, "reading waits for nobody"
            first = f"workflow/taskinstance/{tasks[asked[0]]}?_action=complete"
            status, answer = product.call("POST", first, body, APPROVER)
            assert (status, answer["code"]) == (503, 503)
            decide_each(product, tasks, verdicts)
        assert product.wait_for_run(run)["state"] == "SUCCESS"
        approved = approved_of(verdicts)
        more = verdicts_on(fresh)
        decide_all(product, more)
        settled(product, approved | approved_of(more))
        check(product, approved | approved_of(more), asked + fresh)


# the Prefect server


def start_elsewhere(
    folder: Path, port: int, store: dict[str, str]
) -> tuple[subprocess.Popen[bytes], Settings]:
    """A Prefect server that is not the product's own, on the kind of database that the product has."""
    settings = Settings.model_validate({"project": folder, "data": folder / "elsewhere", **store})
    settings = asyncio.run(with_prefect_database(settings))
    server = start_server(settings, port)
    wait_for_server(server, f"http://127.0.0.1:{port}/api")
    return server, settings


def wipe(elsewhere: Settings) -> None:
    shutil.rmtree(elsewhere.data)
    if elsewhere.prefect_database:
        postgres.drop_database(elsewhere.database_url, elsewhere.prefect_database)


@LONG_ON_POSTGRESQL
def test_without_its_prefect_server_all_goes_on_and_the_picture_is_put_right_when_it_is_back(
    tmp_path: Path, store: dict[str, str]
) -> None:
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    server, elsewhere = start_elsewhere(tmp_path, port, store)
    try:
        with Product(tmp_path, environment={"RECON_PREFECT_API": api}, **store) as product:
            product.create_approver()
            early, late = people("early", 10), people("late", 10)
            product.write_people(early)
            product.recon()
            product.wait_until(lambda: len(suspended(api) or ()) == 10, "Prefect shows what waits")

            stop_server(server)
            gone = time.monotonic()
            wipe(elsewhere)
            product.write_people(early + late)
            assert product.recon()["state"] == "SUCCESS"
            verdicts = verdicts_on(early)
            decide_all(product, verdicts)
            open_for(product, late)
            product.wait_until(
                lambda: len(product.query("managed/user")) == len(approved_of(verdicts)) + 1,
                "decisions are carried out without Prefect",
            )
            time.sleep(max(0.0, gone + GONE_SECONDS - time.monotonic()))

            server, elsewhere = start_elsewhere(tmp_path, port, store)
            product.wait_until(
                lambda: len(suspended(api) or ()) == 10, "an empty Prefect shows what waits again"
            )
            more = verdicts_on(late)
            decide_all(product, more)
            settled(product, approved_of(verdicts) | approved_of(more))
            product.wait_until(lambda: suspended(api) == set(), "Prefect shows that nothing waits")
            check(product, approved_of(verdicts) | approved_of(more), early + late)
    finally:
        stop_server(server)


def open_for(product: Product, ids: list[str]) -> None:
    assert sorted(open_tasks(product)) == sorted(ids)


# a worker that hangs


@LONG_ON_POSTGRESQL
def test_a_worker_that_was_stopped_beyond_its_lease_writes_nothing_when_it_goes_on(
    tmp_path: Path, store: dict[str, str]
) -> None:
    quick = {"RECON_PAGE_SIZE": "1", "RECON_LEASE_SECONDS": "2"}
    with Product(tmp_path, executor="embedded", workers=2, environment=quick, **store) as product:
        product.create_approver()
        ids = people("p", 200)
        product.write_people(ids)
        run = product.launch()
        product.wait_until(lambda: progress(product, run) > 0, "the run has done a page")
        with stopped(product, holder(product)) as pid:
            ((token, owner),) = product.rows("select token, owner from recon_run")
            assert f"-{pid}-" in owner, "the run had ended before"
            product.wait_until(
                lambda: product.rows("select token from recon_run") != [(token,)],
                "the other worker takes over",
            )
        summary = product.wait_for_run(run)
        assert (summary["state"], summary["situationSummary"]["ABSENT"]) == ("SUCCESS", len(ids))
        assert len(product.query("workflow/taskinstance")) == len(ids)

        # and while decisions are carried out: whichever worker is at it
        everybody = {"_queryFilter": "true", "requestApproved": "true", "confirm": len(ids)}
        deciding = threading.Thread(
            target=product.call,
            args=("POST", "workflow/taskinstance?_action=complete", everybody, APPROVER, 60),
        )
        deciding.start()
        for pid in product.children("worker"):
            with stopped(product, pid):
                time.sleep(3)
        deciding.join()
        settled(product, set(ids))
        check(product, set(ids), ids)


def holder(product: Product) -> int:
    """The process that has the run."""
    ((owner,),) = product.rows("select owner from recon_run")
    return int(owner.split("/")[0].rsplit("-", 2)[1])


@contextmanager
def stopped(product: Product, pid: int) -> Iterator[int]:
    """A process that hangs; not while it holds SQLite's lock, since then it would stop everybody."""
    while True:
        os.kill(pid, signal.SIGSTOP)
        while any(state(thread) != "T" for thread in Path(f"/proc/{pid}/task").iterdir()):
            time.sleep(0.002)
        if not is_locked(product.store):
            break
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.005)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGCONT)


def state(thread: Path) -> str:
    return (thread / "stat").read_text().rpartition(")")[2].split()[0]


def is_locked(store: str) -> bool:
    """Whether somebody has the lock of a file; on PostgreSQL who waits ends who hangs."""
    if not store.startswith("sqlite"):
        return False
    path = str(make_url(store).database)
    with closing(sqlite3.connect(path, timeout=0.05, isolation_level=None)) as other:
        try:
            other.execute("begin immediate")
        except sqlite3.OperationalError:
            return True
        other.execute("rollback")
        return False
