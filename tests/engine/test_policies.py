"""Which policy answers a situation."""

from __future__ import annotations

import pytest

from conf.errors import BadRequest
from conf.terms import DEFAULT_ACTIONS, Action, EntryStatus, Situation
from flows.engine.failures import RunFailed
from flows.engine.policies import decide, first_post_action
from flows.engine.rules import Condition, PolicyRule, Scope
from tests.engine.entries import of_source, policy, rules, source_entry
from tests.engine.memory_world import MemoryWorld, Recorder, answering

ABSENT = Situation.ABSENT


def when(attribute: str) -> Condition:
    return lambda scope: bool(scope["object"].get(attribute))


DEFAULTS = {
    "CONFIRMED": "UPDATE",
    "FOUND": "UPDATE",
    "FOUND_ALREADY_LINKED": "EXCEPTION",
    "ABSENT": "CREATE",
    "UNQUALIFIED": "DELETE",
    "AMBIGUOUS": "EXCEPTION",
    "MISSING": "EXCEPTION",
    "SOURCE_IGNORED": "IGNORE",
    "TARGET_IGNORED": "IGNORE",
    "UNASSIGNED": "EXCEPTION",
    "SOURCE_MISSING": "EXCEPTION",
    "LINK_ONLY": "EXCEPTION",
    "ALL_GONE": "IGNORE",
}


def test_without_a_policy_the_situation_has_its_default_action() -> None:
    assert {str(situation): str(action) for situation, action in DEFAULT_ACTIONS.items()} == DEFAULTS
    for situation, action in DEFAULT_ACTIONS.items():
        decision = decide(rules(), situation, {}, "default")
        assert (decision.action, decision.default, decision.post_action) == (action, action, None)


def test_the_first_policy_whose_condition_holds_wins() -> None:
    mapping = rules(
        policies={
            ABSENT: [
                PolicyRule(Action.IGNORE, when("a")),
                PolicyRule(Action.REPORT, when("b")),
                PolicyRule(Action.LINK, when("b")),
            ]
        }
    )
    assert decide(mapping, ABSENT, {"a": 1, "b": 1}, "default").action is Action.IGNORE
    assert decide(mapping, ABSENT, {"b": 1}, "default").action is Action.REPORT


def test_a_policy_without_condition_always_holds() -> None:
    mapping = rules(policies={ABSENT: [PolicyRule(Action.REPORT), PolicyRule(Action.IGNORE)]})
    assert decide(mapping, ABSENT, None, "default").action is Action.REPORT


def test_policies_of_other_situations_do_not_count() -> None:
    mapping = rules(policies=policy(Situation.FOUND, Action.IGNORE))
    assert decide(mapping, ABSENT, {}, "default").action is Action.CREATE


def test_a_condition_sees_the_source_or_null_and_the_qualifier() -> None:
    seen: list[Scope] = []

    def note(scope: Scope) -> bool:
        seen.append(scope)
        return True

    mapping = rules(policies={Situation.UNASSIGNED: [PolicyRule(Action.IGNORE, note)]})
    decide(mapping, Situation.UNASSIGNED, None, "other")
    decide(mapping, Situation.UNASSIGNED, {"a": 1}, "default")
    assert seen == [
        {"object": None, "linkQualifier": "other"},
        {"object": {"a": 1}, "linkQualifier": "default"},
    ]


def test_when_no_condition_holds_the_first_policy_still_lends_its_post_action() -> None:
    recorder = Recorder(MemoryWorld())
    first, second = recorder.hook("first"), recorder.hook("second")
    mapping = rules(
        policies={
            ABSENT: [
                PolicyRule(Action.IGNORE, when("never"), first),
                PolicyRule(Action.IGNORE, when("never"), second),
            ]
        }
    )
    decision = decide(mapping, ABSENT, {}, "default")
    assert decision.action is Action.CREATE
    assert decision.post_action is first
    assert first_post_action(mapping.policies[ABSENT]) is first
    assert first_post_action(()) is None


def test_a_matching_policy_lends_its_own_post_action() -> None:
    recorder = Recorder(MemoryWorld())
    mapping = rules(
        policies={
            ABSENT: [
                PolicyRule(Action.IGNORE, when("never"), recorder.hook("first")),
                PolicyRule(Action.REPORT),
            ]
        }
    )
    assert decide(mapping, ABSENT, {}, "default").post_action is None


def test_a_condition_that_fails_breaks_the_run_off() -> None:
    def fails(_scope: Scope) -> bool:
        raise BadRequest("no such word")

    world = MemoryWorld(sources={"s": {}})
    mapping = rules(policies={ABSENT: [PolicyRule(Action.IGNORE, fails)]})
    with pytest.raises(RunFailed, match="A policy condition of ABSENT failed: no such word"):
        of_source(world, mapping).reconcile()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "action script returned null value"),
        ("NOSUCH", "action script returned invalid action: NOSUCH"),
        ("create", "action script returned invalid action: create"),
        (True, "action script returned invalid action: True"),
        (BadRequest("thrown"), "thrown"),
    ],
)
def test_an_action_script_without_a_usable_answer_fails_the_entry_with_the_default_action(
    answer: object, message: str
) -> None:
    world = MemoryWorld(sources={"s": {}})
    recorder = Recorder(world)
    entry = source_entry(world, rules(policies=policy(ABSENT, recorder.hook("ask", answer))))
    assert (entry.situation, entry.action, entry.status) == (ABSENT, Action.CREATE, EntryStatus.FAILURE)
    assert entry.message == message
    assert not entry.performed
    assert world.did == ["ask"]


def test_a_failed_action_script_counts_as_failure_even_where_the_default_is_exception() -> None:
    world = MemoryWorld(sources={"s": {}}, links=[("default", "s", "gone")])
    mapping = rules(policies=policy(Situation.MISSING, answering(lambda _scope: None)))
    entry = source_entry(world, mapping)
    assert (entry.situation, entry.action) == (Situation.MISSING, Action.EXCEPTION)
    assert entry.status is EntryStatus.FAILURE


@pytest.mark.parametrize("action", list(Action))
def test_an_action_script_answers_one_of_the_ten_names(action: Action) -> None:
    world = MemoryWorld(sources={"s": {}})
    entry = source_entry(world, rules(policies=policy(ABSENT, answering(lambda _scope: str(action)))))
    assert entry.action is action
