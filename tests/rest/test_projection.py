"""`_fields`, sorting, and pages of lists in memory."""

from typing import Any

import pytest

from conf.errors import BadRequest
from flows.projection import page, project, read_cookie, sort_rows, write_cookie
from flows.router import Query

ROW = {
    "_id": "1",
    "_rev": "2",
    "name": "Ada",
    "progress": {"source": {"total": "4"}},
    "manager": {"_ref": "managed/user/x"},
    "roles": [{"_ref": "managed/role/r"}],
}


@pytest.mark.parametrize(
    ("fields", "members"),
    [
        ((), set(ROW)),
        (("*",), set(ROW)),
        (("name",), {"_id", "_rev", "name"}),
        (("/name", "nope"), {"_id", "_rev", "name"}),
        (("progress/source",), {"_id", "_rev", "source"}),
        (("*_ref",), {"_id", "_rev", "manager", "roles"}),
        (("manager/*",), {"_id", "_rev", "manager"}),
    ],
)
def test_only_what_is_asked_for_is_answered(fields: tuple[str, ...], members: set[str]) -> None:
    assert set(project(ROW, fields)) == members


def test_what_always_comes_can_be_chosen() -> None:
    assert project(ROW, ("name",), always=()) == {"name": "Ada"}


def rows(*values: Any) -> list[dict[str, Any]]:
    return [{"_id": str(at), "n": value} for at, value in enumerate(values)]


def test_missing_values_come_first_and_types_do_not_mix() -> None:
    ordered = sort_rows([*rows("b", 10, "a", 2.5, True, None), {"_id": "x"}], ["n"])
    assert [row.get("n") for row in ordered] == [None, None, True, 2.5, 10, "a", "b"]


def test_the_first_key_counts_most_and_equal_rows_keep_their_order() -> None:
    found = sort_rows(
        [{"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 1, "c": 1}], ["+a", "-b"]
    )
    assert found == [{"a": 1, "b": 2}, {"a": 1, "b": 1}, {"a": 1, "b": 1, "c": 1}, {"a": 2, "b": 1}]


def test_pages_lead_through_the_whole_list() -> None:
    seen: list[Any] = []
    cookie = None
    while True:
        found = page(rows(*range(5)), Query(page_size=2, cookie=cookie, total_policy="EXACT"))
        assert found.total == 5
        seen += [row["n"] for row in found.result]
        if (cookie := found.cookie) is None:
            break
    assert seen == [0, 1, 2, 3, 4]


def test_an_offset_beyond_the_end_is_empty() -> None:
    assert page(rows(1), Query(page_size=2, offset=9)).result == []


@pytest.mark.parametrize("cookie", ["", "x", "bzE_", "b-", "é", "bzk5OTk5OTk5OTk5OTk5OTk5OTk5OQ"])
def test_a_foreign_cookie_is_refused(cookie: str) -> None:
    with pytest.raises(BadRequest, match="_pagedResultsCookie"):
        read_cookie(cookie)


def test_a_cookie_of_ours_is_read_back() -> None:
    assert read_cookie(write_cookie(12)) == 12
