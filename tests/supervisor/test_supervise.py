"""`recon up` as processes: ready, restarted when they die, gone when it ends, however it ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest

import conf.samples
from api.folder_lock import FolderLock
from api.ports import free_port
from api.programs import settings_environment
from api.supervisor import refuse_default_passwords, supervise
from conf.database import Database
from conf.errors import ReconError
from conf.settings import Settings
from flows.reachable import status_of
from flows.store.schema import VERSION_TABLE, upgrade

SAMPLE = Path(next(iter(conf.samples.__path__))) / "sync-asynchronous"
PROGRAM = """
import asyncio, sys
from api.supervisor import supervise
from conf.settings import Settings
sys.exit(asyncio.run(supervise(Settings())))
"""
SECONDS = 90
pytestmark = pytest.mark.timeout(300)
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


@pytest.fixture
def settings(tmp_path: Path, store: dict[str, str]) -> Settings:
    shutil.copytree(SAMPLE, tmp_path / "project")
    return Settings.model_validate(
        {
            "project": tmp_path / "project",
            "data": tmp_path / "data",
            "port": free_port(0),
            "executor": "embedded",
            **store,
        }
    )


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[tuple[Process, str]]:
    """A supervisor, once it has said that all is ready; whatever is left of it is killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        env={**os.environ, **settings_environment(settings)},
        stdout=PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(SECONDS):
            line = (await process.stdout.readline()).decode()
        yield process, line
    finally:
        for pid in (process.pid, *family(settings)):
            with_no_such(pid)
        await process.wait()


def with_no_such(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def family(settings: Settings, name: str = "") -> list[int]:
    """Processes that work on this data folder, besides the supervisor; those of a name if one is given."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
            command = (folder / "cmdline").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        home = f"PREFECT_HOME={settings.data}/prefect".encode()
        ours = f"RECON_DATA={settings.data}".encode() in environment or home in environment
        if ours and state != "Z" and b"supervise" not in command and f"\0{name}".encode() in command:
            found.append(int(folder.name))
    return sorted(found)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.05)


async def healthy(settings: Settings) -> None:
    async with asyncio.timeout(SECONDS):
        while await status_of(f"http://127.0.0.1:{settings.port}/healthz") != 200:
            await asyncio.sleep(0.05)


@pytest.mark.long
@linux
async def test_it_says_where_everything_is_restarts_what_dies_and_leaves_nothing_behind(
    settings: Settings,
) -> None:
    async with started(settings) as (process, line):
        address = f"http://127.0.0.1:{settings.port}"
        assert f"API {address}/openidm" in line
        assert f"docs {address}/docs" in line
        assert await status_of(f"{address}/healthz") == 200
        (api,), (worker,) = family(settings, "api"), family(settings, "worker")
        os.kill(api, signal.SIGKILL)
        os.kill(worker, signal.SIGKILL)
        await until(lambda: family(settings, "api") not in ([], [api]))
        await until(lambda: family(settings, "worker") not in ([], [worker]))
        await healthy(settings)
        process.terminate()
        async with asyncio.timeout(30):
            assert await process.wait() == 0
        assert family(settings) == []
        assert list(settings.data.glob("worker-*.json")) == []


@linux
@pytest.mark.long
async def test_nothing_outlives_a_supervisor_that_is_killed(settings: Settings) -> None:
    async with started(settings) as (process, _line):
        assert len(family(settings)) >= 2
        process.kill()
        await process.wait()
        await until(lambda: family(settings) == [])


async def test_a_second_one_on_the_same_folder_is_refused_by_name(settings: Settings) -> None:
    settings.data.mkdir()
    first = FolderLock(settings.data)
    with pytest.raises(ReconError, match=f"in use by process {os.getpid()}"):
        await supervise(settings)
    first.release()


async def test_a_taken_port_is_named_with_its_owner_and_nothing_starts(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.port)), pytest.raises(ReconError) as refused:
        await supervise(settings)
    assert f"Port {settings.port} is taken" in refused.value.message
    if sys.platform.startswith("linux"):
        assert f"process {os.getpid()}" in refused.value.message
    FolderLock(settings.data).release()


async def test_a_database_of_a_newer_version_is_refused_before_anything_answers(settings: Settings) -> None:
    settings.data.mkdir()
    await prepare_newer(settings)
    with pytest.raises(ReconError, match="does not know"):
        await supervise(settings)


@pytest.mark.parametrize("executor", ["embedded", "prefect"])
@pytest.mark.parametrize(
    ("database", "said"),
    [
        ("mysql://root:geheim@host/db", "no support for databases of type 'mysql'"),
        ("postgresql://recon:geheim@127.0.0.1:1/recon", "does not answer"),
    ],
)
async def test_a_wrong_database_is_said_in_a_sentence_and_nothing_starts(
    settings: Settings, executor: Literal["embedded", "prefect"], database: str, said: str
) -> None:
    with pytest.raises(ReconError, match=said) as refused:
        await supervise(settings.model_copy(update={"database": database, "executor": executor}))
    assert "geheim" not in refused.value.message
    assert not (settings.data / "prefect").exists()
    FolderLock(settings.data).release()


async def prepare_newer(settings: Settings) -> None:
    await upgrade(settings.database_url)
    database = await Database.open(settings.database_url)
    async with database.write() as tx:
        await tx.run(f"update {VERSION_TABLE} set version_num = '9999'")
    await database.close()


def test_an_address_for_others_is_refused_while_a_default_password_stands(settings: Settings) -> None:
    refuse_default_passwords(settings)
    with pytest.raises(ReconError, match="openidm-admin still has a password"):
        refuse_default_passwords(settings.model_copy(update={"host": "0.0.0.0"}))


@linux
@pytest.mark.prefect
@pytest.mark.long
async def test_the_prefect_server_is_part_of_it(settings: Settings) -> None:
    with_prefect = settings.model_copy(update={"executor": "prefect", "prefect_port": free_port(0)})
    async with started(with_prefect) as (process, line):
        dashboard = f"http://127.0.0.1:{with_prefect.prefect_port}"
        assert f"Prefect dashboard {dashboard}" in line
        assert await status_of(f"{dashboard}/api/health") == 200
        (server,) = family(with_prefect, "prefect")
        assert (settings.data / "prefect").is_dir()
        os.kill(server, signal.SIGKILL)
        await until(lambda: family(with_prefect, "prefect") not in ([], [server]))
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(40):
            assert await process.wait() == 0
        assert family(with_prefect) == []


@pytest.mark.long
async def test_processes_that_cannot_start_are_given_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    # a Python that finds no library of its own ends at once
    monkeypatch.setenv("PYTHONHOME", str(settings.data))
    with pytest.raises(ReconError, match="ended 4 times at its start"):
        await supervise(settings, announce=lines.append)
    assert lines == []
