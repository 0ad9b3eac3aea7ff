"""Frequencies: presets and cron expressions, slots that overlap, slots that were missed, the days of a clock change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from flows.schedules import all_jobs
from flows.store import schedules as store
from flows.two_way.schedule import do_due
from tests.two_way.world import World, configuration, world

VIENNA = ZoneInfo("Europe/Vienna")


@pytest.fixture
async def hr(tmp_path: Path, store: dict[str, str]) -> AsyncIterator[World]:
    async with world(tmp_path, **store) as made:
        made.write({"uid": "1", "login": "ann"})
        yield made


def at(text: str) -> int:
    """Epoch milliseconds of a time in Vienna."""
    return int(datetime.fromisoformat(text).replace(tzinfo=VIENNA).timestamp() * 1000)


async def due(hr: World, after: str, n: int) -> list[str]:
    async with hr.running.runtime.database.read() as tx:
        jobs = await all_jobs(tx, hr.running.runtime.project)
    times = jobs["reconciliation_hr"].due_after(at(after), n)
    return [datetime.fromtimestamp(time / 1000, VIENNA).strftime("%m-%d %H:%M") for time in times]


@pytest.mark.parametrize(
    ("frequency", "expected"),
    [
        ("Every 5 min", ["06-01 12:05", "06-01 12:10"]),
        ("Every 15 min", ["06-01 12:15", "06-01 12:30"]),
        ("Every 1 Hour", ["06-01 13:00", "06-01 14:00"]),
        ("Run Nightly", ["06-02 00:00", "06-03 00:00"]),
        ("0 30 2 ? * MON", ["06-08 02:30", "06-15 02:30"]),
    ],
)
async def test_a_frequency_means_what_it_says(hr: World, frequency: str, expected: list[str]) -> None:
    await hr.configure(configuration(frequency=frequency, timeZone="Europe/Vienna"))
    assert await due(hr, "2026-06-01T12:03", 2) == expected


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
async def test_on_the_day_of_a_clock_change_the_night_has_one_run(hr: World, day: str) -> None:
    await hr.configure(configuration(frequency="0 30 2 * * ?", timeZone="Europe/Vienna"))
    found = await due(hr, f"{day}T00:00", 3)
    assert [time[:5] for time in found].count(day[5:]) == 1


async def slots(hr: World) -> list[tuple[str, str]]:
    async with hr.running.runtime.database.read() as tx:
        rows = await tx.fetch("select outcome, reason from schedule_slot order by slot_at")
    return [(str(outcome), str(reason)) for outcome, reason in rows]


async def test_a_slot_starts_a_run_and_one_that_meets_a_run_is_recorded(hr: World) -> None:
    await hr.configure(configuration(frequency="Every 5 min", timeZone="Europe/Vienna"))
    runtime = hr.running.runtime
    now = at("2026-06-01T12:05:01")
    runtime.clock = lambda: now
    await do_due(runtime)
    await do_due(runtime)
    now = at("2026-06-01T12:10:01")
    await do_due(runtime)
    told = await slots(hr)
    assert [outcome for outcome, _ in told] == ["STARTED", "SKIPPED"]
    assert told[1][1].startswith("previous run is not finished yet")


@pytest.mark.parametrize(("policy", "last"), [("doNothing", "MISFIRED"), ("fireAndProceed", "STARTED")])
async def test_missed_slots_are_made_up_for_only_where_the_policy_says_so(
    hr: World, policy: str, last: str
) -> None:
    await hr.configure(configuration(frequency="Every 5 min", timeZone="Europe/Vienna", misfirePolicy=policy))
    runtime = hr.running.runtime
    async with runtime.database.write() as tx:
        slot = store.Slot("reconciliation_hr", at("2026-06-01T11:30:00"), "STARTED", None, "")
        await store.take_slot(tx, slot)
    runtime.clock = lambda: at("2026-06-01T12:02:00")
    await do_due(runtime)
    missed = [outcome for outcome, _ in (await slots(hr))[1:]]
    assert missed == ["MISFIRED"] * 5 + [last]
