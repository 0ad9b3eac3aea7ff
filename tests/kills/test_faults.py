"""What surrounds the product fails for a while: nothing is lost or doubled, and all goes on by itself afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from conf.settings import Settings
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
def locked(store: Path, seconds: float) -> Iterator[None]:
    """Another process than the product's writes to its database for so long, and then nothing."""
    with closing(sqlite3.connect(store, isolation_level=None, timeout=30, check_same_thread=False)) as other:
        other.execute("begin immediate")
        free = threading.Timer(seconds, lambda: other.execute("rollback"))
        free.start()
        try:
            yield
        finally:
            free.join()


def test_a_database_that_is_locked_for_half_a_minute_is_waited_for(tmp_path: Path) -> None:
    with Product(tmp_path, executor="embedded", environment={"RECON_PAGE_SIZE": "2"}) as product:
        product.create_approver()
        asked, fresh = people("asked", 20), people("fresh", 100)
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


def test_without_its_prefect_server_all_goes_on_and_the_picture_is_put_right_when_it_is_back(
    tmp_path: Path,
) -> None:
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    elsewhere = Settings(project=tmp_path, data=tmp_path / "elsewhere")
    server = start_server(elsewhere, port)
    try:
        wait_for_server(server, api)
        with Product(tmp_path, environment={"RECON_PREFECT_API": api}) as product:
            product.create_approver()
            early, late = people("early", 10), people("late", 10)
            product.write_people(early)
            product.recon()
            product.wait_until(lambda: len(suspended(api) or ()) == 10, "Prefect shows what waits")

            stop_server(server)
            gone = time.monotonic()
            shutil.rmtree(elsewhere.data)
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

            server = start_server(elsewhere, port)
            wait_for_server(server, api)
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


def test_a_worker_that_was_stopped_beyond_its_lease_writes_nothing_when_it_goes_on(tmp_path: Path) -> None:
    quick = {"RECON_PAGE_SIZE": "1", "RECON_LEASE_SECONDS": "2"}
    with Product(tmp_path, executor="embedded", workers=2, environment=quick) as product:
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


def is_locked(store: Path) -> bool:
    with closing(sqlite3.connect(store, timeout=0.05, isolation_level=None)) as other:
        try:
            other.execute("begin immediate")
        except sqlite3.OperationalError:
            return True
        other.execute("rollback")
        return False
