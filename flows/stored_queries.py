"""The queries of objects that clients of PingIDM know by name (`_queryId`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conf.errors import BadRequest
from conf.filters.ast import And, Comparison, Filter


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
        case "get-by-field-value" if {"field", "value"} <= parameters.keys():
            return Comparison((str(parameters["field"]),), "eq", str(parameters["value"]))
        case other:
            raise BadRequest(f"The passed identifier {other} does not match any configured queries")
