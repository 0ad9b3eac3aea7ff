"""Any JSON value goes through a script and comes back as it was."""

import math
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from conf.errors import ReconError
from flows.scripts.host import ScriptHost
from tests.scripts.configured import javascript

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)

HOST = ScriptHost({}.get)
SESSION = HOST.session()
PLAIN = HOST.compile(javascript("source"))
BY_EVAL = HOST.compile(javascript("if (true) { source; }"))
LIVE = HOST.compile(javascript("void source"))
WITH_CONSTANT = HOST.compile(javascript("[source, typeof eval]"))


def same(a: Any, b: Any) -> bool:
    """As JSON has it: 1 and 1.0 are the same number, true is none."""
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[name], b[name]) for name in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, bool) or isinstance(b, bool) or isinstance(a, str) or a is None:
        return type(a) is type(b) and bool(a == b)
    return isinstance(b, int | float) and math.isclose(a, b, rel_tol=0, abs_tol=0)


def reordered(value: Any) -> Any:
    """JavaScript keeps members whose names are array indices first, in their order."""
    if isinstance(value, list):
        return [reordered(item) for item in value]
    if isinstance(value, dict):
        index = {
            n: v
            for n, v in value.items()
            if n.isascii() and n.isdigit() and str(int(n)) == n and int(n) < 2**32 - 1
        }
        rest = {n: v for n, v in value.items() if n not in index}
        return {n: reordered(v) for n, v in [*sorted(index.items(), key=lambda e: int(e[0])), *rest.items()]}
    return value


@given(values)
@settings(max_examples=80, deadline=None)
def test_a_value_survives(value: Any) -> None:
    expected = reordered(value)
    assert same(SESSION.run(PLAIN, {"source": value}), expected)
    assert same(SESSION.run(BY_EVAL, {"source": value}), expected)
    assert same(SESSION.run_many(PLAIN, [{"source": value}] * 2)[1], expected)


@given(st.dictionaries(texts, values, max_size=5))
@settings(max_examples=60, deadline=None)
def test_a_live_variable_that_is_not_touched_is_not_changed(value: dict[str, Any]) -> None:
    before = repr(reordered(value))
    SESSION.run(LIVE, {"source": value}, ("source",))
    assert repr(value) == before


@given(texts.filter(str.strip), values)
@settings(max_examples=60, deadline=None)
def test_a_variable_of_the_configuration_survives(name: str, value: Any) -> None:
    script = HOST.compile(javascript("given[name]", given={name: value}, name=name))
    assert same(SESSION.run(script, {}), reordered(value))


@given(st.text(max_size=40))
@settings(max_examples=80, deadline=None)
def test_any_text_is_a_script_or_a_problem_in_words(text: str) -> None:
    with suppress(ReconError):
        SESSION.run(HOST.compile(javascript(text)), {"source": text if text.isprintable() else ""})
