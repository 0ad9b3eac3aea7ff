"""Several hosts on one PostgreSQL: each its own `recon up` and data folder, one active run a mapping across them."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from flows.prefect_database import beside
from tests import postgres
from tests.kills.deciding import check, decide_all, open_tasks, settled
from tests.kills.product import APPROVER, Product
from tests.kills.shown import suspended
from tests.postgres import rows
from tests.product import free_port

pytestmark = [
    pytest.mark.kills,
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        postgres.folder_of_programs() is None and "RECON_TEST_POSTGRES" not in os.environ,
        reason="PostgreSQL is not installed",
    ),
]

LEASE_SECONDS = 15
IDLE = {"RECON_RUN_WORKERS": "0", "RECON_DECISION_WORKERS": "0"}
"""A host whose worker carries nothing out."""


@pytest.fixture
def database() -> Iterator[str]:
    with postgres.cluster() as server, postgres.database(server) as url:
        yield url


def host(folder: Path, name: str, database: str, **more: Any) -> Product:
    """One of several hosts, which have the project folder in common."""
    place = folder / name
    place.mkdir()
    if (first := folder / "a" / "project").exists():
        (place / "project").symlink_to(first)
    return Product(place, database=database, **{"executor": "embedded", **more})


def test_a_decision_at_one_host_is_carried_out_by_another_which_is_woken(
    tmp_path: Path, database: str
) -> None:
    sleepy = {"RECON_POLL_SECONDS": "600"}
    with (
        host(tmp_path, "a", database, environment=IDLE) as a,
        host(tmp_path, "b", database, environment=sleepy) as b,
    ):
        a.wait_until(
            lambda: rows(database, "select count(*) from worker") == [(2,)], "both hosts have a worker"
        )
        time.sleep(2)
        a.create_approver()
        people = [f"p{number:02d}" for number in range(12)]
        a.write_people(people)
        assert a.recon()["state"] == "SUCCESS"
        seconds = []
        for task in open_tasks(a).values():
            begun = time.monotonic()
            status, _ = a.call(
                "POST",
                f"workflow/taskinstance/{task}?_action=complete",
                {"requestApproved": "true"},
                APPROVER,
            )
            seconds.append(time.monotonic() - begun)
            assert status in (200, 202)
        assert statistics.median(seconds) < 5, seconds
        settled(b, set(people))
        ((owners,),) = rows(database, "select count(distinct owner) from intent where owner is not null")
        assert owners == 1
        check(b, set(people), people)


def test_the_death_of_a_host_is_taken_over_and_one_run_of_a_mapping_is_active_throughout(
    tmp_path: Path, database: str
) -> None:
    slow = {"RECON_PAGE_SIZE": "1"}
    with (
        host(tmp_path, "a", database, environment=slow) as a,
        host(tmp_path, "b", database, environment=slow) as b,
    ):
        a.create_approver()
        people = [f"p{number:03d}" for number in range(400)]
        a.write_people(people)
        launched = [a.launch(), b.launch()]
        active = "select id, owner, token from recon_run where working = 1"
        found: list[tuple[Any, ...]] = []

        def begun() -> bool:
            found[:] = rows(database, active)
            assert len(found) <= 1
            return bool(found) and bool(rows(database, "select 1 from process_instance limit 1"))

        a.wait_until(begun, "a run is at work")
        ((run, owner, token),) = found
        pid = int(owner.split("/")[0].rsplit("-", 2)[1])
        dead, alive = (a, b) if pid in a.children("worker") else (b, a)
        died = time.monotonic()
        dead.die()
        assert rows(database, "select token from recon_run where working = 1") == [(token,)], (
            "it had ended before"
        )

        def taken_over() -> bool:
            at_work = rows(database, active)
            assert len(at_work) <= 1
            return bool(rows(database, f"select 1 from recon_run where id = '{run}' and token > {token}"))

        alive.wait_until(taken_over, "the other host takes over")
        assert time.monotonic() - died < LEASE_SECONDS + 5
        for each in launched:
            assert alive.wait_for_run(each)["state"] == "SUCCESS"
        assert rows(database, "select count(*) from task_instance where status = 'OPEN'") == [(len(people),)]
        body = {"_queryFilter": "true", "requestApproved": "true", "confirm": len(people)}
        status, answer = alive.call("POST", "workflow/taskinstance?_action=complete", body, APPROVER, 60)
        assert status in (200, 202), answer
        settled(alive, set(people))
        check(alive, set(people), people)


def test_two_hosts_share_one_prefect_database_and_show_the_same(tmp_path: Path, database: str) -> None:
    ports = [free_port(), free_port()]
    apis = [f"http://127.0.0.1:{port}/api" for port in ports]
    told = [{"RECON_PREFECT_PORT": str(port)} for port in ports]
    with host(tmp_path, "a", database, executor="prefect", environment=told[0]) as a:
        a.wait_until(lambda: suspended(apis[0]) == set(), "Prefect answers")
        with host(tmp_path, "b", database, executor="prefect", environment=told[1]) as b:
            a.wait_until(lambda: suspended(apis[1]) == set(), "the other Prefect answers")
            name = beside(make_url(database)).database
            assert rows(database, f"select count(*) from pg_database where datname = '{name}'") == [(1,)]
            assert not list(tmp_path.glob("*/data/prefect/prefect.db"))
            a.create_approver()
            people = [f"p{number:02d}" for number in range(10)]
            a.write_people(people)
            assert a.recon()["state"] == "SUCCESS"
            a.wait_until(lambda: len(suspended(apis[0]) or ()) == len(people), "Prefect shows what waits")
            shown = suspended(apis[0])
            assert suspended(apis[1]) == shown
            # each host compares the picture with the rows every 20 s at the latest, and finds it right
            time.sleep(25)
            assert suspended(apis[0]) == suspended(apis[1]) == shown
            decide_all(b, dict.fromkeys(people, True))
            settled(a, set(people))
            b.wait_until(lambda: suspended(apis[1]) == set(), "Prefect shows that nothing waits")
            check(b, set(people), people)
