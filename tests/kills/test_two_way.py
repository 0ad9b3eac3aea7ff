"""A worker dies at each named place of a two-way run: the next one goes on, both sides converge, nothing is doubled."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conf.settings import Settings
from flows.call import SYSTEM
from flows.runtime import running
from flows.store import managed, two_way
from flows.two_way.starting import start
from flows.two_way.state import Options
from tests.kills.databases import LONG, on_both
from tests.stored import rows
from tests.two_way.world import HEADER, configuration, managed_type, provisioner

pytestmark = [pytest.mark.kills, pytest.mark.timeout(300)]

Json = dict[str, Any]
ONLY_RESOURCE, ONLY_IDM, BOTH = (
    [f"{kind}{number}" for number in range(8)] for kind in ("res", "idm", "both")
)
PLACES = ["R5", "R9:2", "R13", "T1:3", "T2:2", "T4"]
if LONG:
    PLACES += ["R4", "R7", "R8", "R10", "R15", "R15:2", "T1", "T2", "T3", "T3:5", "T5"]

LIFE = """
import asyncio, json, sys
from conf.settings import Settings
from flows.worker import work
given = json.loads(sys.argv[1])
asyncio.run(work(Settings.model_validate(given), executor="embedded", once=True))
"""


def settings(folder: Path, store: dict[str, str]) -> Json:
    return {
        "project": str(folder / "project"),
        "data": str(folder / "data"),
        "executor": "embedded",
        "page_size": 5,
        "lease_seconds": 0.5,
        "poll_seconds": 0.1,
        **store,
    }


def build(folder: Path) -> None:
    conf, data = folder / "project" / "conf", folder / "project" / "data"
    conf.mkdir(parents=True)
    data.mkdir()
    responses = {
        "IDM_EXISTS__SYS_EXISTS": {"response": "UPDATE_RES_FROM_IDM"},
        "IDM_EXISTS__SYS_NOT_EXISTS": {"response": "ADD_TO_RES"},
        "SYS_EXISTS__IDM_NOT_EXISTS": {"response": "ADD_TO_IDM"},
    }
    for name, document in {
        "sync": {"mappings": []},
        "managed": {"objects": [managed_type("user")]},
        "provisioner.openicf-hr": provisioner(),
        "reconciliation-hr": configuration(situations=responses),
    }.items():
        (conf / f"{name}.json").write_text(json.dumps(document))
    with (data / "hr.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows([name, name, "", "R", ""] for name in (*ONLY_RESOURCE, *BOTH))


async def begin(given: Json) -> str:
    async with running(Settings.model_validate(given)) as runtime:
        for name in (*ONLY_IDM, *BOTH):
            call = runtime.call(SYSTEM)
            await runtime.router.create(call, "managed/user", None, {"name": name, "city": "I"})
        return (await start(runtime.call(SYSTEM), "hr", Options())).id


async def ended(given: Json, run: str) -> tuple[str, str, dict[str, str]]:
    """Status and message of the run, and the managed users' cities by name."""
    async with running(Settings.model_validate(given)) as runtime:
        async with runtime.database.read() as tx:
            found = await two_way.read_run(tx, run)
            users = await managed.find(tx, "user")
        assert found is not None
        names = [row.body["name"] for row in users.rows]
        assert len(names) == len(set(names))
        return found.status, found.message, {row.body["name"]: row.body.get("city", "") for row in users.rows}


def live(given: Json, failpoints: str = "") -> int:
    """One worker, until nothing is left to do or it dies."""
    environment = {**os.environ, "RECON_FAILPOINTS": failpoints}
    done = subprocess.run(
        [sys.executable, "-P", "-c", LIFE, json.dumps(given)],
        env=environment,
        timeout=120,
        check=False,
        cwd=Path.cwd(),
    )
    return done.returncode


@pytest.mark.parametrize(("store", "place"), on_both([(place,) for place in PLACES], 6), indirect=["store"])
def test_a_two_way_run_goes_on_where_its_worker_died(
    tmp_path: Path, store: dict[str, str], place: str
) -> None:
    build(tmp_path)
    given = settings(tmp_path, store)
    run = asyncio.run(begin(given))

    assert live(given, f"{place}=kill") == -signal.SIGKILL
    for _ in range(10):
        assert live(given) == 0
        status, message, cities = asyncio.run(ended(given, run))
        if status == "FINISHED":
            break

    assert status == "FINISHED", message
    with (tmp_path / "project" / "data" / "hr.csv").open(newline="") as file:
        records = list(csv.DictReader(file))
    everybody = {*ONLY_RESOURCE, *ONLY_IDM, *BOTH}
    assert sorted(row["login"] for row in records) == sorted(everybody)
    assert {row["login"]: row["city"] for row in records} == cities
    assert cities == {name: "R" if name in ONLY_RESOURCE else "I" for name in everybody}

    async def again() -> str:
        async with running(Settings.model_validate(given)) as runtime:
            return (await start(runtime.call(SYSTEM), "hr", Options())).id

    second = asyncio.run(again())
    assert live(given) == 0
    assert asyncio.run(ended(given, second))[:2] == ("FINISHED", "Nothing to do.")
    url = Settings.model_validate(given).database_url
    assert rows(url, "select count(*) from link") == [(len(everybody),)]
    found = rows(url, f"select principal, count(*) from two_way_result where run = '{run}' group by 1")
    assert dict(found) == dict.fromkeys(everybody, 1)
