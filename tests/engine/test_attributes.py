"""Source attributes to target attributes."""

from __future__ import annotations

from typing import Any

import pytest

from conf.errors import BadRequest, ReconError
from flows.engine.attributes import apply_properties, mapped_value
from flows.engine.failures import EntryFailed
from flows.engine.rules import Json, PropertyRule, Scope
from tests.engine.entries import rules
from tests.engine.memory_world import MemoryWorld, Recorder, answering


def mapped(*properties: PropertyRule, source: Json, target: Json | None = None, **more: Any) -> Json:
    found = {} if target is None else target
    apply_properties(rules(*properties), source, found, qualifier="default", **more)
    return found


def rule(target: str, source: str | None = None, **more: Any) -> PropertyRule:
    path = None if source is None else tuple(source.split("/")) if source else ()
    return PropertyRule(tuple(target.split("/")), target, path, **more)


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("name", "Ada"),
        ("address/city", "Rome"),
        ("groups/1", "b"),
        ("groups/2", None),
        ("groups/x", None),
        ("name/first", None),
        ("absent", None),
        ("absent/below", None),
        (None, None),
    ],
)
def test_the_value_at_the_source_pointer(pointer: str | None, value: Any) -> None:
    source = {"name": "Ada", "address": {"city": "Rome"}, "groups": ["a", "b"]}
    assert mapped(rule("x", pointer), source=source) == {"x": value}


def test_the_empty_pointer_is_the_whole_source() -> None:
    source = {"_id": "s", "name": "Ada"}
    target = mapped(rule("all", ""), source=source)
    assert target == {"all": source}
    assert target["all"] is not source


def test_the_target_shares_nothing_with_the_source() -> None:
    source = {"groups": ["a"]}
    target = mapped(rule("groups", "groups"), source=source)
    target["groups"].append("b")
    assert source == {"groups": ["a"]}


def test_a_transform_sees_value_and_qualifier_and_runs_for_null_too() -> None:
    seen: list[Scope] = []

    def transform(scope: Scope) -> Any:
        seen.append(scope)
        return f"<{scope['source']}>"

    target = mapped(
        rule("a", "a", transform=answering(transform)),
        rule("b", "b", transform=answering(transform)),
        rule("c", transform=answering(transform)),
        source={"a": 1},
    )
    assert target == {"a": "<1>", "b": "<None>", "c": "<None>"}
    assert seen[0] == {"source": 1, "linkQualifier": "default"}


def test_a_default_takes_the_place_of_null_after_the_transform() -> None:
    gone = answering(lambda _scope: None)
    target = mapped(
        rule("a", "a", default="d"),
        rule("b", "b", default="d"),
        rule("c", "a", transform=gone, default="d"),
        rule("e", default=False),
        source={"a": 1, "b": None},
    )
    assert target == {"a": 1, "b": "d", "c": "d", "e": False}


def test_values_that_are_not_null_win_over_the_default() -> None:
    source = {"no": False, "zero": 0, "empty": "", "none": []}
    target = mapped(*(rule(name, name, default="d") for name in source), source=source)
    assert target == source


def test_defaults_are_copied_for_every_object() -> None:
    property_rule = rule("groups", default=["a", {"deep": []}])
    one, other = mapped(property_rule, source={}), mapped(property_rule, source={})
    one["groups"].append("mine")
    one["groups"][1]["deep"].append("mine")
    assert other == {"groups": ["a", {"deep": []}]}
    assert property_rule.default == ["a", {"deep": []}]


def test_null_is_written_and_clears_what_was_there() -> None:
    assert mapped(rule("a", "a"), source={}, target={"a": 1, "b": 2}) == {"a": None, "b": 2}


def test_a_default_overrides_what_the_target_has() -> None:
    assert mapped(rule("a", "a", default="d"), source={}, target={"a": "mine"}) == {"a": "d"}


def test_a_condition_that_does_not_hold_leaves_the_attribute_alone() -> None:
    target = mapped(
        rule("a", "a", condition=lambda _scope: False),
        rule("b", "b", condition=lambda _scope: True),
        source={"a": 1, "b": 1},
        target={"a": "mine", "b": "mine"},
    )
    assert target == {"a": "mine", "b": 1}


def test_a_condition_sees_the_target_as_built_so_far_and_old_values_only_where_there_are_any() -> None:
    seen: list[Scope] = []

    def note(scope: Scope) -> bool:
        seen.append({**scope, "target": dict(scope["target"])})
        return True

    first, second = rule("a", "a"), rule("b", "a", condition=note)
    mapped(first, second, source={"a": 1})
    mapped(first, second, source={"a": 1}, old_source={"a": 0}, old_target={"b": 9})
    assert seen == [
        {"object": {"a": 1}, "target": {"a": 1}, "linkQualifier": "default"},
        {
            "object": {"a": 1},
            "target": {"a": 1},
            "linkQualifier": "default",
            "oldSource": {"a": 0},
            "oldTarget": {"b": 9},
        },
    ]


def test_properties_apply_in_order() -> None:
    assert mapped(rule("a", "one"), rule("a", "two"), source={"one": 1, "two": 2}) == {"a": 2}


def test_missing_parents_become_objects_and_lists_grow_at_their_end() -> None:
    target = mapped(
        rule("address/home/city", "city"),
        rule("groups/1", "city"),
        rule("groups/0", "city"),
        source={"city": "Rome"},
        target={"groups": ["a"]},
    )
    assert target == {"address": {"home": {"city": "Rome"}}, "groups": ["Rome", "Rome"]}


@pytest.mark.parametrize(
    ("pointer", "target"),
    [
        ("a/b", {"a": None}),
        ("a/b", {"a": "text"}),
        ("a/b/c", {"a": {"b": 1}}),
        ("a/x", {"a": []}),
        ("a/-", {"a": []}),
        ("a/1", {"a": []}),
    ],
)
def test_a_pointer_that_leads_nowhere_fails_the_entry(pointer: str, target: Json) -> None:
    with pytest.raises(BadRequest):
        mapped(rule(pointer, "a"), source={"a": 1}, target=target)


def test_a_transform_that_fails_says_so_in_the_words_of_the_specification() -> None:
    def fails(_scope: Scope) -> Any:
        raise BadRequest("no vowels", detail={"found": 0})

    with pytest.raises(EntryFailed) as failure:
        mapped(rule("address/city", "city", transform=answering(fails)), source={})
    assert failure.value.message == "Transformation script error :  no vowels for attribute 'address/city'"
    assert failure.value.detail == {"found": 0}


def test_a_condition_that_fails_fails_the_entry() -> None:
    def fails(_scope: Scope) -> bool:
        raise BadRequest("no")

    with pytest.raises(ReconError, match="no"):
        mapped(rule("a", "a", condition=fails), source={})


def test_on_mapping_runs_after_the_properties_and_may_change_the_target() -> None:
    recorder = Recorder(MemoryWorld())

    def act(scope: Scope) -> None:
        scope["target"]["extra"] = True

    mapping = rules(
        rule("a", "a"), on_mapping=recorder.hook("onMapping", act=act), configuration={"name": "small"}
    )
    target: Json = {}
    apply_properties(mapping, {"a": 1}, target, qualifier="other")
    assert target == {"a": 1, "extra": True}
    assert recorder.scopes["onMapping"] == {
        "source": {"a": 1},
        "target": {"a": 1},
        "config": {"name": "small"},
        "linkQualifier": "other",
        "oldSource": None,
        "existingTarget": None,
    }


def test_one_value_alone() -> None:
    assert mapped_value(rule("a", "a", default=1), {"a": None}, "default") == 1
