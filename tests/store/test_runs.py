"""Runs: one owner at a time, and the fencing token that keeps the old one out."""

import asyncio
from typing import Any

import pytest

from conf.database import Database, Duplicate
from conf.terms import Phase, RunState, Stage
from flows.store import entries, retention, runs
from flows.store.entries import Entry
from flows.store.runs import LeaseLost, NewRun

M = "systemCsvfileAccounts_managedUser"


async def launch(database: Database, *ids: str, mapping: str = M, **more: Any) -> None:
    async with database.write() as tx:
        for id in ids:
            await runs.insert(tx, NewRun(id, mapping, 1000, **more))


async def claim(database: Database, id: str, owner: str = "w1", now: int = 2000) -> int | None:
    async with database.write() as tx:
        run = await runs.claim(tx, id, owner, now, now + 15_000)
    return run.token if run else None


async def finish(database: Database, id: str, token: int, stage: Stage = Stage.COMPLETED_SUCCESS) -> None:
    async with database.write() as tx:
        await runs.finish(tx, id, token, stage, 9000, {"statistics": {"done": id}})


async def test_a_launched_run_waits(database: Database) -> None:
    configuration = {"mappings": [{"name": M}]}
    await launch(
        database,
        "r1",
        configuration=configuration,
        user_id="openidm-admin",
        request={"sourceIds": ["a"]},
        is_analysis=True,
        recon_action="reconById",
        trigger="cli",
    )
    async with database.read() as tx:
        run = await runs.read(tx, "r1")
        assert run is not None
        assert (run.state, run.stage, run.working) == (RunState.ACTIVE, Stage.ACTIVE_INITIALIZED, False)
        assert (run.is_analysis, run.persist_associations, run.recon_action) == (True, False, "reconById")
        assert (run.request, run.created_at, run.started_at, run.token) == (
            {"sourceIds": ["a"]},
            1000,
            None,
            0,
        )
        assert await runs.read_seq(tx, run.seq) == run
        assert await runs.configuration(tx, "r1") == configuration
        assert await runs.waiting(tx, M) == 1
        assert await runs.working(tx, M) is None
        assert await runs.read(tx, "nobody") is None
    with pytest.raises(Duplicate):
        await launch(database, "r1")


async def test_runs_are_listed_in_the_order_of_their_launch(database: Database) -> None:
    await launch(database, "b", "a")
    await launch(database, "c", mapping="other")
    token = await claim(database, "b")
    assert token
    await finish(database, "b", token)
    async with database.read() as tx:
        assert [run.id for run in await runs.list_all(tx)] == ["b", "a", "c"]
        assert [run.id for run in await runs.list_all(tx, newest=2)] == ["a", "c"]
        brief = await runs.list_all(tx, requests=False)
        assert [(run.id, run.request) for run in brief] == [("b", {}), ("a", {}), ("c", {})]
        assert [run.id for run in await runs.list_all(tx, mapping=M, state=RunState.ACTIVE)] == ["a"]
        latest = await runs.latest(tx, M)
        assert latest is not None
        assert latest.id == "a"
        assert await runs.latest(tx, "nobody") is None


async def test_one_run_of_a_mapping_works_and_the_oldest_comes_first(database: Database) -> None:
    await launch(database, "r1", "r2")
    await launch(database, "other", mapping="other")
    async with database.read() as tx:
        assert await runs.claimable(tx, 2000) == ["r1", "other"]
    assert await claim(database, "r2") is None
    first = await claim(database, "r1")
    assert first == 1
    assert await claim(database, "r1", "w2") is None
    assert await claim(database, "r2", "w2") is None
    assert await claim(database, "other", "w2") == 1
    async with database.read() as tx:
        working = await runs.working(tx, M)
        assert working is not None
        assert (working.id, working.owner, working.started_at, working.lease_until) == (
            "r1",
            "w1",
            2000,
            17_000,
        )
        assert await runs.waiting(tx, M) == 1
        assert await runs.claimable(tx, 2000) == []
    await finish(database, "r1", first)
    assert await claim(database, "r1") is None
    assert await claim(database, "r2") == 1


async def test_of_many_workers_one_gets_the_run(database: Database) -> None:
    await launch(database, "r1")
    tokens = await asyncio.gather(*(claim(database, "r1", f"w{number}") for number in range(20)))
    assert sorted(token for token in tokens if token) == [1]


async def test_a_lapsed_run_is_taken_over_and_its_old_owner_may_write_no_more(database: Database) -> None:
    await launch(database, "r1", "r2")
    old = await claim(database, "r1", "w1", now=2000)
    assert old is not None
    async with database.write() as tx:
        await runs.save(tx, "r1", old, {"checkpoint": {"page": 3}, "stage": Stage.ACTIVE_RECONCILING_SOURCE})
        assert await runs.expired(tx, 16_999) == []
        assert [run.id for run in await runs.expired(tx, 17_000)] == ["r1"]
        assert await runs.claimable(tx, 17_000) == ["r1"], "a waiting run does not overtake it"
    assert await claim(database, "r2", "w2", now=17_000) is None
    new = await claim(database, "r1", "w2", now=17_000)
    assert new == old + 1
    async with database.write() as tx:
        run = await runs.read(tx, "r1")
        assert run is not None
        assert (run.checkpoint, run.stage, run.started_at) == (
            {"page": 3},
            Stage.ACTIVE_RECONCILING_SOURCE,
            2000,
        )
        with pytest.raises(LeaseLost, match="another owner"):
            await runs.save(tx, "r1", old, {"statistics": {}})
        with pytest.raises(LeaseLost):
            await runs.hold(tx, "r1", old)
        with pytest.raises(LeaseLost):
            await runs.finish(tx, "r1", old, Stage.COMPLETED_SUCCESS, 1)
        await runs.hold(tx, "r1", new)


async def test_a_lease_that_ran_out_cannot_be_renewed(database: Database) -> None:
    await launch(database, "r1")
    await claim(database, "r1", "w1", now=2000)
    async with database.write() as tx:
        assert await runs.renew(tx, "w1", 3000, 18_000) == ["r1"]
        assert await runs.renew(tx, "w2", 3000, 18_000) == []
        assert await runs.expired(tx, 17_500) == []
        assert await runs.renew(tx, "w1", 18_000, 33_000) == []


async def test_leases_of_a_dead_worker_lapse_at_once(database: Database) -> None:
    await launch(database, "r1")
    await claim(database, "r1", "w1", now=2000)
    async with database.write() as tx:
        assert await runs.release_owner(tx, "w1") == 1
    assert await claim(database, "r1", "w2", now=2001) == 2


async def test_finishing_ends_and_gives_up(database: Database) -> None:
    await launch(database, "r1")
    token = await claim(database, "r1")
    assert token
    async with database.write() as tx:
        seq = (await runs.list_all(tx))[0].seq
        await runs.insert_page(tx, seq, Phase.SOURCE, 1, ["t1", "t2"])
        await runs.insert_page(tx, seq, Phase.SOURCE, 0, [])
        pages = await runs.pages(tx, seq)
        assert [(page.phase, page.page, page.handled) for page in pages] == [
            (Phase.SOURCE, 0, []),
            (Phase.SOURCE, 1, ["t1", "t2"]),
        ]
        with pytest.raises(Duplicate):
            async with tx.savepoint():
                await runs.insert_page(tx, seq, Phase.SOURCE, 1, [])
    await finish(database, "r1", token, Stage.COMPLETED_FAILED)
    async with database.write() as tx:
        run = await runs.read(tx, "r1")
        assert run is not None
        assert (run.state, run.stage, run.ended_at) == (RunState.FAILED, Stage.COMPLETED_FAILED, 9000)
        assert (run.owner, run.working, run.statistics, run.ended) == (None, False, {"done": "r1"}, True)
        assert await runs.pages(tx, seq) == []
        assert not await runs.request_cancel(tx, "r1")


async def test_cancelling_asks_the_owner_and_ends_a_waiting_run(database: Database) -> None:
    await launch(database, "r1", "r2")
    await claim(database, "r1")
    async with database.write() as tx:
        assert await runs.request_cancel(tx, "r1")
        assert await runs.cancel_requested(tx, "r1")
        assert not await runs.end_waiting(tx, "r1", Stage.COMPLETED_CANCELED, 5)
        assert await runs.end_waiting(tx, "r2", Stage.COMPLETED_CANCELED, 5, "nobody wants it")
        run = await runs.read(tx, "r2")
        assert run is not None
        assert (run.state, run.reason, run.started_at, run.ended_at) == (
            RunState.CANCELED,
            "nobody wants it",
            5,
            5,
        )
        await runs.set_flow_run(tx, "r2", "flow")
        with pytest.raises(ValueError, match="state"):
            await runs.save(tx, "r1", 1, {"state": "SUCCESS"})


async def ended_runs(database: Database, number: int, **more: Any) -> None:
    for position in range(number):
        id = f"{'analysis' if more.get('is_analysis') else 'run'}{position}"
        await launch(database, id, persist_associations=True, **more)
        token = await claim(database, id)
        assert token
        async with database.write() as tx:
            run = await runs.read(tx, id)
            assert run is not None
            await entries.append(
                tx, run.seq, [Entry(1, "source", "SUCCESS", "ABSENT", "CREATE", "default", "a")]
            )
        await finish(database, id, token)


async def associations(database: Database) -> list[str]:
    async with database.read() as tx:
        found = [run for run in await runs.list_all(tx) if run.persist_associations]
        assert {run.seq for run in found} == {
            row[0] for row in await tx.fetch("select distinct run from recon_entry")
        }
    return [run.id for run in found]


async def test_retention_forgets_the_oldest_associations_of_each_kind(database: Database) -> None:
    await ended_runs(database, 3)
    await ended_runs(database, 3, is_analysis=True)
    async with database.write() as tx:
        assert await retention.purge(tx, M, keep_analysis=None, keep_runs=None) == []
        assert await retention.purge(tx, M, keep_analysis=2, keep_runs=1) == ["analysis0", "run1", "run0"]
        assert len(await runs.list_all(tx)) == 6
    assert await associations(database) == ["run2", "analysis1", "analysis2"]


async def test_retention_of_runs_takes_all_that_belongs_to_them_but_not_active_ones(
    database: Database,
) -> None:
    await ended_runs(database, 3)
    await launch(database, "waiting")
    async with database.write() as tx:
        assert not await retention.delete(tx, "waiting")
        assert await retention.delete(tx, "run1")
        assert not await retention.delete(tx, "run1")
        assert [run.id for run in await runs.list_all(tx)] == ["run0", "run2", "waiting"]
    assert await associations(database) == ["run0", "run2"]


async def test_the_number_of_a_deleted_run_is_not_given_again(database: Database) -> None:
    await ended_runs(database, 1)
    async with database.write() as tx:
        before = (await runs.list_all(tx))[0].seq
        await retention.delete(tx, "run0")
        assert await runs.insert(tx, NewRun("next", M, 1)) > before


async def test_the_index_itself_allows_one_working_run_a_mapping(database: Database) -> None:
    await launch(database, "r1", "r2")
    with pytest.raises(Duplicate):
        async with database.write() as tx:
            await tx.run("update recon_run set working = 1")
