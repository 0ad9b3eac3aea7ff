"""The same over a directory, which takes no part in our transactions: what was written before a kill is found again."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import conf.samples
from conf.settings import Settings
from flows.call import SYSTEM
from flows.runtime import running
from flows.store import managed, two_way
from flows.two_way.starting import start
from flows.two_way.state import Options
from tests import slapd as directory
from tests.kills.databases import LONG_ON_POSTGRESQL
from tests.kills.test_two_way import Json, live, settings
from tests.slapd import ADMIN, PASSWORD, Slapd, person

pytestmark = [
    pytest.mark.kills,
    pytest.mark.services,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not (find_spec("ldap") or find_spec("anyldap")), reason="no LDAP library is installed"
    ),
]

SAMPLE = Path(next(iter(conf.samples.__path__))) / "two-way-ldap"
PEOPLE = "ou=people,dc=example,dc=com"
IN_BOTH = [f"both{number}" for number in range(4)]
IN_DIRECTORY = [f"res{number}" for number in range(8)]
IN_IDM = [f"idm{number}" for number in range(8)]


@pytest.fixture
def slapd() -> Iterator[Slapd]:
    with directory.running() as server:
        server.add("".join(person(name, number) for number, name in enumerate((*IN_DIRECTORY, *IN_BOTH))))
        yield server


def build(folder: Path, slapd: Slapd) -> None:
    shutil.copytree(SAMPLE, folder / "project")
    file = folder / "project" / "conf" / "provisioner.openicf-ldap.json"
    document = json.loads(file.read_text())
    document["configurationProperties"] |= {"port": slapd.port, "principal": ADMIN, "credentials": PASSWORD}
    document["objectTypes"]["account"]["properties"].pop("telephoneNumber")
    file.write_text(json.dumps(document))
    file = folder / "project" / "conf" / "reconciliation-people.json"
    document = json.loads(file.read_text())
    document["policyMap"] = [pair for pair in document["policyMap"] if pair["resource"] != "telephoneNumber"]
    file.write_text(json.dumps(document))


def person_of(name: str) -> dict[str, Any]:
    return {"userName": name, "givenName": "New", "sn": "Person", "mail": f"{name}@example.org"}


async def begin(given: Json, *people: str) -> str:
    async with running(Settings.model_validate(given)) as runtime:
        for name in people:
            await runtime.router.create(runtime.call(SYSTEM), "managed/user", None, person_of(name))
        return (await start(runtime.call(SYSTEM), "people", Options())).id


async def ended(given: Json, run: str) -> tuple[str, str, list[str]]:
    async with running(Settings.model_validate(given)) as runtime:
        async with runtime.database.read() as tx:
            found = await two_way.read_run(tx, run)
            users = await managed.find(tx, "user")
        assert found is not None
        return found.status, found.message, sorted(row.body["userName"] for row in users.rows)


@LONG_ON_POSTGRESQL
@pytest.mark.parametrize("place", ["R5", "R5:3", "R13", "T2:2"])
def test_a_two_way_run_over_a_directory_goes_on(
    tmp_path: Path, slapd: Slapd, store: dict[str, str], place: str
) -> None:
    build(tmp_path, slapd)
    given = settings(tmp_path, store)
    run = asyncio.run(begin(given, *IN_IDM, *IN_BOTH))
    assert live(given, f"{place}=kill") == -signal.SIGKILL
    status, message = "", ""
    for _ in range(10):
        assert live(given) == 0
        status, message, users = asyncio.run(ended(given, run))
        if status == "FINISHED":
            break
    assert status == "FINISHED", message
    everybody = sorted((*IN_DIRECTORY, *IN_IDM, *IN_BOTH))
    assert users == everybody
    told = slapd.run("ldapsearch", "", "-LLL", "-b", PEOPLE, "(uid=*)", "uid")
    assert sorted(line[5:] for line in told.splitlines() if line.startswith("uid: ")) == everybody

    # what was made in IDM has a status now, which the second run gives to the directory
    for expected in ("FINISHED", "FINISHED"):
        again = asyncio.run(begin(given))
        assert live(given) == 0
        status, message, _ = asyncio.run(ended(given, again))
        assert status == expected
    assert message == "Nothing to do."
