"""Filters as text again, for messages."""

from typing import assert_never

import orjson

from conf.filters.ast import And, Comparison, Filter, Literal, Not, Or, Present, Scalar


def text_of(filter: Filter) -> str:
    """The filter as one would write it; parsed again it is the same."""
    match filter:
        case Literal(value):
            return "true" if value else "false"
        case Present(path):
            return f"{_pointer(path)} pr"
        case Not(operand):
            return f"!({text_of(operand)})"
        case And(operands):
            return " and ".join(_inner(operand) for operand in operands)
        case Or(operands):
            return " or ".join(_inner(operand) for operand in operands)
        case Comparison(path, operator, value):
            return f"{_pointer(path)} {operator} {_value(value)}"
        case _:
            assert_never(filter)


def _inner(filter: Filter) -> str:
    return f"({text_of(filter)})" if isinstance(filter, And | Or) else text_of(filter)


def _pointer(path: tuple[str, ...]) -> str:
    return "/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in path)


def _value(value: Scalar | tuple[Scalar, ...]) -> str:
    return orjson.dumps(value).decode()
