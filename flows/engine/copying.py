"""Copies of JSON values; an order of magnitude quicker than the general deep copy, which hot paths would feel."""

from typing import Any, TypeVar

T = TypeVar("T")


def copy_json(value: T) -> T:
    """A copy that shares nothing changeable with the original."""
    copied: T = _copy(value)
    return copied


def _copy(value: Any) -> Any:
    if type(value) is dict:
        return {key: _copy(item) if type(item) in _CONTAINERS else item for key, item in value.items()}
    if type(value) is list:
        return [_copy(item) if type(item) in _CONTAINERS else item for item in value]
    return value


_CONTAINERS = (dict, list)
