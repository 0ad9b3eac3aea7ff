"""Processes die at each named place of a run, of a decision and of carrying it out: nothing is lost, doubled or stuck.

Each case forks a child that has everything imported, arms one failpoint in it, and lets it work until it kills itself;
then a second life goes on where the first one stopped. RECON_KILLS=long takes every visit of every place.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.kills.lives import (
    APPROVED,
    AUDITED,
    COUNTERS,
    DIED,
    LONG,
    PEOPLE,
    USERS,
    Undisturbed,
    Work,
    World,
    broken_promises,
    carry_out_all,
    decide_all,
    run_to_its_end,
)

pytestmark = [pytest.mark.kills, pytest.mark.timeout(900)]

RUN = ("R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15")
DECIDE = ("A5", "A6")
PERFORM = ("P2", "P4", "P9", "P10", "P11", "P12", "P13", "P15")


def die_and_go_on(
    before: Path, folder: Path, work: Work, visits: dict[str, int], place: str, when: str
) -> list[World]:
    """Worlds in which a life died at a visit of the place and a second one has ended what it began."""
    count = visits.get(place, 0)
    assert count, f"nothing comes by {place}; these are visited: {sorted(visits)}"
    middle = range(2, count) if LONG else [(count + 1) // 2]
    worlds = []
    for visit in {"first": [1], "last": [count], "middle": middle}[when]:
        world = World(folder / str(visit))
        shutil.copytree(before, world.folder)
        assert world.live(work, place, visit)[0] == DIED
        assert broken_promises(world) == []
        world.lapse()
        assert world.live(work)[0] == 0
        assert broken_promises(world) == []
        assert world.rows("select count(*) from recon_run where working = 1 or state = 'ACTIVE'") == [(0,)]
        worlds.append(world)
    return worlds


# the cases


def cases(places: tuple[str, ...]) -> list[tuple[str, str]]:
    when = ("first", "middle", "last")
    if LONG or len(places) < 3:
        return [(place, each) for place in places for each in when]
    return [(place, when[number % 3]) for number, place in enumerate(places)] + [
        (place, when[(number + 1) % 3]) for number, place in enumerate(places) if number % 2 == 0
    ]


def test_there_are_as_many_deaths_as_are_promised(undisturbed: Undisturbed) -> None:
    works = (("run", RUN), ("decide", DECIDE), ("perform", PERFORM))
    visits = [undisturbed.visits[work][place] for work, places in works for place in places]
    short = sum(len(cases(places)) for _, places in works)
    assert (sum(max(2, count) for count in visits) if LONG else short) >= (350 if LONG else 40), visits


@pytest.mark.parametrize(("place", "when"), cases(RUN))
def test_a_run_that_dies_goes_on(
    born: Path, undisturbed: Undisturbed, tmp_path: Path, place: str, when: str
) -> None:
    for world in die_and_go_on(born, tmp_path, run_to_its_end, undisturbed.visits["run"], place, when):
        assert world.rows(COUNTERS) == undisturbed.counters
        assert world.rows(AUDITED) == undisturbed.audited
        assert world.rows("select count(*) from task_instance where status = 'OPEN'") == [(PEOPLE,)]


@pytest.mark.parametrize(("place", "when"), cases(DECIDE))
def test_decisions_survive_a_death(
    asked: Path, undisturbed: Undisturbed, tmp_path: Path, place: str, when: str
) -> None:
    for world in die_and_go_on(asked, tmp_path, decide_all, undisturbed.visits["decide"], place, when):
        assert world.rows("select count(*) from decision") == [(PEOPLE,)]


@pytest.mark.parametrize(("place", "when"), cases(PERFORM))
def test_approvals_are_carried_out_once(
    decided: Path, undisturbed: Undisturbed, tmp_path: Path, place: str, when: str
) -> None:
    for world in die_and_go_on(decided, tmp_path, carry_out_all, undisturbed.visits["perform"], place, when):
        assert world.rows(USERS) == world.rows(APPROVED)
        assert world.rows("select first_id from link order by first_id") == world.rows(APPROVED)
        assert world.rows("select count(*) from intent where state <> 'APPLIED'") == [(0,)]
