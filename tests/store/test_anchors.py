"""What every match of a filter has."""

import pytest

from conf.filters.parse import parse
from flows.recon.written_texts import WrittenTexts
from flows.store.anchors import Anchor, anchor_of, texts_at
from flows.store.managed_rows import Stored


@pytest.mark.parametrize(
    ("filter", "anchor"),
    [
        ('userName eq "a"', (("userName",), "a")),
        ('active eq true and name/last eq "b"', (("name", "last"), "b")),
        ('userName eq "a" or mail eq "b"', None),
        ('!(userName eq "a")', None),
        ('userName sw "a"', None),
        ("age eq 3", None),
        ("true", None),
    ],
)
def test_the_anchor_is_a_text_that_no_match_lacks(filter: str, anchor: Anchor | None) -> None:
    assert anchor_of(parse(filter)) == anchor


def test_texts_stand_alone_or_in_a_list() -> None:
    assert texts_at({"mail": "a"}, ("mail",)) == {"a"}
    assert texts_at({"mail": ["a", 3, "b"]}, ("mail",)) == {"a", "b"}
    assert texts_at({}, ("mail",)) == set()


def test_what_was_written_is_found_by_its_texts_before_and_after_the_first_question() -> None:
    texts, first = WrittenTexts(), Stored("1", 1, {"mail": ["a", "b"]})
    texts.note(first)
    assert set(texts.having((("mail",), "a"), [first])) == {"1"}
    texts.note(Stored("2", 1, {"mail": "a"}))
    assert set(texts.having((("mail",), "a"), [first])) == {"1", "2"}
    assert set(texts.having((("mail",), "c"), [first])) == set()
