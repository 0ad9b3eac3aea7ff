"""What a script throws is what its caller reads."""

from typing import Any

import pytest


def test_a_thrown_object_gives_code_message_and_detail(failure_of: Any) -> None:
    failure = failure_of("throw {code: 418, message: 'tea', detail: {pot: 1}}")
    assert failure.body() == {"code": 418, "reason": "I'm a Teapot", "message": "tea", "detail": {"pot": 1}}
    assert failure.thrown == {"code": 418, "message": "tea", "detail": {"pot": 1}}


def test_a_thrown_text_is_the_message(failure_of: Any) -> None:
    failure = failure_of("throw 'tea'")
    assert failure.body() == {"code": 500, "reason": "Internal Server Error", "message": "tea"}
    assert failure.thrown == "tea"


@pytest.mark.parametrize(
    ("source", "status", "message"),
    [
        ("throw new Error('boom')", 500, "boom"),
        ("throw new TypeError('boom')", 500, "TypeError: boom"),
        ("var e = new Error('no'); e.code = 403; throw e", 403, "no"),
        ("throw {openidmCode: 404, message: 'old style'}", 404, "old style"),
        ("throw {code: '409', message: 'text'}", 409, "text"),
        ("throw {code: 403}", 403, "Forbidden"),
        ("throw {code: 200, message: 'never a success'}", 500, "never a success"),
        ("throw {code: 1e9, message: 'm'}", 500, "m"),
        ("throw {code: {}, message: 5}", 500, "5"),
        ("throw {a: 1}", 500, 'the script threw {"a":1}'),
        ("throw 5", 500, "5"),
        ("throw null", 500, "null"),
        ("throw undefined", 500, "undefined"),
        ("throw function () {}", 500, "the script threw something that is not JSON"),
        ("nosuch.x", 500, 'ReferenceError: "nosuch" is not defined.'),
        ("null.x", 500, "TypeError: cannot read property 'x' of null"),
        ("eval('if (')", 500, "SyntaxError: unexpected token in expression: ''"),
    ],
)
def test_thrown_values(failure_of: Any, source: str, status: int, message: str) -> None:
    failure = failure_of(source)
    assert (failure.status, failure.message) == (status, message)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("\n\nnosuch.x", 3),
        ("var a = 1;\nnosuch.x; a", 2),
        ("if (true) {\n  nosuch.x\n}", 2),
        ("function f() {\n  throw new Error('x');\n}\nf()", 2),
        ("throw 'no place'", None),
    ],
)
def test_an_error_knows_its_line(failure_of: Any, source: str, line: int | None) -> None:
    failure = failure_of(source)
    assert (failure.where, failure.line) == ("test", line)


def test_refusals_of_ours_name_no_line(failure_of: Any) -> None:
    assert failure_of("require('nope')").line is None
