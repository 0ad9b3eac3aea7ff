"""Workers on PostgreSQL: leases by the database's clock, wakes over its notifications."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from conf.terms import RunState
from flows.launch import Launch, launch
from flows.runtime import running
from flows.wake_postgres import Bell, hear_notifications
from flows.worker import work
from tests import postgres
from tests.worker.conftest import MAPPING, Make, read_run, user_names

pytestmark = pytest.mark.services


@pytest.fixture(name="store")
def own_store() -> dict[str, str]:
    """Each test names its own."""
    return {}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres.cluster() as address:
        yield address


@pytest.fixture
def database(server: str) -> Iterator[str]:
    with postgres.database(server) as url:
        yield url


async def test_a_run_is_carried_out(make: Make, database: str) -> None:
    async with running(make(database=database)) as runtime:
        run = await launch(runtime.call(), Launch(MAPPING))
        await work(runtime.settings, once=True)
        assert (await read_run(runtime, run.id)).state is RunState.SUCCESS
        assert len(await user_names(runtime)) == 3


async def test_a_bell_is_heard_by_every_worker(make: Make, database: str) -> None:
    async with running(make(database=database)) as runtime:
        heard: list[str] = []
        bell = Bell(database)
        with (
            hear_notifications(runtime, lambda what: heard.append(f"one {what}")),
            hear_notifications(runtime, lambda what: heard.append(f"two {what}")),
        ):
            async with asyncio.timeout(20):
                while {"one run", "two run"} - set(heard):
                    bell.ring("run")
                    await asyncio.sleep(0.1)
        bell.close()


async def test_a_worker_of_another_machine_is_woken(make: Make, database: str) -> None:
    settings = make(database=database, poll_seconds=600)
    elsewhere = settings.model_copy(update={"data": settings.data / "elsewhere"})
    async with running(settings) as runtime:
        stop = asyncio.Event()
        worker = asyncio.create_task(work(elsewhere, stop=stop))
        while not list(elsewhere.data.glob("worker-*.json")):
            await asyncio.sleep(0.05)
        begun = time.monotonic()
        run = await launch(runtime.call(), Launch(MAPPING))
        while not (await read_run(runtime, run.id)).ended:
            runtime.wake("run")
            await asyncio.sleep(0.1)
        assert time.monotonic() - begun < 30
        stop.set()
        await worker
