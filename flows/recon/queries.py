"""sourceQuery and targetQuery: what is in force, and how the status document shows it."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from conf.errors import BadRequest
from conf.filters import parse
from conf.filters.ast import Filter
from flows.stored_queries import stored_filter

Json = dict[str, Any]

NATIVE_FILTER = "nativeFilter"
"""Member of a query of a system that speaks a filter language of its own."""
ATTRIBUTES = "attributes"
"""Member of a query of a system: the attributes that are read."""
_FILTER = ("_queryFilter", "queryFilter")
_ID = ("_queryId", "queryId")
_EXPRESSION = ("_queryExpression", "queryExpression")
_OWN = frozenset({"resourceName", "queryFilter", "queryId", "_fields"})
_FULL = 3
"""An object with at least so many members beyond _id and _rev counts as complete."""


@dataclass(frozen=True)
class SideQuery:
    """One side's query: a resource, a filter or a named query, and the members asked for."""

    resource: str
    filter_text: str | None
    query_id: str | None
    fields: tuple[str, ...] | None
    parameters: Json

    @property
    def filter(self) -> Filter | None:
        """The filter compiled, or None for everything. Raises BadRequest where it is wrong."""
        if self.query_id is not None:
            return stored_filter(self.query_id, self.parameters)
        if self.filter_text is None or self.filter_text.strip().lower() == "true":
            return None
        return parse.parse(self.filter_text)

    @property
    def extra(self) -> Json:
        """What it says besides: parameters of a named query, or of a script that answers it."""
        return {name: value for name, value in self.parameters.items() if name not in _OWN}

    @property
    def key(self) -> str:
        """The same for queries that find the same."""
        return self.filter_text or repr(sorted(self.parameters.items(), key=itemgetter(0)))

    def check(self) -> None:
        """Raise BadRequest for a filter that cannot be read; a named query is its resource's to know."""
        if self.filter_text is not None:
            _ = parse.parse(self.filter_text)

    @property
    def is_complete(self) -> bool:
        """Whether it asks for every object of the resource."""
        if NATIVE_FILTER in self.parameters:
            return False
        if self.filter_text is not None:
            return self.filter_text.strip().lower() == "true"
        return self.query_id in ("query-all", "query-all-ids")

    def full_objects(self, configured: bool | None) -> bool:
        """Whether a result is the object itself; otherwise each object is read by its id."""
        if configured is not None:
            return configured
        if self.query_id == "query-all-ids":
            return False
        return self.fields is None or len([f for f in self.fields if f not in ("_id", "_rev")]) >= _FULL


def side_query(given: Json | None, container: str) -> SideQuery:
    """The query in force; without a kind of query it asks for all ids (PingIDM's default)."""
    found = dict(given or {})
    resource = found.pop("resourceName", None) or container
    if not isinstance(resource, str):
        raise BadRequest("resourceName: expected a text, such as managed/user")
    filter_text, query_id = _first(found, _FILTER), _first(found, _ID)
    if filter_text is not None and query_id is not None:
        raise BadRequest("_queryFilter and _queryId are mutually exclusive; keep one")
    if _first(found, _EXPRESSION) is not None:
        raise BadRequest(f"A query expression cannot be used on {resource}; use _queryFilter")
    raw_fields = found.pop("_fields", None)
    defaulted = filter_text is None and query_id is None
    if defaulted:
        filter_text, raw_fields = "true", raw_fields or "_id"
    fields = _fields(raw_fields)
    shown: Json = {"resourceName": resource}
    if filter_text is not None:
        shown["queryFilter"] = filter_text
    if query_id is not None:
        shown["queryId"] = query_id
    if raw_fields is not None:
        shown["_fields"] = raw_fields
    return SideQuery(resource, filter_text, query_id, fields, shown | found)


def _first(found: Json, names: tuple[str, ...]) -> str | None:
    values = [found.pop(name) for name in names if name in found]
    return str(values[0]) if values and values[0] is not None else None


def _fields(raw: Any) -> tuple[str, ...] | None:
    if raw is None or raw == "":
        return None
    parts = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise BadRequest("_fields: expected names with commas between, or a list of names")
    return tuple(part.strip().removeprefix("/") for part in parts)
