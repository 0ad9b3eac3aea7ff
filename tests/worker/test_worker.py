"""A worker carries out runs, resumes those of dead ones, and lets go of what it holds when it stops."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from conf.settings import Settings
from conf.terms import RunState
from flows.call import Runtime
from flows.launch import Launch, cancel, launch
from flows.runtime import running
from flows.store import runs, workers
from flows.store.run_rows import RunRow
from flows.worker import work
from flows.worker_rows import lapse_dead
from tests.worker.conftest import MAPPING, Make, read_run, user_names


async def launched(runtime: Runtime) -> RunRow:
    return await launch(runtime.call(), Launch(MAPPING))


async def until_page(runtime: Runtime, run_id: str) -> RunRow:
    """Wait until the run has committed a page."""
    while not (run := await read_run(runtime, run_id)).checkpoint.get("page"):
        assert not run.ended, run.reason
        await asyncio.sleep(0.01)
    return run


async def test_launched_runs_are_carried_out_one_after_the_other(runtime: Runtime) -> None:
    first, second = await launched(runtime), await launched(runtime)
    await work(runtime.settings, once=True)
    first, second = await read_run(runtime, first.id), await read_run(runtime, second.id)
    assert (first.state, second.state) == (RunState.SUCCESS, RunState.SUCCESS)
    assert (first.ended_at or 0) <= (second.started_at or 0)
    assert await user_names(runtime) == ["p0@example.com", "p1@example.com", "p2@example.com"]


async def test_a_run_whose_worker_is_gone_is_taken_over(runtime: Runtime) -> None:
    run = await launched(runtime)
    async with runtime.database.write() as tx:
        now = runtime.clock()
        await runs.claim(tx, run.id, "gone/runs-1", now - 20_000, now - 5_000)
    await work(runtime.settings, once=True)
    run = await read_run(runtime, run.id)
    assert (run.state, run.token) == (RunState.SUCCESS, 2)


async def test_what_a_dead_worker_of_this_machine_held_is_free_at_once(runtime: Runtime) -> None:
    run = await launched(runtime)
    now = runtime.clock()
    async with runtime.database.write() as tx:
        await runs.claim(tx, run.id, "here-1-a/runs-1", now, now + 3_600_000)
        # a process id beyond any that the kernel gives
        await workers.seen(tx, workers.WorkerRow("here-1-a", now, now, "here", 2**30))
    await lapse_dead(runtime.database, "here")
    async with runtime.database.read() as tx:
        assert await runs.claimable(tx, now) == [run.id]
        assert await workers.list_all(tx) == []


async def test_a_lease_that_lies_far_ahead_counts_from_now_since_the_clock_was_set_back(
    runtime: Runtime,
) -> None:
    run = await launched(runtime)
    now = runtime.clock()
    async with runtime.database.write() as tx:
        await runs.claim(tx, run.id, "elsewhere/runs-1", now, now + 3_600_000)
    stop = asyncio.Event()
    worker = asyncio.create_task(work(runtime.settings.model_copy(update={"lease_seconds": 0.5}), stop=stop))
    while not (await read_run(runtime, run.id)).ended:
        await asyncio.sleep(0.05)
    stop.set()
    await worker


async def test_stopping_finishes_the_page_and_leaves_the_rest_to_another(make: Make) -> None:
    async with running(make(people=150, page_size=1)) as runtime:
        run = await launched(runtime)
        stop = asyncio.Event()
        worker = asyncio.create_task(work(runtime.settings, stop=stop))
        await until_page(runtime, run.id)
        begun = time.monotonic()
        stop.set()
        await worker
        assert time.monotonic() - begun < 5
        left = await read_run(runtime, run.id)
        assert left.state is RunState.ACTIVE
        assert left.lease_until == 0
        assert 0 < len(await user_names(runtime)) < 150
        await work(runtime.settings, once=True)
        done = await read_run(runtime, run.id)
        assert (done.state, done.token) == (RunState.SUCCESS, 2)
        assert len(await user_names(runtime)) == 150


async def test_a_cancelled_run_ends_at_its_next_page(make: Make) -> None:
    async with running(make(people=150, page_size=1)) as runtime:
        run = await launched(runtime)
        stop = asyncio.Event()
        worker = asyncio.create_task(work(runtime.settings, stop=stop))
        await until_page(runtime, run.id)
        await cancel(runtime.call(), run.id)
        while not (run := await read_run(runtime, run.id)).ended:
            await asyncio.sleep(0.01)
        stop.set()
        await worker
        assert run.state is RunState.CANCELED
        assert 0 < len(await user_names(runtime)) < 150


async def test_an_unexpected_error_ends_the_run_as_failed_with_a_reason(runtime: Runtime) -> None:
    run = await launched(runtime)
    async with runtime.database.write() as tx:
        await tx.run("update recon_run set configuration = 'no json' where id = ?", (run.id,))
    await work(runtime.settings, once=True)
    run = await read_run(runtime, run.id)
    assert run.state is RunState.FAILED
    assert "unexpected error" in (run.reason or "")


async def test_a_run_that_kills_its_workers_is_given_up(runtime: Runtime) -> None:
    run = await launched(runtime)
    async with runtime.database.write() as tx:
        await tx.run("update recon_run set token = 50 where id = ?", (run.id,))
    await work(runtime.settings, once=True)
    run = await read_run(runtime, run.id)
    assert run.state is RunState.FAILED
    assert "50 times" in (run.reason or "")


async def test_a_worker_says_that_it_is_alive_and_takes_its_leave(runtime: Runtime) -> None:
    stop = asyncio.Event()
    worker = asyncio.create_task(work(runtime.settings, stop=stop))
    listed: list[workers.WorkerRow] = []
    while not listed:
        async with runtime.database.read() as tx:
            listed = await workers.list_all(tx)
        await asyncio.sleep(0.01)
    assert listed[0].executor == "embedded"
    assert not any(file.stat().st_mode & 0o077 for file in await addresses(runtime.settings))
    stop.set()
    await worker
    async with runtime.database.read() as tx:
        assert await workers.list_all(tx) == []
    assert list(runtime.settings.data.glob("worker-*.json")) == []


async def addresses(settings: Settings) -> list[Path]:
    """The files in which workers say where they listen, once there are some."""
    while not (found := list(settings.data.glob("worker-*.json"))):
        await asyncio.sleep(0.01)
    return found


async def test_a_wake_makes_a_worker_look_long_before_its_next_poll(make: Make) -> None:
    async with running(make(poll_seconds=600)) as runtime:
        stop = asyncio.Event()
        worker = asyncio.create_task(work(runtime.settings, stop=stop))
        await addresses(runtime.settings)
        begun = time.monotonic()
        run = await launched(runtime)
        while not (await read_run(runtime, run.id)).ended:
            await asyncio.sleep(0.01)
        assert time.monotonic() - begun < 10
        stop.set()
        await worker
