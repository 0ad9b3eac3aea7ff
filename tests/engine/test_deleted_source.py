"""Assessing a source that was just deleted."""

from __future__ import annotations

from conf.errors import BadRequest
from conf.terms import Action, EntryStatus, Situation
from flows.engine.entry import Effect
from tests.engine.entries import by_mail, of_deleted, policy, rules
from tests.engine.memory_world import MemoryWorld, Recorder, answering

S, A = Situation, Action
OLD = {"_id": "s", "mail": "m"}
INVALID = answering(lambda _scope: False)


def linked() -> MemoryWorld:
    return MemoryWorld(targets={"t": {"mail": "m"}}, links=[("default", "s", "t")])


def test_a_linked_target_has_lost_its_source() -> None:
    entry = of_deleted(linked(), rules(), OLD).reconcile()
    assert (entry.situation, entry.action, entry.target_id) == (S.SOURCE_MISSING, A.EXCEPTION, "t")
    assert entry.had_link


def test_a_linked_target_that_does_not_qualify_is_ignored() -> None:
    assert of_deleted(linked(), rules(valid_target=INVALID), OLD).assess() is S.TARGET_IGNORED


def test_only_the_link_is_left() -> None:
    world = linked()
    world.targets.clear()
    entry = of_deleted(world, rules(policies=policy(S.LINK_ONLY, A.UNLINK)), OLD).reconcile()
    assert (entry.situation, entry.target_id) == (S.LINK_ONLY, None)
    assert world.links == []


def test_deleting_the_target_takes_its_link_along() -> None:
    world = linked()
    entry = of_deleted(world, rules(policies=policy(S.SOURCE_MISSING, A.DELETE)), OLD).reconcile()
    assert entry.effect is Effect.DELETED
    assert (world.targets, world.links) == ({}, [])


def unlinked(number: int) -> MemoryWorld:
    return MemoryWorld(targets={f"t{index}": {"mail": "m"} for index in range(number)})


def test_without_a_link_the_old_value_correlates() -> None:
    mapping, invalid = rules(correlation=by_mail()), rules(correlation=by_mail(), valid_source=INVALID)
    for number, situation in enumerate((S.ALL_GONE, S.UNASSIGNED, S.AMBIGUOUS)):
        assert of_deleted(unlinked(number), mapping, OLD).assess() is situation
    for number, situation in enumerate((S.ALL_GONE, S.TARGET_IGNORED, S.UNQUALIFIED)):
        assert of_deleted(unlinked(number), invalid, OLD).assess() is situation


def test_without_an_old_value_all_is_gone() -> None:
    recorder = Recorder(unlinked(1))
    mapping = rules(correlation=by_mail(), valid_source=recorder.hook("valid", BadRequest("never asked")))
    assert of_deleted(recorder.world, mapping, None).assess() is S.ALL_GONE


def test_the_one_candidate_is_the_target_and_several_are_not_kept() -> None:
    mapping = rules(correlation=by_mail())
    entry = of_deleted(unlinked(1), mapping, OLD).reconcile()
    assert (entry.target_id, entry.action) == ("t0", A.EXCEPTION)
    entry = of_deleted(unlinked(2), mapping, OLD).reconcile()
    assert (entry.target_id, entry.ambiguous) == (None, ())


def test_validity_of_the_old_value_is_asked_even_when_nothing_correlates() -> None:
    recorder = Recorder(unlinked(0))
    mapping = rules(valid_source=recorder.hook("valid", BadRequest("thrown")))
    entry = of_deleted(recorder.world, mapping, OLD).reconcile()
    assert (entry.situation, entry.status, entry.message) == (None, EntryStatus.FAILURE, "thrown")
    assert recorder.scopes["valid"] == {"source": OLD, "linkQualifier": "default"}


def test_the_source_condition_plays_no_part() -> None:
    mapping = rules(correlation=by_mail(), source_condition=lambda _scope: False)
    assert of_deleted(unlinked(1), mapping, OLD).assess() is S.UNASSIGNED
