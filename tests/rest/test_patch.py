"""PATCH operations on plain objects."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.errors import BadRequest
from flows import patch

PERSON = {"name": "Ada", "tags": ["x", "y"], "count": 4, "address": {"city": "Oslo"}}


def op(name: str, field: str, **more: Any) -> dict[str, Any]:
    return {"operation": name, "field": field, **more}


@pytest.mark.parametrize(
    ("operation", "member", "expected"),
    [
        pytest.param(op("add", "/nick", value="A"), "nick", "A", id="add sets a member"),
        pytest.param(op("add", "name", value="Eva"), "name", "Eva", id="a leading slash is not needed"),
        pytest.param(op("add", "/a/b/c", value=1), "a", {"b": {"c": 1}}, id="parents are created"),
        pytest.param(op("add", "/tags/-", value="z"), "tags", ["x", "y", "z"], id="dash appends"),
        pytest.param(op("add", "/new/-", value="z"), "new", ["z"], id="dash begins a list"),
        pytest.param(
            op("add", "/tags", value=["y", "z"]), "tags", ["x", "y", "z"], id="a list takes in what it lacks"
        ),
        pytest.param(op("add", "/tags/0", value="w"), "tags", ["w", "x", "y"], id="a position inserts"),
        pytest.param(op("replace", "/tags", value=["z"]), "tags", ["z"], id="replace overwrites a list"),
        pytest.param(op("replace", "/new", value=1), "new", 1, id="replace creates"),
        pytest.param(op("replace", "/tags/1", value="z"), "tags", ["x", "z"], id="replace a position"),
        pytest.param(op("remove", "/tags", value="x"), "tags", ["y"], id="remove equal elements"),
        pytest.param(op("remove", "/tags/0"), "tags", ["y"], id="remove a position"),
        pytest.param(op("remove", "/name", value="Eva"), "name", "Ada", id="another value stays"),
        pytest.param(op("increment", "/count", value=2), "count", 6, id="increment"),
        pytest.param(op("increment", "/count", value=-0.5), "count", 3.5, id="increment by a part"),
        pytest.param({**op("copy", "/alias"), "from": "/name"}, "alias", "Ada", id="copy"),
        pytest.param({**op("copy", "/tags"), "from": "/tags"}, "tags", ["x", "y"], id="copy onto itself"),
        pytest.param({**op("move", "/city"), "from": "/address/city"}, "address", {}, id="move takes away"),
    ],
)
def test_an_operation_changes_a_copy(operation: dict[str, Any], member: str, expected: Any) -> None:
    before = {**PERSON, "tags": list(PERSON["tags"])}
    after = patch.apply(before, [operation])
    assert after[member] == expected
    assert before == PERSON


@pytest.mark.parametrize("field", ["/tags/0", "/tags/7", "/tags/x", "/address/list/0/deep"])
def test_objects_know_no_positions(field: str) -> None:
    person = {**PERSON, "address": {"list": [{}]}, "0": 1}
    with pytest.raises(BadRequest, match=f"Position-based operation is not allowed: {field}"):
        patch.apply(person, [op("replace", field, value=1)], positions=False)
    steps = [op("add", "/tags/-", value="z"), op("replace", "/0", value=2)]
    assert patch.apply(person, steps, positions=False)["tags"] == ["x", "y", "z"]


def test_removing_takes_the_member_away_and_forgives_a_missing_one() -> None:
    after = patch.apply(PERSON, [op("remove", "/name"), op("remove", "/nope"), op("remove", "/a/b/c")])
    assert after == {name: value for name, value in PERSON.items() if name != "name"}


def test_operations_follow_each_other() -> None:
    steps = [op("add", "/n", value=1), op("increment", "/n", value=1), {**op("move", "/m"), "from": "/n"}]
    assert patch.apply({}, steps) == {"m": 2}


@pytest.mark.parametrize(
    ("operation", "says"),
    [
        (op("dance", "/name", value=1), "Invalid patch operation type dance"),
        ({"field": "/name"}, "no 'operation'"),
        ({"operation": "add", "value": 1}, "needs a 'field'"),
        (op("add", "/name"), "needs a 'value'"),
        (op("add", "", value=1), "names no field"),
        (op("copy", "/name"), "needs 'from'"),
        ({**op("copy", "/x"), "from": "/nope"}, "'/nope' does not exist"),
        ({**op("move", "/address/street"), "from": "/address"}, "into itself"),
        (op("increment", "/nope", value=1), "The field '/nope' does not exist"),
        (op("increment", "/name", value=1), "is not a number"),
        (op("increment", "/count", value="1"), "is not a number"),
        (op("increment", "/count", value=2**53), "as large as that"),
        (op("add", "/name/-", value=1), "is not a list"),
        (op("replace", "/_id", value="x"), "'/_id' cannot be changed"),
        (op("transform", "/name", value={"script": {}}), "not offered here"),
        (op("transform", "/name", value=1), "script object"),
        ("add", "each patch operation is an object"),
        (op("add", "/a b", value=1), "not a JSON pointer"),
    ],
)
def test_what_is_wrong_is_told(operation: Any, says: str) -> None:
    with pytest.raises(BadRequest, match=says.replace("(", "\\(")):
        patch.apply(PERSON, [operation])


def test_a_transform_sees_the_object_as_patched_so_far() -> None:
    seen: list[Any] = []

    def transform(script: dict[str, Any], content: dict[str, Any]) -> Any:
        seen.append((script, content))
        return "made"

    steps = [op("add", "/a", value=1), op("transform", "/b", value={"script": {"source": "x"}})]
    assert patch.apply({}, steps, transform) == {"a": 1, "b": "made"}
    assert seen == [({"source": "x"}, {"a": 1})]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
operations = st.fixed_dictionaries(
    {"operation": st.sampled_from(["add", "remove", "replace", "increment", "copy", "move"])},
    optional={
        "field": st.sampled_from(["/a", "/a/b", "/a/-", "/a/0", "/b", "b/c/d", "/-", ""]),
        "from": st.sampled_from(["/a", "/a/0", "/b", ""]),
        "value": json_values,
    },
)


@given(st.dictionaries(st.sampled_from(["a", "b"]), json_values), st.lists(operations, max_size=4))
def test_any_patch_works_or_is_refused(document: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    with suppress(BadRequest):
        assert isinstance(patch.apply(document, steps), dict)
