"""Whether two objects differ, as JSON sees it; and copies."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.engine.copying import copy_json
from flows.engine.differences import AttributeChange, attribute_changes, equal

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (True, 1),
        (False, 0),
        (1, 1.0),
        (1, "1"),
        (None, False),
        (None, ""),
        ({"a": None}, {}),
        ({"a": 1}, {"a": 1, "b": None}),
        ([1, 2], [2, 1]),
        ([1], [1, 1]),
        ([], {}),
        ({"a": [{"b": True}]}, {"a": [{"b": 1}]}),
        ("a", "A"),
        ("\u00e9", "e\u0301"),
    ],
)
def test_what_differs(one: Any, other: Any) -> None:
    assert not equal(one, other)
    assert not equal(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": [True, None, 1.5]}, {"b": [True, None, 1.5], "a": 1}),
        ({}, {}),
        ([], []),
        (10**30, 10**30),
        (None, None),
    ],
)
def test_what_is_equal(one: Any, other: Any) -> None:
    assert equal(one, other)


@given(VALUES)
def test_a_copy_is_equal_and_shares_nothing_that_can_change(value: Any) -> None:
    copied = copy_json(value)
    assert equal(copied, value)
    assert not containers(copied) & containers(value)


def containers(value: Any) -> set[int]:
    """Identities of all dicts and lists within."""
    if isinstance(value, dict):
        return {id(value)}.union(*map(containers, value.values()))
    if isinstance(value, list):
        return {id(value)}.union(*map(containers, value))
    return set()


def test_changes_come_in_the_order_of_the_old_object_then_of_the_new_one() -> None:
    before = {"b": 1, "a": True, "same": [1], "gone": None}
    after = {"new": 1, "a": 1, "same": [1], "b": 1.0}
    assert attribute_changes(before, after) == [
        AttributeChange("b", 1, 1.0),
        AttributeChange("a", True, 1),
        AttributeChange("gone", None, None, removed=True),
        AttributeChange("new", None, 1, added=True),
    ]


@given(
    st.dictionaries(st.text(max_size=2), VALUES, max_size=4),
    st.dictionaries(st.text(max_size=2), VALUES, max_size=4),
)
def test_no_changes_exactly_when_equal(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert (attribute_changes(before, after) == []) is equal(before, after)
