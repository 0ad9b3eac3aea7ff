"""Filters on objects in memory."""

from typing import Any

import pytest

from conf.filters.evaluate import predicate
from conf.filters.parse import parse

PERSON = {
    "name": "Ada",
    "n": 2,
    "big": 2**60,
    "half": 0.5,
    "flag": True,
    "tags": ["x", "Y", 3],
    "nick": None,
    "address": {"city": "Oslo"},
    "none": [],
    "roles": [{"id": "a", "until": 3}, {"id": "b", "until": 5, "of": [{"n": 1}]}, "c"],
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('name eq "Ada"', True),
        ('name eq "ada"', False),
        ('name co "d"', True),
        ('name sw "A"', True),
        ('name lt "B"', True),
        ('name ge "Ada"', True),
        ("n eq 2", True),
        ("n eq 2.0", True),
        ('n eq "2"', False),
        ("n gt 1", True),
        ("n le 1.5", False),
        ("half lt 1", True),
        ('n co "2"', False),
        ("n sw 2", False),
        ("flag eq true", True),
        ("flag eq 1", False),
        ('flag eq "true"', False),
        ("n eq true", False),
        ('tags eq "x"', True),
        ('tags eq "y"', False),
        ("tags eq 3", True),
        ('tags sw "Y"', True),
        ("tags/2 gt 2", True),
        ("tags pr", True),
        ("none pr", True),
        ("nick pr", False),
        ("gone pr", False),
        ('nick eq "x"', False),
        ('gone eq "x"', False),
        ('!(gone eq "x")', True),
        ('address/city eq "Oslo"', True),
        ('address eq "Oslo"', False),
        ("""name in '["Ben", "Ada"]'""", True),
        ("""tags in '["x"]'""", True),
        ("""n in '["2"]'""", False),
        ('name eq "Ada" and (n eq 3 or flag eq true)', True),
        ('roles[id eq "a"]', True),
        ('/roles[/id eq "a" and /until eq 3]', True),
        ('roles[id eq "a" and until eq 5]', False),
        ('roles[id eq "A"]', False),
        ("roles[of[n eq 1]]", True),
        ("roles[of[n eq 2]]", False),
        ('roles[/ eq "c"]', True),
        ("roles[true]", True),
        ("none[true]", False),
        ("gone[true]", False),
        ("address[true]", False),
        ('!(roles[id eq "z"])', True),
        ("false or true", True),
        ("false", False),
    ],
)
def test_a_query_respects_case_and_types(text: str, holds: bool) -> None:
    assert predicate(parse(text), ignore_case=False)(PERSON) is holds


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('name eq "ADA"', True),
        ('name sw "aD"', True),
        ('tags eq "y"', True),
        ('name lt "aDB"', True),
        ('n eq "2"', False),
    ],
)
def test_a_condition_ignores_case(text: str, holds: bool) -> None:
    assert predicate(parse(text), ignore_case=True)(PERSON) is holds


@pytest.mark.parametrize("object_", [None, "text", 3, [], {}])
def test_anything_can_be_asked(object_: Any) -> None:
    assert predicate(parse('a/b eq "x" or a pr'), ignore_case=True)(object_) is False
