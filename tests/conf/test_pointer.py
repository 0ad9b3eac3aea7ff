"""JSON pointers: reading them, following them, writing where they lead."""

from typing import Any

import pytest

from conf import pointer
from conf.errors import BadRequest


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", ()),
        ("/", ()),
        ("userName", ("userName",)),
        ("/userName", ("userName",)),
        ("address/city", ("address", "city")),
        ("a/0/b", ("a", "0", "b")),
        ("a%2Fb", ("a/b",)),
        ("a~1b/c~0d", ("a/b", "c~d")),
        ("na%20me", ("na me",)),
        ("größe", ("größe",)),
    ],
)
def test_a_pointer_is_read_into_its_tokens(text: str, tokens: tuple[str, ...]) -> None:
    assert pointer.parse(text) == tokens


@pytest.mark.parametrize("text", ["a b", "a{b", 'a"b', "a%2", "a\nb", "100%"])
def test_characters_that_a_uri_forbids_are_refused_with_their_position(text: str) -> None:
    with pytest.raises(BadRequest, match=r"at position \d+"):
        pointer.parse(text)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a/b", 1),
        ("list/1", "y"),
        ("list/2", None),
        ("list/x", None),
        ("a/b/c", None),
        ("", "whole"),
        ("gone", None),
    ],
)
def test_getting_follows_objects_and_lists_and_never_fails(path: str, found: Any) -> None:
    value = {"a": {"b": 1}, "list": ["x", "y"]}
    assert pointer.get(value, pointer.parse(path)) == (value if found == "whole" else found)


@pytest.mark.parametrize(
    ("path", "after"),
    [
        ("b", {"a": {"b": 1}, "list": ["x"], "b": 9}),
        ("a/c/d", {"a": {"b": 1, "c": {"d": 9}}, "list": ["x"]}),
        ("list/0", {"a": {"b": 1}, "list": [9]}),
        ("list/1", {"a": {"b": 1}, "list": ["x", 9]}),
        ("list/1/n", {"a": {"b": 1}, "list": ["x", {"n": 9}]}),
    ],
)
def test_putting_creates_missing_parents_and_appends_at_the_end_of_a_list(path: str, after: Any) -> None:
    value = {"a": {"b": 1}, "list": ["x"]}
    pointer.put(value, pointer.parse(path), 9)
    assert value == after


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "cannot replace root object"),
        ("null/x", "neither an object nor a list"),
        ("text/x/y", "neither an object nor a list"),
        ("list/5", "not a position in a list of 1"),
        ("list/-", "not a position in a list of 1"),
    ],
)
def test_putting_where_nothing_can_stand_is_refused(path: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        pointer.put({"null": None, "text": "t", "list": ["x"]}, pointer.parse(path), 9)


def test_a_dash_appends_where_patch_asks_for_it() -> None:
    value: dict[str, Any] = {"list": ["x"]}
    pointer.put(value, ("list", "-"), "y", dash_appends=True)
    assert value == {"list": ["x", "y"]}


def test_removing_tells_whether_there_was_something() -> None:
    value = {"a": {"b": 1}, "list": ["x", "y"]}
    assert pointer.remove(value, ("a", "b"))
    assert pointer.remove(value, ("list", "0"))
    assert not pointer.remove(value, ("a", "b"))
    assert value == {"a": {}, "list": ["y"]}


def test_a_pointer_is_shown_as_it_would_be_read_again() -> None:
    assert pointer.text(("a/b", "c~d")) == "/a~1b/c~0d"
    assert pointer.parse(pointer.text(("a/b", "c~d"))) == ("a/b", "c~d")
