"""Both sides of one object, attribute by attribute: what they were, what they are, and where they differ. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from conf import pointer
from flows.store.json_text import dump_told
from flows.store.two_way_rows import TwoWayResult
from flows.two_way.pairs import same


class Pair(NamedTuple):
    """What an attribute is called in IDM and in the resource."""

    idm: str
    resource: str
    compared: bool = True
    """Whether both sides are to have the same value; not where a script makes one of the other, or at creation only."""


IDM_GOES: Final = frozenset({"REMOVE_FROM_IDM"})
RESOURCE_GOES: Final = frozenset({"DELETE_FROM_RES"})
LONGEST_TEXT: Final = 400
MOST_VALUES: Final = 20


@dataclass(frozen=True, slots=True)
class Value:
    """An attribute on one side; texts are ready to be shown, None is "not there"."""

    before: str | None
    after: str | None

    @property
    def changed(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Line:
    """One attribute of both sides."""

    name: str
    idm: Value
    resource: Value
    differs: bool
    """As the run found them."""


def attribute(pair: Pair) -> str:
    """What a pair is called."""
    return pair.idm if pair.idm == pair.resource else f"{pair.idm} / {pair.resource}"


def complete(pairs: Sequence[Pair], result: TwoWayResult) -> list[Pair]:
    """The pairs that are known, and for every other attribute of the result one with the same name on both sides."""
    first = {name for pair in pairs for name in (pair.idm, pair.idm.lstrip("/").partition("/")[0])}
    second = {name for pair in pairs for name in (pair.resource, pair.resource.lstrip("/").partition("/")[0])}
    found = list(pairs)
    idm = (name for side in (result.idm_before, result.idm_after) for name in side or ())
    resource = (name for side in (result.resource_before, result.resource_after) for name in side or ())
    rest = [name for name in idm if name not in first]
    rest += [name for name in resource if name not in second]
    found.extend(Pair(name, name) for name in dict.fromkeys(rest))
    return found


def lines(result: TwoWayResult, pairs: Sequence[Pair] = ()) -> list[Line]:
    """Every attribute that either side has."""
    idm_gone, resource_gone = _gone(result, IDM_GOES), _gone(result, RESOURCE_GOES)
    compared = result.idm_before is not None and result.resource_before is not None
    found = []
    for pair in complete(pairs, result):
        idm = _value(result.idm_before, result.idm_after, pair.idm, gone=idm_gone)
        resource = _value(result.resource_before, result.resource_after, pair.resource, gone=resource_gone)
        if (idm.before, idm.after, resource.before, resource.after) == (None, None, None, None):
            continue
        there, here = value_of(result.idm_before, pair.idm), value_of(result.resource_before, pair.resource)
        differs = compared and pair.compared and not same(there, here)
        found.append(Line(attribute(pair), idm, resource, differs))
    return found


def telling(result: TwoWayResult, pairs: Sequence[Pair] = ()) -> list[Line]:
    """The lines that a person wants to see: where both sides are there those that differ or changed, else all."""
    found = lines(result, pairs)
    if result.idm_before is None or result.resource_before is None:
        return found
    changed = [line for line in found if line.idm.changed or line.resource.changed]
    if result.category == "MATCH_FOUND":
        return changed
    told = [line for line in found if line.differs or line in changed]
    if told or result.category != "MATCH_FOUND_DIFFERENT":
        return told
    # what differs was made by scripts: then whatever is not literally the same
    return [line for line in found if line.idm.before != line.resource.before]


def text(value: Any) -> str | None:
    """A value as a person reads it; None when there is none. Very long ones are cut."""
    if value is None or value in ("", []):
        return None
    if isinstance(value, list):
        shown = [_short(_plain(each)) for each in value[:MOST_VALUES]]
        more = len(value) - len(shown)
        return "\n".join([*shown, f"and {more:,} more"] if more else shown)
    return _short(_plain(value))


def whole(value: Any) -> str:
    """A value for another program: nothing is cut; several values stand on lines of their own."""
    if isinstance(value, list):
        return "\n".join(_plain(each) for each in value)
    return "" if value is None else _plain(value)


def _gone(result: TwoWayResult, responses: frozenset[str]) -> bool:
    return result.status == "SUCCESS" and result.response in responses


def _value(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, name: str, *, gone: bool
) -> Value:
    """Without a state afterwards an object is as it was, unless it was to go and went."""
    was = text(value_of(before, name))
    return Value(was, was if after is None and not gone else text(value_of(after, name)))


def value_of(side: Mapping[str, Any] | None, name: str) -> Any:
    """An attribute of a side, which may lie deeper; None when it is not there."""
    if side is None or name in side:
        return None if side is None else side[name]
    return pointer.get(side, tuple(name.strip("/").split("/"))) if "/" in name else None


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return dump_told(value)


def _short(written: str) -> str:
    return written if len(written) <= LONGEST_TEXT else f"{written[:LONGEST_TEXT]}…"
