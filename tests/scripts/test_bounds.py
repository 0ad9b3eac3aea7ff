"""Bombs: a script that takes too much time or memory fails its own call, and the next one runs."""

from dataclasses import replace
from typing import Any

import pytest

from flows.scripts.failures import ScriptFailed
from flows.scripts.host import ScriptHost
from tests.scripts.configured import javascript

SPARSE = "var a = []; a.length = 4294967295;"
FAKE = "var a = {length: 9007199254740991};"
LONG = "var s = 'a'; while (s.length < 4000000) s += s; var t = s.slice(0, 2000000) + 'b';"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("for (;;);", id="endless loop"),
        pytest.param("try { for (;;); } catch (e) { 'caught' } finally { for (;;); }", id="caught loop"),
        pytest.param("while (true) { try { while (true); } catch (e) {} }", id="loop in a loop"),
        pytest.param("/^(a+)+$/.test('a'.repeat(40) + '!')", id="catastrophic pattern"),
        pytest.param("/(?<=a*)b/.test('a'.repeat(3000000))", id="looking back"),
        pytest.param("[3, 2, 1].sort(function () { for (;;); })", id="endless comparison"),
        pytest.param("[1, 2].map(function f() { return [1, 2].map(f); })", id="endless recursion of natives"),
        pytest.param("throw {message: undefined, get code() { for (;;); }}", id="thrown getter"),
        pytest.param("throw {message: {toString: function () { for (;;); }}}", id="thrown message"),
        pytest.param(
            "var e = new Error(); Object.defineProperty(e, 'name', {get() { for (;;); }}); throw e",
            id="error",
        ),
        pytest.param(
            "Object.defineProperty(Error.prototype, 'stack', {get() { for (;;); }}); for (;;);", id="stack"
        ),
        pytest.param("Error.prepareStackTrace = function () { for (;;); }; for (;;);", id="prepared stack"),
        pytest.param("({toJSON() { for (;;); }})", id="endless toJSON"),
        pytest.param("new Proxy({}, {ownKeys() { for (;;); }})", id="endless proxy"),
        pytest.param(SPARSE + "a.indexOf(1)", id="search in holes"),
        pytest.param(SPARSE + "a.forEach(function () {})", id="walk over holes"),
        pytest.param(SPARSE + "new Set(a)", id="set of holes"),
        pytest.param("for (var x of (function* () { for (;;) yield 1; })()) {}", id="generator"),
        pytest.param("for (var o;;) { o = {valueOf: function () { return 1; }}; o + 1; }", id="garbage"),
        pytest.param("eval('for (;;);')", id="evaluated loop"),
        pytest.param("Function('for (;;);')()", id="made function"),
    ],
)
def test_time_is_bounded(run: Any, failure_of: Any, source: str) -> None:
    failure = failure_of(source)
    assert failure.timed_out or "call stack" in failure.message
    assert run("'alive'") == "alive"


def test_the_error_of_an_interruption_cannot_be_bent(run: Any, failure_of: Any) -> None:
    for member in ("toString", "valueOf"):
        failure = failure_of(f"InternalError.prototype.{member} = function () {{ for (;;); }}; for (;;);")
        assert failure.timed_out
    failure = failure_of(
        "Object.setPrototypeOf(InternalError.prototype, new Proxy({}, {get() { for (;;); }}));"
    )
    assert "TypeError" in failure.message
    assert run("1") == 1


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("var a = []; for (;;) a.push('x'.repeat(1000) + a.length);", id="growing list"),
        pytest.param("var s = 'x'; for (;;) s = s + s + Math.random();", id="growing text"),
        pytest.param("'x'.repeat(1073741800)", id="repeated text"),
        pytest.param("new Array(100000000).fill('x')", id="filled list"),
        pytest.param("new Uint8Array(200000000)", id="typed array"),
        pytest.param("Array.from({length: 100000000})", id="list of nothing"),
        pytest.param("var o = {}; for (var i = 0; ; i++) o['k' + i] = i;", id="growing object"),
        pytest.param("JSON.parse('[' + '[],'.repeat(3000000) + '[]]')", id="parsed list"),
        pytest.param("var m = new Map(); for (var i = 0; ; i++) m.set(i, {});", id="growing map"),
        pytest.param("var f = function () {}; for (;;) f = f.bind(null);", id="bound functions"),
    ],
)
def test_memory_is_bounded(run: Any, failure_of: Any, source: str) -> None:
    failure = failure_of(source)
    assert failure.out_of_memory or failure.timed_out
    assert run("'alive'") == "alive"


def test_a_caught_shortage_of_memory_is_harmless(run: Any) -> None:
    source = "var a = []; try { for (;;) a.push(new Uint8Array(1000000)); } catch (e) { a = null; 'caught'; }"
    assert run(source) == "caught"
    assert run("1") == 1


@pytest.mark.parametrize(
    "source",
    [
        *(
            pytest.param(f"{SPARSE} a.{call}", id=f"holes: {call}")
            for call in (
                "join('x')",
                "reverse()",
                "concat([1])",
                "slice(1)",
                "sort()",
                "shift()",
                "splice(1, 1)",
            )
        ),
        *(
            pytest.param(f"{SPARSE} a.{call}", id=f"holes: {call}")
            for call in (
                "unshift(1)",
                "copyWithin(1, 0)",
                "flat()",
                "flatMap(String)",
                "toString()",
                "toLocaleString()",
            )
        ),
        pytest.param(SPARSE + "[a].flat()", id="holes inside"),
        pytest.param(SPARSE + "[].concat(a)", id="holes added"),
        pytest.param(SPARSE + "JSON.stringify({}, a)", id="holes as a replacer"),
        pytest.param(SPARSE + "'' + a", id="holes as a text"),
        pytest.param(SPARSE + "a.values().drop(1e12).next()", id="holes dropped"),
        *(
            pytest.param(f"{FAKE} Array.prototype.{call}", id=f"no list: {call}")
            for call in ("join.call(a)", "reverse.call(a)", "sort.call(a)", "flat.call(a)", "shift.call(a)")
        ),
        pytest.param("String.raw({raw: {length: 9007199254740991}})", id="raw text"),
        *(
            pytest.param(f"{LONG} s.{call}", id=f"long text: {call}")
            for call in ("indexOf(t)", "includes(t)", "split(t)", "replace(t, '')", "replaceAll(t, '')")
        ),
        pytest.param(LONG + "s.indexOf({toString: function () { return t; }})", id="long text as an object"),
        pytest.param("(function f() { return f() + 1; })()", id="deep recursion"),
        pytest.param("var a = 'a'; for (;;) a = new RegExp('(' + a + ')').source;", id="nested patterns"),
    ],
)
def test_what_the_engine_would_not_interrupt_is_refused(run: Any, failure_of: Any, source: str) -> None:
    failure_of(source)
    assert run("'alive'") == "alive"


def test_natives_behind_guards_work_as_ever(run: Any) -> None:
    assert run("[1, [2, [3, , 4]]].flat(Infinity)") == [1, 2, 3, 4]
    assert run("[1, 2].flatMap(x => [x, [x]])") == [1, [1], 2, [2]]
    assert run("[1, [2, [3]]].flat()") == [1, 2, [3]]
    assert run("[3, 1, 2].sort().reverse().concat(4, [5]).join('-')") == "3-2-1-4-5"
    assert run("var a = [1, 2, 3]; a.splice(1, 1); a.unshift(0); a.shift(); a.slice(1)") == [3]
    assert run("'a,b;c'.split(/[,;]/)") == ["a", "b", "c"]
    assert run("'a-b-c'.split('-', 2)") == ["a", "b"]
    assert run("'aXbX'.replace('X', '$&$&') + 'aa'.replaceAll('a', x => x + 'b')") == "aXXbXabab"
    assert run("'abc'.indexOf('c') + 'abcabc'.indexOf('b', 2)") == 6
    assert run("String.raw`a\\n${1}`") == "a\\n1"
    assert run("JSON.stringify({a: 1, b: 2}, ['a']) + [].join.length + 'x'.split.name") == '{"a":1}1split'
    assert run("[1, 2, 3].values().drop(1).toArray()") == [2, 3]


def test_a_script_that_never_ends_is_not_tried_for_ever(host: Any, session: Any) -> None:
    script = host.compile(javascript("for (;;);"))
    found = session.run_many(script, [{} for _ in range(20)])
    assert all(failure.timed_out for failure in found)
    assert "not tried again" in found[-1].message
    with host.session() as another:
        assert "not tried again" not in another.run_many(script, [{}])[0].message


def test_a_value_is_not_larger_than_it_may_be(host: Any) -> None:
    small = ScriptHost({}.get, replace(host.limits, value_bytes=1000))
    with small.session() as session:
        with pytest.raises(ScriptFailed, match="value is larger"):
            session.run(small.compile(javascript("'x'.repeat(2000)")), {})
        with pytest.raises(ScriptFailed, match="variables are larger"):
            session.run(small.compile(javascript("source")), {"source": "x" * 2000})
