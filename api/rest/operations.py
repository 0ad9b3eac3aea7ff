"""What a documented call is: method, path, parameters, body, answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]

_TEXT: Final[Json] = {"type": "string"}
OBJECT: Final[Json] = {"type": "object"}

#: reserved parameters: name -> (schema, what it does)
RESERVED: Final[Mapping[str, tuple[Json, str]]] = {
    "_queryFilter": (_TEXT, 'Filter, such as `userName eq "bjensen"` or `true`'),
    "_queryId": (_TEXT, "Name of a stored query instead of a filter: `query-all-ids`, `query-all`"),
    "_fields": (
        {"type": "string", "pattern": "^[\\w/*,]*$"},
        "Members to answer, as JSON pointers with commas between",
    ),
    "_sortKeys": (
        {"type": "string", "pattern": "^[-+]?\\w[\\w/]*$"},
        "Order: pointers with commas between; `-` before one descends",
    ),
    "_pageSize": (
        {"type": "integer", "minimum": 0, "maximum": 2147483647},
        "Most results of one page; 0 is all",
    ),
    "_pagedResultsCookie": (_TEXT, "Where to go on: the cookie of the page before"),
    "_pagedResultsOffset": ({"type": "integer", "minimum": 0, "maximum": 2147483647}, "Results to skip"),
    "_totalPagedResultsPolicy": (
        {"type": "string", "enum": ["NONE", "EXACT"]},
        "Whether to count all results",
    ),
    "_prettyPrint": ({"type": "boolean"}, "Indented JSON"),
}
QUERY: Final = tuple(RESERVED)
SHOWN: Final = ("_fields", "_prettyPrint")


@dataclass(frozen=True)
class Operation:
    """One documented call."""

    method: str
    path: str
    summary: str
    reserved: tuple[str, ...] = SHOWN
    extra: Mapping[str, str] | None = None
    """Further query parameters: name -> what it is."""
    actions: tuple[str, ...] = ()
    """Values of `_action`."""
    body: Json | None = None
    body_required: bool = False
    answers: tuple[int, ...] = (200,)
    answers_anything: bool = False
    """Whether a query may answer something else than a list of results."""
    conditional: bool = False
    """Whether If-Match counts (PUT also knows If-None-Match)."""
    produces: tuple[str, ...] = ("application/json",)
    """Content types of the answer."""


@dataclass(frozen=True)
class Family:
    """Calls that belong together."""

    name: str
    about: str
    operations: tuple[Operation, ...]


def collection(path: str, what: str, *, by_post: bool = True) -> tuple[Operation, ...]:
    """Query and create at a collection."""
    query = Operation("GET", path, f"Query {what}", QUERY)
    if not by_post:
        return (query,)
    create = Operation(
        "POST",
        path,
        f"Create one of {what}",
        actions=("create",),
        body=OBJECT,
        body_required=True,
        answers=(201,),
    )
    return query, create


def instance(path: str, what: str, *, patch: bool = True) -> tuple[Operation, ...]:
    """Read, replace, delete and patch one object."""
    found = [
        Operation("GET", path, f"Read one of {what}"),
        Operation(
            "PUT",
            path,
            f"Create or replace one of {what}",
            body=OBJECT,
            body_required=True,
            answers=(200, 201),
            conditional=True,
        ),
        Operation("DELETE", path, f"Delete one of {what}", conditional=True),
    ]
    if patch:
        operations = {"type": "array", "items": {"$ref": "#/components/schemas/PatchOperation"}}
        found.append(
            Operation(
                "PATCH",
                path,
                f"Change members of one of {what}",
                body=operations,
                body_required=True,
                conditional=True,
            )
        )
    return tuple(found)


def act(path: str, summary: str, *actions: str, body: Json | None = None, **extra: str) -> Operation:
    """A POST with one of these actions; further query parameters by name."""
    return Operation("POST", path, summary, actions=actions, body=body or OBJECT, extra=extra)
