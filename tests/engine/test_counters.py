"""The counters of a run: the worked examples of the specification, and durations."""

from __future__ import annotations

from typing import Any

import pytest

from conf.errors import BadRequest, Forbidden
from conf.terms import Action, EntryStatus, Situation
from flows.engine.entry import Entry
from flows.engine.rules import MappingRules
from flows.statistics import Duration, Statistics
from tests.engine.entries import ID, MAIL, by_mail, policy, rules, source_entry, target_entry
from tests.engine.memory_world import MemoryWorld, Recorder, answering

S, A = Situation, Action
REFUSED = Forbidden("Policy validation failed")


def world(*, source: bool = True, targets: int = 0, linked: bool = False, refused: str = "") -> MemoryWorld:
    found = MemoryWorld(
        sources={"s": {"mail": "m"}} if source else {},
        targets={"tuv"[index]: {"mail": "m"} for index in range(targets)},
        links=[("default", "s", "t")] if linked else [],
    )
    if refused:
        found.refusals[refused] = REFUSED
    return found


def count(*entries: Entry) -> Statistics:
    statistics = Statistics()
    for entry in entries:
        statistics.count(entry)
    return statistics


def numbers(statistics: Statistics) -> tuple[int, ...]:
    """Source and target processed, targets created, links processed and created."""
    return (
        statistics.source_processed,
        statistics.target_processed,
        statistics.target_effects["created"],
        statistics.links_processed,
        statistics.links_created,
    )


CORRELATED: dict[str, Any] = {"correlation": by_mail()}
Row = tuple[MemoryWorld, MappingRules, tuple[int, ...], Situation | None, EntryStatus]
OK, FAILED = EntryStatus.SUCCESS, EntryStatus.FAILURE
IN_SOURCE_PHASE: dict[str, Row] = {
    "ABSENT, CREATE": (world(), rules(), (1, 0, 1, 0, 1), S.ABSENT, OK),
    "ABSENT, CREATE refused, id mapped": (
        world(refused="create_target"),
        rules(ID, MAIL),
        (1, 0, 0, 0, 0),
        S.ABSENT,
        FAILED,
    ),
    "ABSENT, CREATE refused, id not mapped": (
        world(refused="create_target"),
        rules(),
        (1, 0, 0, 0, 0),
        S.ABSENT,
        FAILED,
    ),
    "ABSENT, CREATE, link refused": (
        world(refused="create_link"),
        rules(),
        (1, 0, 1, 0, 0),
        S.ABSENT,
        FAILED,
    ),
    "ABSENT, ASYNC": (world(), rules(policies=policy(S.ABSENT, A.ASYNC)), (1, 0, 0, 0, 0), S.ABSENT, OK),
    "ABSENT, EXCEPTION": (
        world(),
        rules(policies=policy(S.ABSENT, A.EXCEPTION)),
        (1, 0, 0, 0, 0),
        S.ABSENT,
        OK,
    ),
    "CONFIRMED, UPDATE that changes": (
        world(targets=1, linked=True),
        rules(ID, MAIL),
        (1, 1, 0, 1, 0),
        S.CONFIRMED,
        FAILED,
    ),
    "CONFIRMED, UPDATE that changes nothing": (
        world(targets=1, linked=True),
        rules(),
        (1, 1, 0, 1, 0),
        S.CONFIRMED,
        OK,
    ),
    "FOUND, UPDATE": (world(targets=1), rules(**CORRELATED), (1, 1, 0, 0, 1), S.FOUND, OK),
    "FOUND, LINK": (
        world(targets=1),
        rules(**CORRELATED, policies=policy(S.FOUND, A.LINK)),
        (1, 1, 0, 0, 1),
        S.FOUND,
        OK,
    ),
    "FOUND, IGNORE": (
        world(targets=1),
        rules(**CORRELATED, policies=policy(S.FOUND, A.IGNORE)),
        (1, 1, 0, 0, 0),
        S.FOUND,
        OK,
    ),
    "AMBIGUOUS, EXCEPTION": (
        world(targets=2),
        rules(**CORRELATED),
        (1, 0, 0, 0, 0),
        S.AMBIGUOUS,
        OK,
    ),
    "MISSING, UNLINK": (
        world(linked=True),
        rules(policies=policy(S.MISSING, A.UNLINK)),
        (1, 1, 0, 1, 0),
        S.MISSING,
        OK,
    ),
    "MISSING, CREATE": (
        world(linked=True),
        rules(policies=policy(S.MISSING, A.CREATE)),
        (1, 0, 1, 1, 0),
        S.MISSING,
        OK,
    ),
    "validSource throws": (
        world(),
        rules(valid_source=answering(lambda _scope: None)),
        (0, 0, 0, 0, 0),
        None,
        FAILED,
    ),
    "action script throws": (
        world(),
        rules(policies=policy(S.ABSENT, answering(lambda _scope: None))),
        (0, 0, 0, 0, 0),
        None,
        FAILED,
    ),
}
IN_TARGET_PHASE: dict[str, Row] = {
    "UNASSIGNED, DELETE": (
        world(source=False, targets=1),
        rules(policies=policy(S.UNASSIGNED, A.DELETE)),
        (0, 1, 0, 0, 0),
        S.UNASSIGNED,
        OK,
    ),
    "SOURCE_MISSING, DELETE": (
        world(source=False, targets=1, linked=True),
        rules(policies=policy(S.SOURCE_MISSING, A.DELETE)),
        (0, 1, 0, 1, 0),
        S.SOURCE_MISSING,
        OK,
    ),
    "CONFIRMED, UPDATE": (world(targets=1, linked=True), rules(), (0, 1, 0, 1, 0), S.CONFIRMED, OK),
    "TARGET_IGNORED of a linked target": (
        world(targets=1, linked=True),
        rules(valid_target=answering(lambda _scope: False)),
        (0, 1, 0, 1, 0),
        S.TARGET_IGNORED,
        OK,
    ),
}


@pytest.mark.parametrize("row", [*IN_SOURCE_PHASE, *IN_TARGET_PHASE])
def test_worked_example(row: str) -> None:
    place, mapping, expected, situation, status = {**IN_SOURCE_PHASE, **IN_TARGET_PHASE}[row]
    entry = source_entry(place, mapping) if row in IN_SOURCE_PHASE else target_entry(place, mapping)
    statistics = count(entry)
    assert numbers(statistics) == expected
    assert dict(statistics.situations) == ({} if situation is None else {situation: 1})
    assert dict(statistics.statuses) == {status: 1}


def test_effects_tell_unchanged_from_updated_and_deleted() -> None:
    entries = [
        source_entry(world(targets=1, linked=True), rules()),
        source_entry(world(targets=1), rules(ID, MAIL, **CORRELATED)),
        source_entry(world(), rules()),
        target_entry(world(source=False, targets=1), rules(policies=policy(S.UNASSIGNED, A.DELETE))),
    ]
    statistics = count(*entries)
    assert statistics.progress()["target"] == {
        "existing": {"processed": 3, "total": "?"},
        "created": 1,
        "unchanged": 1,
        "updated": 0,
        "deleted": 1,
    }


def test_a_failed_post_action_is_counted_with_what_was_done() -> None:
    place = world()
    post = Recorder(place).hook("postAction", BadRequest("no"))
    statistics = count(source_entry(place, rules(policies=policy(S.ABSENT, A.CREATE, post_action=post))))
    assert numbers(statistics) == (1, 0, 1, 0, 1)
    assert dict(statistics.statuses) == {FAILED: 1}


def test_pairs_settled_in_bulk_count_as_if_each_had_been_looked_at() -> None:
    one_by_one = count(*(source_entry(world(targets=1, linked=True), rules()) for _ in range(3)))
    in_bulk = Statistics()
    in_bulk.count_unchanged(3)
    assert in_bulk.dump() == one_by_one.dump()


def test_an_analysis_leaves_targets_out_of_the_effects() -> None:
    statistics = Statistics()
    statistics.count_unchanged(3, performed=False)
    assert statistics.progress()["target"]["unchanged"] == 0
    assert statistics.target_processed == 3


def test_all_situations_and_statuses_are_always_shown_and_totals_are_text() -> None:
    statistics = count(source_entry(world(), rules()))
    summaries = statistics.summaries()
    assert set(summaries["situationSummary"]) == {str(one) for one in Situation}
    assert summaries["situationSummary"]["ABSENT"] == 1
    assert summaries["statusSummary"] == {"SUCCESS": 1, "FAILURE": 0}
    assert summaries["durationSummary"] == {}
    statistics.source_total, statistics.target_total, statistics.links_total = 12, 0, None
    progress = statistics.progress()
    assert progress["source"]["existing"] == {"processed": 1, "total": "12"}
    assert progress["target"]["existing"] == {"processed": 0, "total": "0"}
    assert progress["links"] == {"existing": {"processed": 0, "total": "?"}, "created": 1}


def test_what_is_dumped_is_plain_and_loads_again() -> None:
    statistics = count(source_entry(world(), rules()), target_entry(world(source=False, targets=1), rules()))
    statistics.source_total = 1
    statistics.measured("sourceQuery", 0.25)
    dumped = statistics.dump()
    for name in ("effects", "situations", "statuses"):
        assert {type(key) for key in dumped[name]} == {str}
    loaded = Statistics.load(dumped)
    assert loaded == statistics
    loaded.count(source_entry(world(), rules()))
    assert loaded.situations[S.ABSENT] == 2
    assert loaded.target_effects["created"] == 2
    assert Statistics.load({}) == Statistics()


def test_a_duration_in_whole_milliseconds() -> None:
    duration = Duration()
    for seconds in (0.010, 0.030, 0.020):
        duration.add(seconds)
    assert duration.body() == {"min": 10, "max": 30, "mean": 20, "count": 3, "sum": 60, "stdDev": 8}
    alone = Duration()
    alone.add(0.0004)
    assert alone.body() == {"min": 0, "max": 0, "mean": 0, "count": 1, "sum": 0, "stdDev": 0}


def test_equal_shares_of_one_measurement() -> None:
    statistics = Statistics()
    statistics.measured("auditLog", 0.1, count=10)
    statistics.measured("auditLog", 0.1, count=0)
    shown = statistics.summaries()["durationSummary"]["auditLog"]
    assert shown == {"min": 10, "max": 10, "mean": 10, "count": 10, "sum": 100, "stdDev": 0}


def test_a_block_is_measured_although_it_fails() -> None:
    statistics = Statistics()
    with pytest.raises(BadRequest), statistics.measure("onCreateScript"):
        raise BadRequest("no")
    assert statistics.durations["onCreateScript"].count == 1
