"""Values on their way into a script and back: JSON texts, and changes taken over into the caller's own objects."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson

from flows.scripts.failures import ScriptFailed

EXACT: Final = 2**53
"""Beyond this a JavaScript number does not tell one integer from the next."""

_PLAIN: Final = frozenset({str, bool, type(None)})


def to_text(values: list[Any], where: str, most: int) -> str:
    """JSON of what a script is given; raises ScriptFailed when it is not JSON or too large."""
    try:
        try:
            text = orjson.dumps(values).decode()
        except orjson.JSONEncodeError:
            text = json.dumps(values, allow_nan=False)  # integers beyond 64 bits, halves of surrogate pairs
    except (TypeError, ValueError, RecursionError) as problem:
        raise ScriptFailed(f"the script's variables are not JSON: {problem}", where=where) from problem
    if len(text) > most:
        raise ScriptFailed(f"the script's variables are larger than {most // 2**20} MiB", where=where)
    return text


def from_text(text: str | bytes, where: str, most: int) -> Any:
    """The value of a JSON text that a context gave; raises ScriptFailed when it cannot be kept."""
    if len(text) > most:
        raise ScriptFailed(f"the script's value is larger than {most // 2**20} MiB", where=where)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as problem:
        reason = "half of a character" if b"surrogate" in str(problem).encode() else str(problem)
        raise ScriptFailed(f"the script's value cannot be kept: it holds {reason}", where=where) from problem


def take_over(old: Any, new: Any) -> Any:
    """`new`, in the containers of `old` where both have one.

    Numbers that only lost their Python type or their digits beyond 2**53 on the way stay as they were, so that what a
    script did not touch is not changed.
    """
    if type(old) is dict and type(new) is dict:
        for name, value in new.items():
            if type(value) not in _PLAIN and name in old:
                new[name] = take_over(old[name], value)
        old.clear()
        old.update(new)
        return old
    if type(old) is list and type(new) is list:
        old[:] = [take_over(was, value) for was, value in zip(old, new, strict=False)] + new[len(old) :]
        return old
    if isinstance(old, int | float) and isinstance(new, int | float) and _same_number(old, new):
        return old
    return new


def _same_number(old: float, new: float) -> bool:
    if isinstance(old, bool) or isinstance(new, bool):
        return False
    if old == new:
        return True
    try:
        return abs(old) > EXACT and float(old) == float(new)
    except OverflowError:
        return False
