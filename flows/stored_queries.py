"""What a query asks for: by filter, or by a name that clients of PingIDM know (`_queryId`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from conf.errors import BadRequest, Forbidden
from conf.filters.ast import And, Comparison, Filter
from conf.filters.parse import parse

if TYPE_CHECKING:
    from flows.router import Query


def filter_of(query: Query) -> Filter | None:
    """The filter that a query comes to, None for everything; Forbidden for an expression of the database's own."""
    if query.expression is not None:
        raise Forbidden("Access denied")
    if query.filter is not None:
        return parse(query.filter)
    return None if query.query_id is None else stored_filter(query.query_id, query.parameters)


def stored_filter(query_id: str, parameters: Mapping[str, Any]) -> Filter | None:
    """The filter behind a name, None for everything; BadRequest for a name, or a lack of parameters, of no query."""
    match query_id:
        case "query-all" | "query-all-ids":
            return None
        case "for-userName" if "uid" in parameters:
            return Comparison(("userName",), "eq", str(parameters["uid"]))
        case "credential-query" if "username" in parameters:
            name = Comparison(("userName",), "eq", str(parameters["username"]))
            return And((name, Comparison(("accountStatus",), "eq", "active")))
        case "credential-internaluser-query" if "username" in parameters:
            return Comparison(("_id",), "eq", str(parameters["username"]))
        case "get-by-field-value" if {"field", "value"} <= parameters.keys():
            return Comparison((str(parameters["field"]),), "eq", str(parameters["value"]))
        case other:
            raise BadRequest(f"The passed identifier {other} does not match any configured queries")
