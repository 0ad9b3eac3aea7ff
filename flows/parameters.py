"""Parameters of an action or a query that no framework reads: words, and names that only resemble one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Final

from conf.errors import BadRequest

#: one letter of seven may differ
_NEAR: Final = 0.85


def is_true(value: str | None) -> bool:
    """Only `true`, in any letter case, is true."""
    return value is not None and value.lower() == "true"


def flag(parameters: Mapping[str, str], name: str) -> bool:
    """A parameter that changes what is done is not guessed at: whoever writes analyze=yes wants no real run."""
    value = parameters.get(name, "").lower()
    if value not in ("", "true", "false"):
        raise BadRequest(f"{name}: expected true or false, found '{value}'")
    return value == "true"


def refuse_lookalikes(parameters: Mapping[str, str], known: Collection[str]) -> None:
    """Unknown parameters count for nothing, but one that resembles a known one was meant: analyse=true, Analyze=true."""
    folded = {word.lower(): word for word in known}
    for name in parameters:
        near = get_close_matches(name.lower(), folded, n=1, cutoff=_NEAR)
        if name not in known and near:
            raise BadRequest(f"There is no parameter '{name}'. Did you mean {folded[near[0]]}?")
