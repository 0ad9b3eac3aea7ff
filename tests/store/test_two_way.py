"""Two-way runs and their results."""

import pytest

from conf.database import Database, Duplicate
from conf.filters.parse import parse
from flows.store import two_way, two_way_retention
from flows.store.two_way import TwoWayResult, TwoWayRun

EXISTS = "IDM_EXISTS__SYS_EXISTS"
ORPHAN = "SYS_EXISTS__IDM_NOT_EXISTS"
RESULTS = [
    TwoWayResult(
        1,
        EXISTS,
        "UPDATE_RES_FROM_IDM",
        "MATCH_FOUND_DIFFERENT",
        "zoe",
        "u1",
        "r1",
        idm_before={"mail": "zoe@example.org"},
        idm_after={"mail": "zoe@example.org"},
        resource_before={"mail": "z@example.org", "member": ["a", "b"]},
        resource_after={"mail": "zoe@example.org", "member": ["a", "b"]},
    ),
    TwoWayResult(2, EXISTS, "NOTHING", "MATCH_FOUND", "adam", "u2", "r2", status="NOTHING"),
    TwoWayResult(
        2**33, ORPHAN, "DELETE_FROM_RES", "NOT_EXIST_IN_IDM_DB", "nul\0l", None, "r3", "FAILURE", "no", None
    ),
]


async def add(database: Database, *runs: TwoWayRun) -> None:
    async with database.write() as tx:
        for run in runs:
            await two_way.add_run(tx, run)


async def test_a_run_comes_back_as_it_was_written(database: Database) -> None:
    run = TwoWayRun(
        "t1",
        "hr",
        1000,
        "STARTED",
        "schedule",
        "openidm-admin",
        is_manual=True,
        direction="toIdm",
        idm_changed_since=5,
        request={"guards": {"DELETE_FROM_RES": "off"}},
    )
    await add(database, run)
    async with database.write() as tx:
        assert await two_way.read_run(tx, "t1") == run
        counts = {EXISTS: {"NOTHING": {"NOTHING": 3}}}
        assert await two_way.update_run(
            tx, "t1", status="FINISHED", ended=2000, counts=counts, message="ok\0"
        )
        assert not await two_way.update_run(tx, "nobody", status="FAILED")
        found = await two_way.read_run(tx, "t1")
        assert found is not None
        assert (found.status, found.ended, found.counts, found.message) == ("FINISHED", 2000, counts, "ok")
        assert await two_way.read_run(tx, "nobody") is None
        with pytest.raises(ValueError, match="colour"):
            await two_way.update_run(tx, "t1", colour="red")


async def test_a_configuration_has_one_run_at_a_time(database: Database) -> None:
    await add(database, TwoWayRun("t1", "hr", 1000), TwoWayRun("t2", "groups", 1000))
    with pytest.raises(Duplicate):
        await add(database, TwoWayRun("t3", "hr", 1001))
    async with database.write() as tx:
        assert [run.id for run in await two_way.active(tx, "hr")] == ["t1"]
        await two_way.update_run(tx, "t1", status="STOPPED", ended=1002)
    await add(database, TwoWayRun("t3", "hr", 1003))
    async with database.read() as tx:
        found = await two_way.latest(tx, "hr")
        assert found is not None
        assert found.id == "t3"
        assert await two_way.latest(tx, "nobody") is None
        assert [run.id for run in await two_way.active(tx)] == ["t2", "t3"]


async def test_runs_are_listed_newest_first_and_filtered(database: Database) -> None:
    await add(database, *(TwoWayRun(f"t{n}", "hr", n, ended=n, trigger="cli") for n in range(3)))
    await add(database, TwoWayRun("t3", "groups", 3, status="FAILED", ended=9))
    async with database.read() as tx:
        found, total = await two_way.list_runs(tx, page_size=2, offset=1, count=True)
        assert ([run.id for run in found], total) == (["t2", "t1"], 4)
        found, total = await two_way.list_runs(tx, "hr", sort_keys=("started",))
        assert ([run.id for run in found], total) == (["t0", "t1", "t2"], -1)
        found, _ = await two_way.list_runs(tx, filter=parse('status eq "FAILED" or name eq "nobody"'))
        assert [run.id for run in found] == ["t3"]
        found, _ = await two_way.list_runs(tx, filter=parse('started ge "1970-01-01T00:00:00.002Z"'))
        assert [run.id for run in found] == ["t3", "t2"]


async def test_results_come_back_filtered_sorted_and_counted(database: Database) -> None:
    await add(database, TwoWayRun("t1", "hr", 1000), TwoWayRun("t2", "groups", 1000))
    async with database.write() as tx:
        await two_way.add_results(tx, "t1", RESULTS)
        await two_way.add_results(tx, "t2", RESULTS[:1])
        found = await two_way.results(tx, "t1")
        assert found[:2] == RESULTS[:2]
        assert (found[2].principal, found[2].seq) == ("null", 2**33)
        assert [each.seq for each in await two_way.results(tx, "t1", sort_keys=("principal",))] == [
            2,
            2**33,
            1,
        ]
        assert await two_way.results(tx, "t1", page_size=1, offset=1) == [RESULTS[1]]
        assert await two_way.results(tx, "t1", parse('case eq "MATCH_FOUND"')) == [RESULTS[1]]
        for clause in ("attribute/mail", "resourceBefore/mail"):
            assert await two_way.results(tx, "t1", parse(f'{clause} eq "z@example.org"')) == [RESULTS[0]]
        assert await two_way.results(tx, "t1", parse('attribute/member eq "b"')) == [RESULTS[0]]
        assert await two_way.count_results(tx, "t1", parse("!(attribute/mail pr)")) == 2
        assert await two_way.read_result(tx, "t1", 2) == RESULTS[1]
        assert await two_way.read_result(tx, "t1", 3) is None
        assert await two_way.last_seq(tx, "t1") == 2**33
        assert await two_way.totals(tx, "t1") == {
            EXISTS: {"UPDATE_RES_FROM_IDM": {"SUCCESS": 1}, "NOTHING": {"NOTHING": 1}},
            ORPHAN: {"DELETE_FROM_RES": {"FAILURE": 1}},
        }
        assert await two_way.categories(tx, "t1", parse('!(status eq "NOTHING")')) == {
            "MATCH_FOUND_DIFFERENT": 1,
            "NOT_EXIST_IN_IDM_DB": 1,
        }


async def test_all_results_are_read_page_by_page(database: Database) -> None:
    await add(database, TwoWayRun("t1", "hr", 1000))
    rows = [
        TwoWayResult(n, EXISTS, "NOTHING", "MATCH_FOUND" if n % 2 else "LOGIN_NOT_FOUND", f"p{n}")
        for n in range(1, 26)
    ]
    async with database.write() as tx:
        await two_way.add_results(tx, "t1", rows)
        seen, last = [], 0
        while page := await two_way.results_after(tx, "t1", last, 4, category="MATCH_FOUND"):
            last = page[-1].seq
            seen.extend(page)
        assert seen == [row for row in rows if row.seq % 2]


async def test_a_run_is_deleted_with_its_results_once_it_has_ended(database: Database) -> None:
    await add(database, TwoWayRun("t1", "hr", 1000))
    async with database.write() as tx:
        await two_way.add_results(tx, "t1", RESULTS)
        assert not await two_way.delete_run(tx, "t1")
        await two_way.update_run(tx, "t1", ended=1)
        assert await two_way.to_notify(tx, 0) == ["t1"]
        assert await two_way.delete_run(tx, "t1")
        assert await two_way.count_results(tx, "t1") == 0
        assert await two_way.to_notify(tx, 0) == []


async def test_old_runs_are_forgotten_and_older_ones_lose_what_needed_nothing(database: Database) -> None:
    await add(database, *(TwoWayRun(f"t{n}", "hr", n, ended=n + 1) for n in range(5)))
    async with database.write() as tx:
        for number in range(5):
            await two_way.add_results(tx, f"t{number}", RESULTS)
        await two_way_retention.trim(tx, "hr", 2, 1)
        left = {run.id: await two_way.count_results(tx, run.id) for run in (await two_way.list_runs(tx))[0]}
        assert left == {"t4": 3, "t3": 3, "t2": 2, "t1": 2}
        assert await two_way.count_results(tx, "t0") == 0
