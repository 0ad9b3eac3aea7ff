"""The query-filter language: what it takes, what it refuses, and how."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.errors import BadRequest
from conf.filters import parse as parser
from conf.filters.ast import And, AnyElement, Comparison, Filter, Literal, Not, Or, Present
from conf.filters.parse import MAX_BYTES, parse
from conf.filters.text import text_of

ADA = Comparison(("name",), "eq", "Ada")
A = Present(("a",))
ONE = Comparison(("n",), "eq", 1)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param('name eq "Ada"', ADA, id="plain"),
        pytest.param("name eq 'Ada'", ADA, id="single quotes"),
        pytest.param('/name EQ "Ada"', ADA, id="slash and capitals"),
        pytest.param('name eq"Ada"and n eq 1', And((ADA, ONE)), id="no blanks beside quotes"),
        pytest.param('(name eq "Ada")AND(n eq 1)', And((ADA, ONE)), id="no blanks beside parentheses"),
        pytest.param('name eq "Ada"\n\tor n eq 1', Or((ADA, ONE)), id="any white space"),
        pytest.param("a pr or b PR and c pr", Or((A, And((Present(("b",)), Present(("c",)))))), id="and first"),
        pytest.param("!(a pr)", Not(Present(("a",))), id="not"),
        pytest.param("! a pr", Not(Present(("a",))), id="not with a blank"),
        pytest.param("!a pr and b pr", And((Not(Present(("a",))), Present(("b",)))), id="not binds first"),
        pytest.param("true", Literal(True), id="true"),
        pytest.param("FALSE or true", Or((Literal(False), Literal(True))), id="false"),
        pytest.param("n gt -1.5", Comparison(("n",), "gt", -1.5), id="broken number"),
        pytest.param("flag eq false", Comparison(("flag",), "eq", False), id="boolean"),
        pytest.param("a/b/0 sw 'x'", Comparison(("a", "b", "0"), "sw", "x"), id="nested pointer"),
        pytest.param(r'a eq "q\" \\ \n \u00e9 \ud83d\ude00"', Comparison(("a",), "eq", 'q" \\ \n é 😀'), id="escapes"),
        pytest.param(r"a eq 'it\'s'", Comparison(("a",), "eq", "it's"), id="escaped single quote"),
        pytest.param('a eq ""', Comparison(("a",), "eq", ""), id="empty text"),
        pytest.param("""a in '["x", "y", 1]'""", Comparison(("a",), "in", ("x", "y", 1)), id="in"),
        pytest.param('/list[/x eq 1]', AnyElement(("list",), Comparison(("x",), "eq", 1)), id="list"),
        pytest.param("n[a pr]and b[true]", And((AnyElement(("n",), A), AnyElement(("b",), Literal(True)))), id="lists"),
        pytest.param("a [ b [ a pr or n eq 1 ] ]", AnyElement(("a",), AnyElement(("b",), Or((A, ONE)))), id="nested"),
        pytest.param('/[/ eq true]', AnyElement((), Comparison((), "eq", True)), id="list of values in a list"),
        pytest.param('a%5B0%5D pr', Present(("a[0]",)), id="brackets of a name"),
        pytest.param('trueName pr or orange pr', Or((Present(("trueName",)), Present(("orange",)))), id="near keywords"),
    ],
)  # fmt: skip
def test_a_filter_is_read(text: str, tree: Filter) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the name of a member was expected at position 1"),
        ("name", "an operator was expected at position 5"),
        ("name eq", "a value .* was expected at position 8"),
        ("name eq Ada", "a value .* was expected at position 9"),
        ("name eq null", "a value .* was expected at position 9"),
        ('(name eq "Ada"', r"'\)' was expected at position 15"),
        ('name eq "Ada', "the quote at position 9 is never closed"),
        ('a eq "x" b eq "y"', "'and', 'or' or the end was expected at position 10"),
        ('a eq "x" or', "the name of a member was expected at position 12"),
        ('name xx "y"', "Unknown operator 'xx' at position 6"),
        ('name ew "a"', "known are eq, co, sw, lt, le, gt, ge, in, pr"),
        ("n eq 99999999999999999999", "position 6 .* out of range"),
        ("n eq 1e999", "position 6 .* out of range"),
        ("n eq " + "9" * 5000, "position 6 .* out of range"),
        ('a in "x"', "needs a JSON array"),
        ("a in '[null]'", "needs a JSON array"),
        ("a%2 pr", "not a JSON pointer"),
        ("a[b pr", r"'\]' was expected at position 7"),
        ("a[]", "the name of a member was expected at position 3"),
        ("a[b pr]]", "the end was expected at position 8"),
        ("a[0] pr", "an operator was expected at position 4"),
        ("a[b[c[d[e pr]]]]", "lists in lists deeper than 3"),
    ],
)
def test_a_wrong_filter_is_refused_with_its_position(text: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("(" * 4000 + "true" + ")" * 4000, id="parentheses"),
        pytest.param("!" * 4000 + "true", id="negations"),
        pytest.param(" or ".join(["a pr"] * 1000), id="clauses"),
        pytest.param('a eq "' + "x" * MAX_BYTES + '"', id="length"),
        pytest.param('a eq "' + "é" * (MAX_BYTES // 2) + '"', id="length in bytes"),
        pytest.param("a[" * 1500 + "a pr" + "]" * 1500, id="lists"),
        pytest.param("(!" * 30 + "a pr" + ")" * 30, id="depth"),
    ],
)
def test_a_hostile_filter_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        parse(text)


@given(
    st.from_regex(r"\A/?[A-Za-z_][A-Za-z0-9_/]{0,8}\Z"),
    st.sampled_from(["eq", "co", "sw", "lt", "le", "gt", "ge"]),
    st.text(max_size=12).filter(lambda text: '"' not in text and "\\" not in text),
)
def test_the_short_way_for_one_clause_agrees_with_the_grammar(path: str, operator: str, value: str) -> None:
    text = f'{path} {operator} "{value}"'
    try:
        by_grammar = parser._by_grammar(text)
    except BadRequest:
        with pytest.raises(BadRequest):
            parse(text)
    else:
        assert parse(text) == by_grammar


CLAUSE = st.builds(
    '{} {} "{}"'.format,
    st.sampled_from(["a", "/b/c", "true", "or", "android"]),
    st.sampled_from(["eq", "sw", "pr", "xx"]),
    st.sampled_from(["", "x", "and", "x or y", "(", r"\\"]),
)


@given(
    st.lists(CLAUSE, min_size=1, max_size=4),
    st.lists(st.sampled_from([" and ", " or ", " AND ", "and ", " or", " "])),
)
def test_the_short_way_for_several_clauses_agrees_with_the_grammar(
    clauses: list[str], joins: list[str]
) -> None:
    text = clauses[0] + "".join(join + clause for join, clause in zip(joins, clauses[1:], strict=False))
    try:
        by_grammar = parser._by_grammar(text)
    except BadRequest:
        with pytest.raises(BadRequest):
            parse(text)
    else:
        assert parse(text) == by_grammar


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    with suppress(BadRequest):
        parse(text)


def test_values_that_python_thinks_equal_make_different_filters() -> None:
    assert (
        len({Comparison(("a",), "eq", 1), Comparison(("a",), "eq", True), Comparison(("a",), "eq", 1.0)}) == 3
    )


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6)
TREES = st.recursive(
    st.builds(Present, st.tuples(NAMES))
    | st.builds(Comparison, st.tuples(NAMES, NAMES), st.just("eq"), NAMES),
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(AnyElement, st.tuples(NAMES), inner)
        | st.builds(lambda one, two: Or((one, And((two, one)))), inner, inner)
    ),
    max_leaves=4,
)


@given(TREES)
def test_a_filter_is_written_as_it_is_read(tree: Filter) -> None:
    with suppress(BadRequest):  # deeper than is taken
        found = parse(text_of(tree))
        assert text_of(found) == text_of(tree)
