"""What Prefect is told of a schedule, and what becomes of the slots it delivers."""

from __future__ import annotations

import pytest

from conf.errors import NotFound
from flows.call import Runtime
from flows.launch import Launch, launch
from flows.schedules import (
    GRACE_MS,
    CronTiming,
    IntervalTiming,
    Job,
    SlotOutcome,
    SlotTiming,
    Timing,
    all_jobs,
    job_of,
    judge,
    take_slot,
    timing_of,
)
from flows.store import runs
from flows.store import schedules as store
from flows.worker import work
from tests.worker.conftest import MAPPING

NOW = 1_800_000_000_000
SYNC = {"invokeService": "sync", "invokeContext": {"action": "reconcile", "mapping": MAPPING}}


def job(name: str = "nightly", **members: object) -> Job:
    found = job_of(name, {"enabled": True, "type": "cron", "schedule": "0 0 2 * * ?", **SYNC, **members})
    assert found is not None
    return Job(found)


@pytest.mark.parametrize(
    ("members", "timing"),
    [
        ({"schedule": "0 0 2 * * ?", "timeZone": "Europe/Oslo"}, CronTiming("0 2 * * *", "Europe/Oslo")),
        ({"schedule": "0 30 1 ? * MON-FRI", "timeZone": "UTC"}, CronTiming("30 1 * * 1,2,3,4,5", "UTC")),
        ({"schedule": "0/10 * * * * ?"}, IntervalTiming(10, 0)),
        ({"schedule": "* * * * * ?"}, IntervalTiming(1, 0)),
        ({"schedule": "7,40 * * * * ?"}, SlotTiming()),
        ({"schedule": "30 0 2 * * ?"}, SlotTiming()),
        ({"schedule": "0 0 2 * * ? 2030"}, SlotTiming()),
        (
            {"type": "simple", "repeatInterval": 60000, "startTime": "2026-01-01T00:00:00Z"},
            IntervalTiming(60, 1767225600000),
        ),
        ({"type": "simple", "repeatInterval": 60000, "repeatCount": 3}, SlotTiming()),
    ],
)
def test_prefect_is_told_a_cron_line_or_an_interval_or_single_slots(
    members: dict[str, object], timing: Timing
) -> None:
    assert timing_of(job(**members).schedule) == timing


def test_a_job_that_is_disabled_paused_wrong_or_does_not_reconcile_never_fires() -> None:
    assert job().due_after(NOW)
    assert not job(enabled=False).due_after(NOW)
    assert not Job(job().schedule, paused=True).due_after(NOW)
    assert not job(schedule="nonsense").due_after(NOW)
    assert not job(invokeService="script", invokeContext={"script": {"source": "1", "type": "js"}}).runs


def test_the_digest_follows_what_prefect_is_told() -> None:
    assert job().digest == job(misfirePolicy="doNothing").digest
    assert job().digest != job(schedule="0 0 3 * * ?").digest


@pytest.mark.parametrize(
    ("policy", "ages", "outcomes"),
    [
        ("fireAndProceed", [0], ["STARTED"]),
        ("doNothing", [0], ["STARTED"]),
        ("fireAndProceed", [GRACE_MS], ["STARTED"]),
        ("doNothing", [GRACE_MS + 1], ["MISFIRED"]),
        ("fireAndProceed", [9 * GRACE_MS, 5 * GRACE_MS, 2 * GRACE_MS], ["MISFIRED", "MISFIRED", "STARTED"]),
        ("doNothing", [9 * GRACE_MS, 5 * GRACE_MS, 2 * GRACE_MS], ["MISFIRED", "MISFIRED", "MISFIRED"]),
        ("fireAndProceed", [9 * GRACE_MS, 1000], ["MISFIRED", "STARTED"]),
        ("doNothing", [9 * GRACE_MS, 1000], ["MISFIRED", "STARTED"]),
        ("fireAndProceed", [20_000, 10_000], ["MISFIRED", "STARTED"]),
        ("fireAndProceed", [], []),
    ],
)
def test_missed_slots_follow_the_misfire_policy(policy: str, ages: list[int], outcomes: list[str]) -> None:
    slots = [NOW - age for age in ages]
    judged = judge(slots, NOW, policy)
    assert [judged[slot] for slot in slots] == outcomes


async def test_a_slot_starts_one_run_however_often_it_is_delivered(runtime: Runtime) -> None:
    taken = await take_slot(runtime, job(), NOW, SlotOutcome.STARTED, "flow-run")
    assert taken is not None
    assert taken[0] is SlotOutcome.STARTED
    assert await take_slot(runtime, job(), NOW, SlotOutcome.STARTED, "another") is None
    async with runtime.database.read() as tx:
        (run,) = await runs.list_all(tx)
        (slot,) = await store.slots(tx, "nightly")
        kept = await store.read_job(tx, "nightly")
    assert (run.trigger, run.flow_run_id) == ("schedule:nightly", "flow-run")
    assert run.user_id == f"Scheduled nightly-{NOW}"
    assert (slot.outcome, slot.run_id) == ("STARTED", run.id)
    assert kept is not None
    assert kept.origin == "file"
    assert kept.previous_outcome == "STARTED"
    assert kept.previous_run_at is not None


async def test_a_slot_that_meets_a_run_is_skipped_and_recorded(runtime: Runtime) -> None:
    await launch(runtime.call(), Launch(MAPPING))
    taken = await take_slot(runtime, job(), NOW, SlotOutcome.STARTED, None)
    assert taken is not None
    assert taken[0] is SlotOutcome.SKIPPED
    await work(runtime.settings, once=True)
    later = await take_slot(runtime, job(), NOW + 1, SlotOutcome.STARTED, None)
    assert later is not None
    assert later[0] is SlotOutcome.STARTED
    async with runtime.database.read() as tx:
        assert [slot.outcome for slot in await store.slots(tx, "nightly")] == ["STARTED", "SKIPPED"]
        assert len(await runs.list_all(tx)) == 2


async def test_a_missed_slot_is_recorded_without_a_run(runtime: Runtime) -> None:
    taken = await take_slot(runtime, job(), NOW, SlotOutcome.MISFIRED, None)
    assert taken is not None
    assert taken[0] is SlotOutcome.MISFIRED
    async with runtime.database.read() as tx:
        assert await runs.list_all(tx) == []


async def test_a_slot_of_a_mapping_that_is_gone_says_so(runtime: Runtime) -> None:
    gone = job(invokeContext={"action": "reconcile", "mapping": "gone"})
    with pytest.raises(NotFound):
        runtime.project.mapping("gone")
    taken = await take_slot(runtime, gone, NOW, SlotOutcome.STARTED, None)
    assert taken == (SlotOutcome.MISFIRED, "not started: No such mapping: gone")


async def test_jobs_are_those_of_the_folder_and_those_put_over_rest(runtime: Runtime) -> None:
    async with runtime.database.write() as tx:
        await store.put_job(
            tx, "hourly", {"enabled": True, "type": "cron", "schedule": "0 0 * * * ?", **SYNC}
        )
        await store.set_job(tx, "hourly", {"paused": True})
        jobs = await all_jobs(tx, runtime.project)
    assert {name: found.paused for name, found in jobs.items()} == {"nightly": False, "hourly": True}
    assert not jobs["nightly"].runs
