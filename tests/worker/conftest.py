"""A project whose new people are created at once, and its settings; runs without Prefect unless a test asks."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

import conf.samples
from conf.settings import Settings
from flows.call import Runtime
from flows.runtime import running
from flows.store import managed, runs
from flows.store.run_rows import RunRow
from tests.prefect_server import prefect_api, tidy

__all__ = ["prefect_api", "tidy"]

MAPPING = "systemCsvfileAccounts_managedUser"
SAMPLE = Path(next(iter(conf.samples.__path__))) / "sync-asynchronous"

Make = Callable[..., Settings]


def write_people(project: Path, count: int) -> None:
    """The source: so many people."""
    lines = ["description,uid,username,firstname,lastname,email,mobileTelephoneNumber"]
    lines += [f"x,p{n},p{n}@example.com,First{n},Last{n},p{n}@example.com,{n}" for n in range(count)]
    (project / "data" / "csvConnectorData.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture
def make(tmp_path: Path, store: dict[str, str]) -> Make:
    """Make a project with so many people, and its settings."""

    def make_settings(people: int = 3, **settings: object) -> Settings:
        project = tmp_path / "project"
        shutil.copytree(SAMPLE, project)
        path = project / "conf" / "sync.json"
        sync = json.loads(path.read_text())
        for policy in sync["mappings"][0]["policies"]:
            if policy["situation"] == "ABSENT":
                policy["action"] = "CREATE"
        path.write_text(json.dumps(sync))
        write_people(project, people)
        given = {"executor": "embedded", "poll_seconds": 0.2, **store, **settings}
        return Settings.model_validate({"project": project, "data": tmp_path / "data", **given})

    return make_settings


@pytest.fixture
async def runtime(make: Make) -> AsyncIterator[Runtime]:
    """A runtime on a project with three people."""
    async with running(make()) as opened:
        yield opened


async def read_run(runtime: Runtime, run_id: str) -> RunRow:
    """The run as it stands."""
    async with runtime.database.read() as tx:
        found = await runs.read(tx, run_id)
    assert found is not None
    return found


async def user_names(runtime: Runtime) -> list[str]:
    """userName of every managed user."""
    async with runtime.database.read() as tx:
        ids = await managed.ids(tx, "user")
        found = await managed.read_many(tx, "user", ids)
    return sorted(user.body["userName"] for user in found.values())
