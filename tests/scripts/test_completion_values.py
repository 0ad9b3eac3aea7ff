"""The value of a script is the value of its last statement."""

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 + 1", 2),
        ("source.name", "Ada"),
        ("source.name;", "Ada"),
        ("source.name; // a remark", "Ada"),
        ("/* a remark; */ source.name /* another */", "Ada"),
        ("var q = {'_queryFilter': 'name eq \"' + source.name + '\"'}; q", {"_queryFilter": 'name eq "Ada"'}),
        ("if (source.name === 'Bob') { throw 'no'; } source.n > 3", True),
        ("if (source.n > 3) { 'many'; } else { 'few'; }", "many"),
        ("for (var i = 0; i < 3; i++) { i * 10; }", 20),
        ("switch (source.n) { case 5: 'five'; break; default: 'other'; }", "five"),
        ("try { source.nothing.at.all; } catch (e) { 'caught'; }", "caught"),
        ("(function () { return source.n; }())", 5),
        ("(function () { return source.n; })();", 5),
        ("({a: 1})", {"a": 1}),
        ("{ a: 1 }", 1),
        ("function twice(x) { return 2 * x; } twice(source.n)", 10),
        ("function twice(x) { return 2 * x; }\n\ntwice(source.n);\n", 10),
        ("'use strict'; source.n", 5),
        ("let source = 7; source", 7),
        ("const n = source.n; n + 1", 6),
        ("var source = source.name; source", "Ada"),
        ("var s = 'a; b'; s", "a; b"),
        ("var s = source.name // one; two", None),
        ("var f = function () { return 1; }\n(source)", None),
        ("var source", None),
        ("", None),
        ("// nothing", None),
        ("a = 1\nb = 2\na + b", 3),
        ("`${source.name}!`", "Ada!"),
        ("[1, 2, 3].map(x => x * 2)", [2, 4, 6]),
        ("source?.missing ?? 'none'", "none"),
        ("eval('source.n + 1')", 6),
        ("var text = 'source.name'; eval(text)", "Ada"),
        ("var local = 3; (function () { return eval('local + source.n'); })()", 8),
    ],
)
def test_the_last_statement_gives_the_value(run: Any, source: str, value: Any) -> None:
    assert run(source, {"source": {"name": "Ada", "n": 5}}) == value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("2.0", 2),
        ("10 / 4", 2.5),
        ("4 / 2", 2),
        ("-0", 0),
        ("NaN", None),
        ("1 / 0", None),
        ("null", None),
        ("undefined", None),
        ("({a: [1, 2.5, null, true, 'x'], d: undefined})", {"a": [1, 2.5, None, True, "x"], "d": None}),
        ("[1, undefined, , 2]", [1, None, None, 2]),
        ("new Date(0)", "1970-01-01T00:00:00.000Z"),
        ("new Date(NaN)", None),
        ("new String('x')", "x"),
        ("Object.create(null)", {}),
        ("new (class { constructor() { this.a = 1; } })()", {"a": 1}),
        ("JSON.parse('{\"__proto__\": 1}')", {"__proto__": 1}),
        ("'\\u00e9\\ud83d\\ude00\\u0000\\u2028'", "é😀\0\u2028"),
    ],
)
def test_values_come_back_as_json_has_them(run: Any, source: str, value: Any) -> None:
    found = run(source)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("/a+/", "a regular expression as its value"),
        ("({pattern: /a+/})", "a regular expression in 'pattern'"),
        ("[function () {}]", "a function in '0'"),
        ("({f: () => 1})", "a function in 'f'"),
        ("Symbol('x')", "a symbol as its value"),
        ("10n", "a bigint as its value"),
        ("new Map()", "a Map as its value"),
        ("(async () => 1)()", "a Promise as its value"),
        ("var a = {}; a.self = a; a", "a value that contains itself"),
        ("'😀'.charAt(0)", "half of a character"),
        ("var a = []; for (var i = 0; i < 20000; i++) a = [a]; a", "call stack"),
    ],
)
def test_what_is_not_json_fails_the_script(run: Any, failure_of: Any, source: str, what: str) -> None:
    assert what in failure_of(source).message
    assert run("1") == 1
