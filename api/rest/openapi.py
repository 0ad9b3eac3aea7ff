"""The OpenAPI document's details of a documented call."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, Final

from api.rest.operations import RESERVED, Operation

Json = dict[str, Any]

_ERRORS: Final = (400, 401, 403, 404, 409, 412, 413, 501, 503)
_NAMES: Final = re.compile(r"\{(\w+)\}")

SCHEMAS: Final[Json] = {
    "Error": {
        "type": "object",
        "required": ["code", "reason", "message"],
        "properties": {
            "code": {"type": "integer"},
            "reason": {"type": "string"},
            "message": {
                "type": "string",
                "description": "What is wrong, where, and what to do, in a sentence",
            },
            "detail": {},
        },
    },
    "PatchOperation": {
        "type": "object",
        "required": ["operation", "field"],
        "properties": {
            "operation": {
                "type": "string",
                "enum": ["add", "remove", "replace", "increment", "move", "copy", "transform"],
            },
            "field": {"type": "string", "description": "JSON pointer"},
            "from": {"type": "string", "description": "JSON pointer, for copy and move"},
            "value": {},
        },
    },
    "QueryAnswer": {
        "type": "object",
        "required": ["result", "resultCount", "totalPagedResults"],
        "properties": {
            "result": {"type": "array", "items": {"type": "object"}},
            "resultCount": {"type": "integer"},
            "pagedResultsCookie": {"type": ["string", "null"]},
            "totalPagedResultsPolicy": {"type": "string"},
            "totalPagedResults": {"type": "integer"},
            "remainingPagedResults": {"type": "integer"},
        },
    },
}

SECURITY: Final[Json] = {
    "name": {"type": "apiKey", "in": "header", "name": "X-OpenIDM-Username"},
    "password": {"type": "apiKey", "in": "header", "name": "X-OpenIDM-Password"},
    "basic": {"type": "http", "scheme": "basic"},
    "session": {"type": "apiKey", "in": "cookie", "name": "session-jwt"},
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}


def operation_id(operation: Operation, number: int) -> str:
    """A name that no other operation has."""
    words = re.sub(r"\W+", "_", operation.path).strip("_")
    return f"{operation.method.lower()}_{words}_{number}"


def details(operation: Operation) -> Json:
    """What FastAPI cannot know, because one function answers every call."""
    found: Json = {
        "parameters": _parameters(operation),
        "security": [{"name": [], "password": []}, {"basic": []}, {"session": []}, {"bearer": []}],
    }
    if operation.path == "/info/ping":
        found["security"] = [{}]
    if operation.body is not None:
        found["requestBody"] = {
            "required": operation.body_required,
            "content": {"application/json": {"schema": operation.body}},
        }
    return found


def _parameters(operation: Operation) -> list[Json]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _NAMES.findall(operation.path)
    ]
    for name in operation.reserved:
        schema, about = RESERVED[name]
        found.append({"name": name, "in": "query", "schema": schema, "description": about})
    if operation.actions:
        known = {"type": "string", "enum": list(operation.actions)}
        found.append(
            {"name": "_action", "in": "query", "required": operation.actions != ("create",), "schema": known}
        )
    for name, about in (operation.extra or {}).items():
        found.append({"name": name, "in": "query", "schema": {"type": "string"}, "description": about})
    if operation.conditional:
        found.append(_header("If-Match", "Revision that the object must have, or `*`"))
        if operation.method == "PUT":
            found.append(_header("If-None-Match", "`*`: create only"))
    version = {"type": "string", "enum": ["resource=1.0", "protocol=2.1,resource=1.0"]}
    found.append({**_header("Accept-API-Version", "Version of the interface"), "schema": version})
    return found


def _header(name: str, about: str) -> Json:
    return {"name": name, "in": "header", "schema": {"type": "string"}, "description": about}


def responses(operation: Operation) -> dict[int | str, Json]:
    """The statuses of a call, errors included."""
    is_query = "_queryFilter" in operation.reserved and not operation.answers_anything
    schema: Json = {"$ref": "#/components/schemas/QueryAnswer"} if is_query else {}
    found: dict[int | str, Json] = {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {kind: {"schema": schema} for kind in operation.produces},
        }
        for status in operation.answers
    }
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    found |= {status: {"description": HTTPStatus(status).phrase, "content": error} for status in _ERRORS}
    return found
