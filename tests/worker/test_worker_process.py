"""Real worker processes: one that hangs beyond its lease must not write, one that is killed must not matter."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from contextlib import closing
from pathlib import Path

import pytest

from api.programs import settings_environment
from conf.settings import Settings
from conf.terms import RunState
from flows.call import Runtime
from flows.launch import Launch, launch
from flows.runtime import running
from flows.worker import work
from tests.worker.conftest import MAPPING, Make, read_run, user_names
from tests.worker.test_worker import until_page

WORKER = "from api.processes import run_worker; from conf.settings import Settings; run_worker(Settings())"
PEOPLE = 200


async def start_worker(settings: Settings) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WORKER,
        env={**os.environ, **settings_environment(settings)},
        stdout=DEVNULL,
        stderr=DEVNULL,
    )


async def strike(runtime: Runtime, process: Process, sent: signal.Signals) -> None:
    """Send a signal; a process that is stopped while it holds SQLite's lock stops everybody, so not at that moment."""
    process.send_signal(sent)
    while sent is signal.SIGSTOP:
        while not has_stopped(process.pid):
            await asyncio.sleep(0.002)
        if not is_locked(runtime.settings):
            return
        process.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.005)
        process.send_signal(sent)


def has_stopped(pid: int) -> bool:
    """Whether every thread has; where /proc does not tell, after a moment."""
    threads = list(Path(f"/proc/{pid}/task").glob("*/stat"))
    if not threads:
        time.sleep(0.1)
    return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in threads)


def is_locked(settings: Settings) -> bool:
    """On PostgreSQL that is no matter: those who wait end the session of one who hangs."""
    if settings.database:
        return False
    path = settings.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, timeout=0.05, isolation_level=None)) as connection:
        try:
            connection.execute("begin immediate")
        except sqlite3.OperationalError:
            return True
        connection.execute("rollback")
        return False


@pytest.mark.long
@pytest.mark.parametrize("sent", [signal.SIGSTOP, signal.SIGKILL])
async def test_a_run_is_taken_over_from_a_worker_that_hangs_or_dies(make: Make, sent: signal.Signals) -> None:
    async with running(make(people=PEOPLE, page_size=1, lease_seconds=1)) as runtime:
        run = await launch(runtime.call(), Launch(MAPPING))
        process = await start_worker(runtime.settings)
        await until_page(runtime, run.id)
        await strike(runtime, process, sent)
        before = await read_run(runtime, run.id)
        stop = asyncio.Event()
        other = asyncio.create_task(work(runtime.settings, stop=stop))
        while (taken := await read_run(runtime, run.id)).token == before.token:
            assert not other.done()
            await asyncio.sleep(0.02)
        if sent is signal.SIGSTOP:
            process.send_signal(signal.SIGCONT)
        while not (taken := await read_run(runtime, run.id)).ended:
            await asyncio.sleep(0.05)
        stop.set()
        await other
        assert taken.state is RunState.SUCCESS
        assert taken.token > before.token
        assert len(await user_names(runtime)) == PEOPLE
        if sent is signal.SIGSTOP:
            process.terminate()
        await process.wait()
        assert (await read_run(runtime, run.id)).statistics == taken.statistics


async def test_sigterm_ends_a_worker_in_the_middle_of_a_run(make: Make) -> None:
    async with running(make(people=PEOPLE, page_size=1)) as runtime:
        run = await launch(runtime.call(), Launch(MAPPING))
        process = await start_worker(runtime.settings)
        await until_page(runtime, run.id)
        process.terminate()
        async with asyncio.timeout(12):
            assert await process.wait() == 0
        left = await read_run(runtime, run.id)
        assert (left.state, left.lease_until) == (RunState.ACTIVE, 0)
