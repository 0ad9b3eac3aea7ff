"""Assessing a source that exists: link, validity, correlation."""

from __future__ import annotations

from typing import Any

import pytest

from conf.errors import BadRequest
from conf.terms import Action, EntryStatus, Situation
from flows.engine.failures import RunFailed
from flows.engine.rules import Json, Scope
from tests.engine.entries import by_mail, of_source, policy, rules, source_entry
from tests.engine.memory_world import MemoryWorld, Recorder, answering

S, A = Situation, Action


def linked(**more: Any) -> MemoryWorld:
    return MemoryWorld(sources={"s": {"mail": "m"}}, targets={"t": {}}, links=[("default", "s", "t")], **more)


def test_existence_is_the_target_sets_to_tell_and_costs_no_read() -> None:
    for known, situation in ((["t"], S.CONFIRMED), ([], S.MISSING)):
        world = linked(target_set=known)
        assert of_source(world, rules()).assess() is situation
        assert world.reads == []


def test_a_link_of_another_qualifier_is_not_seen() -> None:
    world = linked()
    assert of_source(world, rules(), qualifier="other").assess() is S.ABSENT


def test_a_stale_link_is_not_correlated_again() -> None:
    world = MemoryWorld(
        sources={"s": {"mail": "m"}}, targets={"t": {"mail": "m"}}, links=[("default", "s", "gone")]
    )
    recorder = Recorder(world)
    entry = source_entry(world, rules(correlation_script=recorder.hook("correlate", [])))
    assert (entry.situation, entry.target_id, entry.handled) == (S.MISSING, None, ("gone",))
    assert world.did == []


def test_two_links_of_one_source_fail_the_entry() -> None:
    world = linked()
    world.links += MemoryWorld(links=[("default", "s", "u")]).links
    entry = source_entry(world, rules())
    assert (entry.situation, entry.action, entry.message) == (None, None, "More than one link found")
    assert (entry.status, entry.performed) == (EntryStatus.FAILURE, False)


# validity


def test_the_condition_is_asked_only_about_a_valid_source() -> None:
    world = linked()
    recorder = Recorder(world)

    def condition(scope: Scope) -> bool:
        recorder.world.did.append("condition")
        assert scope == {"source": {"_id": "s", "mail": "m"}, "linkQualifier": "default"}
        return True

    of_source(world, rules(valid_source=recorder.hook("valid", False), source_condition=condition)).assess()
    assert world.did == ["valid"]
    of_source(world, rules(valid_source=recorder.hook("valid", True), source_condition=condition)).assess()
    assert world.did == ["valid", "valid", "condition"]
    assert recorder.scopes["valid"] == {"source": {"_id": "s", "mail": "m"}, "linkQualifier": "default"}


def test_a_source_that_the_condition_leaves_out_is_unqualified() -> None:
    assert of_source(linked(), rules(source_condition=lambda _scope: False)).assess() is S.UNQUALIFIED


@pytest.mark.parametrize("answer", [None, "true", 1, 0, {}])
def test_an_answer_of_valid_source_that_is_no_boolean_fails_the_entry(answer: Any) -> None:
    entry = source_entry(linked(), rules(valid_source=answering(lambda _scope: answer)))
    assert (entry.situation, entry.action) == (None, None)
    assert entry.message == "Expecting boolean value from validSource"


def test_a_valid_source_that_throws_fails_the_entry_and_accounts_for_the_linked_target() -> None:
    recorder = Recorder(linked())
    entry = source_entry(recorder.world, rules(valid_source=recorder.hook("valid", BadRequest("thrown"))))
    assert (entry.status, entry.message, entry.performed) == (EntryStatus.FAILURE, "thrown", False)
    assert entry.handled == ("t",)


def failing(_scope: Scope) -> bool:
    raise BadRequest("no such word")


def test_a_source_condition_that_fails_breaks_the_run_off() -> None:
    with pytest.raises(RunFailed, match="no such word"):
        of_source(linked(), rules(source_condition=failing)).reconcile()


def test_a_source_condition_that_fails_on_a_vanished_source_fails_the_entry() -> None:
    entry = source_entry(MemoryWorld(), rules(source_condition=failing))
    assert (entry.status, entry.message) == (EntryStatus.FAILURE, "no such word")


# a source that vanished, or an unknown id of reconById


def test_a_vanished_source_without_rules_is_absent_and_cannot_be_created() -> None:
    entry = source_entry(MemoryWorld(), rules())
    assert (entry.situation, entry.status) == (S.ABSENT, EntryStatus.FAILURE)


@pytest.mark.parametrize(
    "mapping",
    [rules(valid_source=answering(lambda _scope: True)), rules(correlation=by_mail())],
    ids=["validSource", "correlation"],
)
def test_a_vanished_source_cannot_be_asked_about(mapping: Any) -> None:
    entry = source_entry(MemoryWorld(), mapping)
    assert (entry.situation, entry.message) == (None, "Source object s no longer exists")


def test_a_vanished_source_under_a_condition_is_what_the_condition_makes_of_null() -> None:
    ignored = rules(source_condition=lambda scope: scope["source"] is not None)
    assert source_entry(MemoryWorld(), ignored).situation is S.SOURCE_IGNORED
    world = MemoryWorld(targets={"t": {}}, links=[("default", "s", "t")])
    assert source_entry(world, ignored).situation is S.UNQUALIFIED
    negated = rules(source_condition=lambda scope: scope["source"] is None)
    assert source_entry(MemoryWorld(), negated).situation is S.ABSENT


# correlation


def two_alike() -> MemoryWorld:
    return MemoryWorld(sources={"s": {"mail": "m"}}, targets={"t": {"mail": "m"}, "u": {"mail": "m"}})


def test_several_candidates_are_kept_and_none_is_taken() -> None:
    entry = source_entry(two_alike(), rules(correlation=by_mail()))
    assert (entry.situation, entry.action, entry.target_id) == (S.AMBIGUOUS, A.EXCEPTION, None)
    assert entry.ambiguous == entry.handled == ("t", "u")
    assert not entry.had_target


def test_a_correlation_belongs_to_its_qualifier_and_a_script_serves_all() -> None:
    world = two_alike()
    assert of_source(world, rules(correlation=by_mail()), qualifier="other").assess() is S.ABSENT
    script = answering(lambda scope: [{"_id": "t"}] if scope["linkQualifier"] == "other" else None)
    mapping = rules(correlation_script=script)
    assert of_source(world, mapping, qualifier="other").assess() is S.FOUND
    assert of_source(world, mapping).assess() is S.ABSENT


def test_no_correlation_when_the_target_query_found_nothing_unless_asked_for() -> None:
    world = two_alike()
    world.target_set = set()
    assert of_source(world, rules(correlation=by_mail())).assess() is S.ABSENT
    mapping = rules(correlation=by_mail(), correlate_empty_target_set=True)
    assert of_source(world, mapping).assess() is S.AMBIGUOUS
    world.target_set = None  # without a target phase nobody knows
    assert of_source(world, rules(correlation=by_mail())).assess() is S.AMBIGUOUS


def test_a_pinned_target_is_the_only_candidate() -> None:
    world = two_alike()
    recorder = Recorder(world)
    mapping = rules(correlation_script=recorder.hook("correlate", []))
    assert of_source(world, mapping, target_id="u").assess() is S.FOUND
    assert of_source(world, mapping, target_id="gone").assess() is S.ABSENT
    assert world.did == []


def test_a_link_counts_more_than_a_pinned_target() -> None:
    world = two_alike()
    world.links = MemoryWorld(links=[("default", "s", "t")]).links
    operation = of_source(world, rules(), target_id="u", target=world.target("u"))
    assert operation.assess() is S.CONFIRMED
    assert operation.load_target() == {"_id": "t", "_rev": "1", "mail": "m"}


def test_a_candidate_with_attributes_is_the_object_itself_and_a_bare_id_is_read() -> None:
    world = MemoryWorld(sources={"s": {}}, targets={"t": {"mail": "m"}})
    operation = of_source(
        world, rules(correlation_script=answering(lambda _scope: [{"_id": "t", "mail": "x"}]))
    )
    operation.assess()
    assert operation.load_target() == {"_id": "t", "mail": "x"}
    assert world.reads == []
    operation = of_source(
        world, rules(correlation_script=answering(lambda _scope: [{"_id": "t", "_rev": "0"}]))
    )
    operation.assess()
    assert operation.load_target() == {"_id": "t", "_rev": "1", "mail": "m"}


def test_a_correlation_script_that_throws_fails_the_entry() -> None:
    recorder = Recorder(two_alike())
    entry = source_entry(
        recorder.world, rules(correlation_script=recorder.hook("correlate", BadRequest("thrown")))
    )
    assert (entry.situation, entry.message, entry.handled) == (None, "thrown", ())


@pytest.mark.parametrize(
    "given",
    [
        {"correlation": {"default": answering(lambda _scope: None)}},
        {"correlation": {"default": answering(lambda _scope: "mail eq 1")}},
        {"correlation_script": answering(lambda _scope: {"_id": "t"})},
        {"correlation_script": answering(lambda _scope: [{"id": "t"}])},
        {"correlation_script": answering(lambda _scope: ["t"])},
    ],
)
def test_an_answer_that_is_no_query_or_no_list_breaks_the_run_off(given: Json) -> None:
    with pytest.raises(RunFailed):
        of_source(two_alike(), rules(**given)).reconcile()


def test_a_correlation_script_may_find_nothing() -> None:
    for nothing in (answering(lambda _scope: None), answering(lambda _scope: [])):
        assert of_source(two_alike(), rules(correlation_script=nothing)).assess() is S.ABSENT


def test_found_again_and_again_where_linking_is_off() -> None:
    world = MemoryWorld(sources={"s": {"mail": "m"}}, targets={"t": {"mail": "m"}})
    mapping = rules(correlation=by_mail(), linking=False)
    assert [source_entry(world, mapping).situation for _ in range(2)] == [S.FOUND, S.FOUND]
    world.links = MemoryWorld(links=[("default", "x", "t")]).links
    assert source_entry(world, mapping).situation is S.FOUND_ALREADY_LINKED


def test_an_invalid_source_is_correlated_too_and_nobody_asks_who_holds_the_target() -> None:
    world = MemoryWorld(
        sources={"s": {"mail": "m"}}, targets={"t": {"mail": "m"}}, links=[("default", "x", "t")]
    )
    mapping = rules(
        correlation=by_mail(),
        valid_source=answering(lambda _scope: False),
        policies=policy(S.UNQUALIFIED, A.REPORT),
    )
    entry = source_entry(world, mapping)
    assert (entry.situation, entry.target_id) == (S.UNQUALIFIED, "t")
