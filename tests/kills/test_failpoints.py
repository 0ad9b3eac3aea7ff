"""Processes die at each named place of a run, of a decision and of carrying it out: nothing is lost, doubled or stuck.

Each case forks a child that has everything imported, arms one failpoint in it, and lets it work until it kills itself;
then a second life goes on where the first one stopped. RECON_KILLS=long takes every visit of every place,
on both databases.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kills.databases import LONG, on_both
from tests.kills.lives import (
    APPROVED,
    AUDITED,
    DIED,
    PEOPLE,
    USERS,
    Work,
    World,
    broken_promises,
    carry_out_all,
    decide_all,
    run_to_its_end,
)
from tests.kills.worlds import Worlds

pytestmark = [pytest.mark.kills, pytest.mark.timeout(900)]

RUN = ("R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15")
DECIDE = ("A5", "A6")
PERFORM = ("P2", "P4", "P9", "P10", "P11", "P12", "P13", "P15")


def die_and_go_on(
    before: World, folder: Path, work: Work, visits: dict[str, int], place: str, when: str
) -> Iterator[World]:
    """Worlds in which a life died at a visit of the place and a second one has ended what it began."""
    count = visits.get(place, 0)
    assert count, f"nothing comes by {place}; these are visited: {sorted(visits)}"
    middle = range(2, count) if LONG else [(count + 1) // 2]
    for visit in {"first": [1], "last": [count], "middle": middle}[when]:
        with before.copied(folder / str(visit)) as world:
            assert world.live(work, place, visit)[0] == DIED
            assert broken_promises(world) == []
            world.lapse()
            assert world.live(work)[0] == 0
            assert broken_promises(world) == []
            assert world.rows("select 1 from recon_run where working = 1 or state = 'ACTIVE'") == []
            yield world


# the cases


def deaths(places: tuple[str, ...]) -> list[tuple[str, str]]:
    """Place and moment of each."""
    when = ("first", "middle", "last")
    if LONG or len(places) < 3:
        return [(place, each) for place in places for each in when]
    return [(place, when[number % 3]) for number, place in enumerate(places)] + [
        (place, when[(number + 1) % 3]) for number, place in enumerate(places) if number % 2 == 0
    ]


def test_there_are_as_many_deaths_as_are_promised(worlds: Worlds) -> None:
    works = (("run", RUN), ("decide", DECIDE), ("perform", PERFORM))
    visits = [worlds.undisturbed.visits[work][place] for work, places in works for place in places]
    short = sum(len(deaths(places)) for _, places in works)
    assert (sum(max(2, count) for count in visits) if LONG else short) >= (350 if LONG else 40), visits


@pytest.mark.parametrize(("worlds", "place", "when"), on_both(deaths(RUN), 4), indirect=["worlds"])
def test_a_run_that_dies_goes_on(worlds: Worlds, tmp_path: Path, place: str, when: str) -> None:
    visits = worlds.undisturbed.visits["run"]
    for world in die_and_go_on(worlds.born, tmp_path, run_to_its_end, visits, place, when):
        assert world.counters() == worlds.undisturbed.counters
        assert world.rows(AUDITED) == worlds.undisturbed.audited
        assert world.rows("select count(*) from task_instance where status = 'OPEN'") == [(PEOPLE,)]


@pytest.mark.parametrize(("worlds", "place", "when"), on_both(deaths(DECIDE), 4), indirect=["worlds"])
def test_decisions_survive_a_death(worlds: Worlds, tmp_path: Path, place: str, when: str) -> None:
    visits = worlds.undisturbed.visits["decide"]
    for world in die_and_go_on(worlds.asked, tmp_path, decide_all, visits, place, when):
        assert world.rows("select count(*) from decision") == [(PEOPLE,)]


@pytest.mark.parametrize(("worlds", "place", "when"), on_both(deaths(PERFORM), 4), indirect=["worlds"])
def test_approvals_are_carried_out_once(worlds: Worlds, tmp_path: Path, place: str, when: str) -> None:
    visits = worlds.undisturbed.visits["perform"]
    for world in die_and_go_on(worlds.decided, tmp_path, carry_out_all, visits, place, when):
        assert world.rows(USERS) == world.rows(APPROVED)
        assert world.rows("select first_id from link order by first_id") == world.rows(APPROVED)
        assert world.rows("select count(*) from intent where state <> 'APPLIED'") == [(0,)]
