"""Assessing a target that no source accounted for."""

from __future__ import annotations

from typing import Any

import pytest

from conf.errors import BadRequest
from conf.terms import Action, EntryStatus, Phase, Situation
from flows.engine.entry import Effect
from tests.engine.entries import of_target, policy, rules, target_entry
from tests.engine.memory_world import MemoryWorld, Recorder, answering

S, A = Situation, Action


def linked() -> MemoryWorld:
    return MemoryWorld(
        sources={"s": {"mail": "m"}}, targets={"t": {"mail": "old"}}, links=[("default", "s", "t")]
    )


def test_a_target_is_unassigned_under_every_qualifier_without_a_link() -> None:
    world = linked()
    assert of_target(world, rules()).assess() is S.CONFIRMED
    assert of_target(world, rules(), qualifier="other").assess() is S.UNASSIGNED


def test_confirmed_is_really_updated() -> None:
    world = linked()
    entry = target_entry(world, rules())
    assert (entry.phase, entry.situation, entry.effect) == (Phase.TARGET, S.CONFIRMED, Effect.UPDATED)
    assert (entry.source_id, entry.target_id) == ("s", "t")
    assert world.targets == {"t": {"mail": "m"}}


def test_a_source_that_is_gone() -> None:
    world = linked()
    world.sources.clear()
    entry = target_entry(world, rules())
    assert (entry.situation, entry.action) == (S.SOURCE_MISSING, A.EXCEPTION)
    assert (entry.source_id, entry.target_id, entry.had_link) == ("s", "t", True)


def test_an_invalid_source_makes_it_unqualified_and_the_condition_plays_no_part() -> None:
    world = linked()
    mapping = rules(source_condition=lambda _scope: False)
    assert of_target(world, mapping).assess() is S.CONFIRMED
    invalid = rules(valid_source=answering(lambda _scope: False))
    assert of_target(world, invalid).assess() is S.UNQUALIFIED


def test_enable_linking_plays_no_part_in_the_assessment() -> None:
    assert of_target(linked(), rules(linking=False)).assess() is S.CONFIRMED


@pytest.mark.parametrize("answer", [None, "no", 1])
def test_an_answer_of_valid_target_that_is_no_boolean_fails_the_entry(answer: Any) -> None:
    entry = target_entry(linked(), rules(valid_target=answering(lambda _scope: answer)))
    assert (entry.situation, entry.message) == (None, "Expecting boolean value from validTarget")
    assert entry.target_id == "t"


def test_a_valid_source_without_a_boolean_answer_fails_the_entry_that_names_both() -> None:
    entry = target_entry(linked(), rules(valid_source=answering(lambda _scope: "yes")))
    assert (entry.message, entry.source_id) == ("Expecting boolean value from validSource", "s")


def test_valid_target_that_throws_fails_the_entry() -> None:
    recorder = Recorder(linked())
    entry = target_entry(recorder.world, rules(valid_target=recorder.hook("valid", BadRequest("thrown"))))
    assert (entry.status, entry.message, entry.performed) == (EntryStatus.FAILURE, "thrown", False)
    assert recorder.scopes["valid"] == {
        "target": {"_id": "t", "_rev": "1", "mail": "old"},
        "linkQualifier": "default",
    }


def test_a_target_that_has_vanished_counts_as_valid() -> None:
    world = linked()
    world.targets.clear()
    mapping = rules(valid_target=answering(lambda _scope: False))
    assert of_target(world, mapping).assess() is S.CONFIRMED
    assert of_target(world, mapping, qualifier="other").assess() is S.UNASSIGNED
    entry = target_entry(world, mapping)
    assert (entry.status, entry.effect, entry.target_id) == (EntryStatus.SUCCESS, None, "t")


def test_an_ignored_target_keeps_its_link_counted_but_not_its_source() -> None:
    entry = target_entry(linked(), rules(valid_target=answering(lambda _scope: False)))
    assert (entry.situation, entry.action) == (S.TARGET_IGNORED, A.IGNORE)
    assert (entry.had_link, entry.source_id) == (True, None)


def test_a_deleted_target_is_still_shown() -> None:
    world = linked()
    world.sources.clear()
    entry = target_entry(world, rules(policies=policy(S.SOURCE_MISSING, A.DELETE)))
    assert (entry.effect, entry.target_id) == (Effect.DELETED, "t")


def test_updating_without_a_source_object_writes_nothing() -> None:
    world = linked()
    world.sources.clear()
    entry = target_entry(world, rules(policies=policy(S.SOURCE_MISSING, A.UPDATE)))
    assert (entry.status, entry.effect) == (EntryStatus.SUCCESS, None)
    assert world.targets == {"t": {"mail": "old"}}
