"""Filters on objects in memory: a filter becomes a closure once, then answers for each object.

A missing member never matches, a list matches when any element does, numbers compare as numbers, and
values of different types never match.
"""

import operator
from collections.abc import Callable
from typing import Any, Final, assert_never

from conf import pointer
from conf.filters.ast import And, AnyElement, Comparison, Filter, Literal, Not, Or, Present, Scalar

Predicate = Callable[[Any], bool]

_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def predicate(filter: Filter, *, ignore_case: bool) -> Predicate:
    """A function that says whether an object matches.

    Conditions of mappings ignore the case of text, queries on managed objects respect it.
    """
    match filter:
        case Literal(value):
            return lambda _object: value
        case Present(path):
            return lambda object_: pointer.get(object_, path) is not None
        case AnyElement(path, operand):
            return _any_element(path, predicate(operand, ignore_case=ignore_case))
        case Not(operand):
            inner = predicate(operand, ignore_case=ignore_case)
            return lambda object_: not inner(object_)
        case And(operands):
            all_of = [predicate(operand, ignore_case=ignore_case) for operand in operands]
            return lambda object_: all(holds(object_) for holds in all_of)
        case Or(operands):
            any_of = [predicate(operand, ignore_case=ignore_case) for operand in operands]
            return lambda object_: any(holds(object_) for holds in any_of)
        case Comparison():
            return _comparison(filter, ignore_case)
        case _:
            assert_never(filter)


def _any_element(path: pointer.Pointer, holds: Predicate) -> Predicate:
    def found(object_: Any) -> bool:
        elements = pointer.get(object_, path)
        return isinstance(elements, list) and any(holds(element) for element in elements)

    return found


def _comparison(comparison: Comparison, ignore_case: bool) -> Predicate:
    path = comparison.pointer
    matches = value_test(comparison, ignore_case=ignore_case)

    def holds(object_: Any) -> bool:
        found = pointer.get(object_, path)
        if isinstance(found, list):
            return any(matches(element) for element in found)
        return matches(found)

    return holds


def value_test(comparison: Comparison, *, ignore_case: bool) -> Predicate:
    """The comparison for one value that was found already."""
    if isinstance(comparison.value, tuple):
        tests = [_test("eq", value, ignore_case) for value in comparison.value]
        return lambda found: any(test(found) for test in tests)
    return _test(comparison.operator, comparison.value, ignore_case)


def _test(name: str, value: Scalar, ignore_case: bool) -> Predicate:
    if isinstance(value, str):
        return _text_test(name, value, ignore_case)
    compare = _ORDER.get(name)
    if compare is None:  # `co` and `sw` are about text
        return lambda _found: False
    if isinstance(value, bool):
        return lambda found: isinstance(found, bool) and compare(found, value)
    return lambda found: is_number(found) and compare(found, value)


def is_number(value: Any) -> bool:
    """A JSON number; Python counts booleans among its integers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text_test(name: str, value: str, ignore_case: bool) -> Predicate:
    wanted = value.lower() if ignore_case else value
    compare: Callable[[str, str], bool]
    if name == "co":
        compare = operator.contains
    elif name == "sw":
        compare = str.startswith
    else:
        compare = _ORDER[name]
    if ignore_case:
        return lambda found: isinstance(found, str) and compare(found.lower(), wanted)
    return lambda found: isinstance(found, str) and compare(found, wanted)
