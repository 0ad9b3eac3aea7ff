"""Small wild worlds, reconciled two or three times: the engine in its pages against the oracle.

`-m long` plays 10,000 of them, and 1,000 in all page sizes; RECON_HYPOTHESIS sets another number.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oracle.conftest import Stage
from tests.oracle.play import play
from tests.oracle.strategies import Story, calm_stories, stories

SIZES = (1, 2, 5, 1000)
CHOSEN = os.environ.get("RECON_HYPOTHESIS", "")
MANY = int(CHOSEN) if CHOSEN.isdigit() else 10_000
quick = settings(
    deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck), print_blob=False
)
thorough = settings(
    deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, max_examples=MANY
)


@pytest.fixture(scope="module")
def stage(sqlite_stage: Stage) -> Stage:
    """SQLite for many worlds; those on PostgreSQL have a test of their own."""
    return sqlite_stage


@settings(quick, max_examples=200)
@given(stories(), st.sampled_from(SIZES))
def test_any_world_is_reconciled_as_the_oracle_says(stage: Stage, story: Story, size: int) -> None:
    stage.wait(play(story, stage.engines(size)))


@pytest.mark.long
@settings(quick, max_examples=12)
@given(stories())
def test_the_page_size_never_changes_an_answer(stage: Stage, story: Story) -> None:
    stage.wait(play(story, stage.engines(*SIZES)))


@pytest.mark.long
@settings(quick, max_examples=12)
@given(stories(), st.sampled_from([1, 2, 5]))
def test_a_run_stopped_after_each_page_ends_as_if_it_had_not_been(
    stage: Stage, story: Story, size: int
) -> None:
    stage.wait(play(story, stage.engines(size), stops=[2] * 8))


@pytest.mark.long
@settings(quick, max_examples=25)
@given(stories(), st.sampled_from(SIZES), st.lists(st.integers(0, 8), max_size=8))
def test_a_run_killed_in_the_middle_of_a_page_ends_as_if_it_had_not_been(
    stage: Stage, story: Story, size: int, kills: list[int]
) -> None:
    stage.wait(play(story, stage.engines(size), kills=kills))


def run_twice(stage: Stage, story: Story, size: int) -> None:
    """Reconcile, then once more without a change in between."""
    (engine,) = stage.engines(size)
    first = Story(
        story.mapping, story.sources, story.targets, story.links, story.chapters[:1], sequential=False
    )
    stage.wait(play(first, [engine]))
    revisions, state = stage.wait(engine.revisions()), stage.wait(engine.state())
    answer = stage.wait(engine.run(story.chapters[1][1]))
    assert stage.wait(engine.revisions()) == revisions
    assert stage.wait(engine.state()) == state
    assert set(+answer.effects) <= {"unchanged"}
    assert answer.links_created == 0
    confirmed = [entry for entry in answer.entries if entry["situation"] == "CONFIRMED"]
    assert {entry["status"] for entry in confirmed} <= {"SUCCESS"}
    assert answer.effects["unchanged"] == len(confirmed)


@settings(quick, max_examples=30)
@given(calm_stories(), st.sampled_from(SIZES))
def test_a_second_run_has_nothing_to_do(stage: Stage, story: Story, size: int) -> None:
    run_twice(stage, story, size)


@pytest.mark.services
@settings(quick, max_examples=60)
@given(stories())
def test_any_world_is_reconciled_as_the_oracle_says_on_postgresql(
    postgresql_stage: Stage, story: Story
) -> None:
    postgresql_stage.wait(play(story, postgresql_stage.engines(2)))


@pytest.mark.long
@pytest.mark.timeout(6 * 3600)
@settings(thorough)
@given(stories(), st.sampled_from(SIZES))
def test_ten_thousand_worlds(stage: Stage, story: Story, size: int) -> None:
    stage.wait(play(story, stage.engines(size)))


@pytest.mark.long
@pytest.mark.timeout(6 * 3600)
@settings(thorough, max_examples=MANY // 10)
@given(stories())
def test_a_thousand_worlds_in_every_page_size(stage: Stage, story: Story) -> None:
    stage.wait(play(story, stage.engines(*SIZES)))


@pytest.mark.long
@pytest.mark.timeout(6 * 3600)
@settings(thorough, max_examples=MANY // 10)
@given(
    stories(),
    st.sampled_from(SIZES),
    st.lists(st.integers(0, 8), max_size=12),
    st.lists(st.integers(2, 4), max_size=12),
)
def test_a_thousand_worlds_stopped_and_killed(
    stage: Stage, story: Story, size: int, kills: list[int], stops: list[int]
) -> None:
    stage.wait(play(story, stage.engines(size), kills=kills, stops=stops))


@pytest.mark.long
@pytest.mark.timeout(3600)
@settings(thorough, max_examples=MANY // 10)
@given(calm_stories(), st.sampled_from(SIZES))
def test_a_thousand_second_runs_have_nothing_to_do(stage: Stage, story: Story, size: int) -> None:
    run_twice(stage, story, size)
