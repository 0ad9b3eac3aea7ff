"""The text that every match of a filter has: what tells many queries apart, and makes each of them cheap."""

from __future__ import annotations

from typing import Any

from conf import pointer as json_pointer
from conf.filters.ast import And, Comparison, Filter
from conf.pointer import Pointer

Anchor = tuple[Pointer, str]
"""An attribute, and the text that every match has there, alone or in a list."""


def anchor_of(filter: Filter | None) -> Anchor | None:
    """The first equality with a text that the filter cannot do without."""
    match filter:
        case Comparison(pointer, "eq", str() as value) if pointer:
            return pointer, value
        case And(operands):
            return next((anchor for operand in operands if (anchor := anchor_of(operand))), None)
        case _:
            return None


def texts_at(object: dict[str, Any], pointer: Pointer) -> set[str]:
    """The texts that an object has at a pointer."""
    value = json_pointer.get(object, pointer)
    return {text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)}
