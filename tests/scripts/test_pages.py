"""A page of scopes in one call: the same answers as one by one, and only the culprit fails."""

from typing import Any

import pytest

from flows.scripts.failures import ScriptFailed
from tests.scripts.configured import javascript


def shown(found: list[Any]) -> list[Any]:
    return [f"failed: {value.message}" if isinstance(value, ScriptFailed) else value for value in found]


def test_every_row_gets_its_own_answer(host: Any, session: Any) -> None:
    script = host.compile(javascript("if (source === 2) { throw {code: 403, message: 'two'}; } source * 2"))
    found = session.run_many(script, [{"source": n} for n in range(4)])
    assert shown(found) == [0, 2, "failed: two", 6]
    assert found[2].status == 403


def test_rows_may_differ_in_the_names_they_have(host: Any, session: Any) -> None:
    script = host.compile(javascript("typeof target + (typeof source === 'undefined' ? '' : source)"))
    scopes: list[dict[str, Any]] = [{"source": 1}, {"target": {}}, {"source": 2, "target": None}, {}]
    assert session.run_many(script, scopes) == ["undefined1", "object", "object2", "undefined"]


def test_live_variables_of_each_row_are_changed(host: Any, session: Any) -> None:
    script = host.compile(javascript("target.n = source; if (source === 1) throw 'late'; null"))
    targets: list[dict[str, Any]] = [{}, {}, {}]
    found = session.run_many(script, [{"source": n, "target": targets[n]} for n in range(3)], ("target",))
    assert shown(found) == [None, "failed: late", None]
    assert targets == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_undeclared_variables_do_not_reach_the_next_row(host: Any, session: Any) -> None:
    script = host.compile(javascript("var before = typeof leak; leak = source; before"))
    assert session.run_many(script, [{"source": 1}] * 3) == ["undefined"] * 3


@pytest.mark.parametrize("bad", [0, 3, 9])
def test_only_the_row_that_never_ends_fails(host: Any, session: Any, bad: int) -> None:
    script = host.compile(javascript("while (source === 'loop') {} target.done = true; source"))
    scopes = [{"source": "loop" if n == bad else n, "target": {}} for n in range(10)]
    found = session.run_many(script, scopes, ("target",))
    assert [value for n, value in enumerate(found) if n != bad] == [n for n in range(10) if n != bad]
    assert found[bad].timed_out
    assert [bool(scope["target"]) for scope in scopes] == [n != bad for n in range(10)]


def test_only_the_row_that_eats_memory_fails(host: Any, session: Any) -> None:
    script = host.compile(
        javascript("if (source === 5) { for (var a = []; ; a.push('x'.repeat(9999) + a.length)); } 1")
    )
    found = session.run_many(script, [{"source": n} for n in range(10)])
    assert found[5].out_of_memory or found[5].timed_out
    assert [value for n, value in enumerate(found) if n != 5] == [1] * 9


def test_rows_that_together_need_too_much_are_taken_in_smaller_pages(host: Any, session: Any) -> None:
    script = host.compile(javascript("source.length"))
    scopes = [{"source": [n % 10] * 30_000} for n in range(60)]
    assert session.run_many(script, scopes) == [30_000] * 60


def test_a_row_that_is_not_json_fails_alone(host: Any, session: Any) -> None:
    script = host.compile(javascript("source"))
    found = session.run_many(script, [{"source": 1}, {"source": object()}, {"source": 3}])
    assert found[0] == 1
    assert "not JSON" in found[1].message
    assert found[2] == 3


def test_a_row_nested_too_deeply_fails_alone(host: Any, session: Any) -> None:
    source = "for (var list = [], i = 0; i < source; i++) list = [list]; source === 0 || list"
    found = session.run_many(
        host.compile(javascript(source)), [{"source": 0}, {"source": 9999}, {"source": 0}]
    )
    assert [found[0], found[2]] == [True, True]
    assert isinstance(found[1], ScriptFailed)


def test_more_rows_than_fit_in_one_call(host: Any, session: Any) -> None:
    script = host.compile(javascript("source + 1"))
    assert session.run_many(script, [{"source": n} for n in range(2500)]) == list(range(1, 2501))


def test_no_rows(host: Any, session: Any) -> None:
    assert session.run_many(host.compile(javascript("1")), []) == []
