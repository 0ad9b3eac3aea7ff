"""Entries of a run beside the objects they are about, as these are now.

A console shows attributes next to each entry. They are read with the page, one query a side, and only when asked for:
by `_fields`, whose `sourceObject/mail` or `targetObject` name them, or by `queryMissingSide=true`, with which PingIDM's
console gets the whole objects as `source` and `target`. `sourceQueryFilter` and `targetQueryFilter` keep those entries
of a page whose object is there and matches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from conf import pointer
from conf.errors import BadRequest, Forbidden
from conf.filters.evaluate import predicate
from conf.filters.parse import parse
from flows.access import permit
from flows.managed_view import is_external, members_of
from flows.parameters import flag, refuse_lookalikes
from flows.projection import ALWAYS, Projected, project, read_sort_key
from flows.stored_queries import filter_of

if TYPE_CHECKING:
    from flows.call import Call
    from flows.router import Json, Query

_SIDES: Final = ("source", "target")
#: member of an entry -> the side whose object it shows
_MEMBERS: Final[Mapping[str, str]] = {
    **{side: side for side in _SIDES},
    **{f"{side}Object": side for side in _SIDES},
}


_PARAMETERS: Final = ("queryMissingSide", *(f"{side}QueryFilter" for side in _SIDES))


@dataclass(frozen=True)
class Merge:
    """What a query wants of the objects behind its entries."""

    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Member of the entry -> pointers into the object; none is the whole object."""
    filters: Mapping[str, Callable[[Mapping[str, Any]], bool]] = field(default_factory=dict)
    """Side -> what its object must fulfil."""
    plain: tuple[str, ...] = ("*",)
    """What is shown of the entry itself."""

    def wanted(self, side: str) -> bool:
        """Whether objects of this side are read."""
        return side in self.filters or any(_MEMBERS[member] == side for member in self.members)

    def fields(self, side: str) -> tuple[str, ...]:
        """Pointers into the objects of this side that are shown."""
        of_side = [pointers for member, pointers in self.members.items() if _MEMBERS[member] == side]
        return tuple(text for pointers in of_side for text in pointers)


def merge_of(query: Query) -> Merge | None:
    """What the query wants merged, None for nothing; BadRequest for what cannot be meant."""
    refuse_lookalikes(query.parameters, _PARAMETERS)
    _refuse_members(query)
    members: dict[str, tuple[str, ...]] = {}
    plain = []
    for text in query.fields:
        path = pointer.parse(text)
        if not path or path[0] not in _MEMBERS:
            plain.append(text)
        elif len(path) == 1:
            members[path[0]] = ()
        elif members.get(path[0]) != ():
            members[path[0]] = (*members.get(path[0], ()), text.lstrip("/").partition("/")[2])
    given = {side: query.parameters.get(f"{side}QueryFilter") for side in _SIDES}
    filters = {
        side: predicate(parse(text), ignore_case=False) for side, text in given.items() if text is not None
    }
    if not query.fields and (filters or flag(query.parameters, "queryMissingSide")):
        members = dict.fromkeys(_SIDES, ())
    if not members and not filters:
        return None
    return Merge(members, filters, (tuple(plain) or ALWAYS) if query.fields else ("*",))


def _refuse_members(query: Query) -> None:
    """Entries are found and sorted in the store, where their objects are not."""
    named = {*members_of(filter_of(query)), *(read_sort_key(key)[1][0] for key in query.sort_keys)}
    if wrong := sorted(named & _MEMBERS.keys()):
        raise BadRequest(
            f"Entries are neither found nor sorted by '{wrong[0]}'; send sourceQueryFilter or targetQueryFilter"
        )


async def merged(call: Call, merge: Merge, entries: Sequence[Json]) -> list[Json]:
    """These entries with what is wanted of their objects; None stands for an object that is gone.

    Raises Forbidden where the caller may not query the objects, and what their system says when it cannot be read.
    """
    objects = {side: await _objects(call, merge, side, entries) for side in _SIDES if merge.wanted(side)}
    return [
        _shown(merge, entry, found)
        for entry in entries
        if _matches(merge, found := {side: _object(entry, side, known) for side, known in objects.items()})
    ]


async def _objects(call: Call, merge: Merge, side: str, entries: Sequence[Json]) -> Mapping[str, Json]:
    """Objects of one side by id."""
    ids = {entry[f"{side}ObjectId"] for entry in entries} - {None}
    collection = next((entry[f"{side}ResourceCollection"] for entry in entries), None)
    if not ids or collection is None:
        return {}
    found = call.runtime.router.find(collection)
    if is_external(call):
        try:
            permit(call.runtime.project.access, call.caller, "query", found, collection, None)
        except Forbidden:
            raise Forbidden(f"Access denied: the attributes asked for are those of {collection}") from None
    return await found.resource.read_many(call, found.parts, sorted(ids), merge.fields(side))


def _object(entry: Json, side: str, known: Mapping[str, Json]) -> Json | None:
    return known.get(entry[f"{side}ObjectId"])


def _matches(merge: Merge, found: Mapping[str, Json | None]) -> bool:
    return all((one := found[side]) is not None and matches(one) for side, matches in merge.filters.items())


def _shown(merge: Merge, entry: Json, found: Mapping[str, Json | None]) -> Json:
    shown = Projected(project(entry, merge.plain))
    for member, pointers in merge.members.items():
        one = found[_MEMBERS[member]]
        shown[member] = None if one is None else project(one, pointers, always=())
    return shown
