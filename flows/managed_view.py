"""What of a managed object an answer shows: never secrets, relationships only when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from conf import pointer
from conf.errors import Forbidden
from conf.filters.ast import And, AnyElement, Comparison, Filter, Literal, Not, Or, Present
from conf.managed_schema import ManagedType
from flows.projection import EVERY_REFERENCE, read_sort_key
from flows.store.managed import Stored

if TYPE_CHECKING:
    from flows.call import Call

Json = dict[str, Any]


def is_external(call: Call) -> bool:
    """Whether the call comes from outside, and not from a script or a run."""
    return call.caller.via in {"rest", "cli"} and not call.triggers


def shown(call: Call, type: ManagedType, stored: Stored, fields: Sequence[str] = ()) -> Json:
    """The object as it is answered to this caller."""
    whole = stored.object()
    if not type.properties:
        return whole
    asked = {path[0] for text in fields if (path := pointer.parse(text))}
    if not asked.isdisjoint(EVERY_REFERENCE) or any(text in EVERY_REFERENCE for text in fields):
        asked |= type.relationships
    left_out = (type.hidden - asked) | (type.private if is_external(call) else frozenset())
    found = {name: value for name, value in whole.items() if name not in left_out}
    for name in type.relationships & found.keys():
        found[name] = expanded(found[name])
    return found


def expanded(value: Any) -> Any:
    """A reference, or a list of them, with its parts told apart; anything else as it is."""
    if isinstance(value, list):
        return [expanded(element) for element in value]
    if not isinstance(value, dict) or not isinstance(value.get("_ref"), str):
        return value
    collection, _, id = value["_ref"].rpartition("/")
    return {
        "_ref": value["_ref"],
        "_refResourceCollection": collection,
        "_refResourceId": id,
        "_refProperties": value.get("_refProperties") or {},
    }


def guard_query(call: Call, type: ManagedType, filter: Filter | None, sort_keys: Sequence[str]) -> None:
    """Refuse to search or sort by what is never shown: the answer would tell it, bit by bit."""
    if not type.private or not is_external(call):
        return
    named = set(members_of(filter)) | {read_sort_key(key)[1][0] for key in sort_keys}
    if secret := sorted(named & type.private):
        raise Forbidden(f"The property '{secret[0]}' is private and cannot be searched or sorted by")


def members_of(filter: Filter | None) -> Iterable[str]:
    """First part of each pointer in a filter."""
    match filter:
        case Comparison(pointer=path) | Present(pointer=path) | AnyElement(pointer=path):
            yield from path[:1]
        case Not(operand):
            yield from members_of(operand)
        case And(operands) | Or(operands):
            for operand in operands:
                yield from members_of(operand)
        case Literal() | None:
            return
