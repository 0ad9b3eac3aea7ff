"""Filters as text again, for messages."""

import re
from typing import Final, assert_never
from urllib.parse import quote

import orjson

from conf.filters.ast import And, AnyElement, Comparison, Filter, Literal, Not, Or, Present, Scalar

#: what would end a pointer, or cannot stand in one
_NOT_PLAIN: Final = re.compile(r"[\s\x00-\x20\x7f\"'%!()\[\]<>\\^`{|}#]")


def text_of(filter: Filter) -> str:
    """The filter as one would write it; parsed again it is the same."""
    match filter:
        case Literal(value):
            return "true" if value else "false"
        case Present(path):
            return f"{_pointer(path)} pr"
        case AnyElement(path, operand):
            return f"{_pointer(path)}[{text_of(operand)}]"
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
    return "/" + "/".join(_escaped(part.replace("~", "~0").replace("/", "~1")) for part in path)


def _escaped(token: str) -> str:
    return _NOT_PLAIN.sub(lambda found: quote(found.group(), safe=""), token)


def _value(value: Scalar | tuple[Scalar, ...]) -> str:
    return orjson.dumps(value).decode()
