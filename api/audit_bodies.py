"""What the audit says of a call and of a login, in the members that PingIDM gives these topics."""

from __future__ import annotations

import re
from typing import Any, Final

from starlette.requests import Request

from flows.call import Caller

Json = dict[str, Any]

_SECRET: Final = re.compile("password|secret|token|credential|cookie", re.IGNORECASE)
_HEADERS: Final = ("host", "user-agent", "accept-api-version", "content-type")


def access_body(
    request: Request, verb: str, action: str | None, status: int, seconds: float, roles: frozenset[str]
) -> Json:
    """One call below `/openidm`. Values of parameters that may hold a secret, and bodies, are left out."""
    client = request.client
    parameters = {
        name: [value if not _SECRET.search(name) else "***" for value in request.query_params.getlist(name)]
        for name in request.query_params
    }
    return {
        "client": {"ip": client.host, "port": client.port} if client else {},
        "request": {
            "protocol": "CREST",
            "operation": verb.upper() or None,
            "detail": {"action": action} if action else {},
        },
        "http": {
            "request": {
                "secure": request.url.scheme == "https",
                "method": request.method,
                "path": request.url.path,
                "queryParameters": parameters,
                "headers": {name: [request.headers[name]] for name in _HEADERS if name in request.headers},
            }
        },
        "response": {
            "status": "SUCCESSFUL" if status < 400 else "FAILED",
            "statusCode": str(status),
            "elapsedTime": round(seconds * 1000),
            "elapsedTimeUnits": "MILLISECONDS",
        },
        "roles": sorted(f"internal/role/{role}" for role in roles),
    }


def login_body(principal: str, module: str, address: str, *, caller: Caller | None, reason: str = "") -> Json:
    """A login that succeeded (`caller` is who it was) or failed."""
    result = "FAILED" if caller is None else "SUCCESSFUL"
    entry: Json = {"moduleId": module, "result": result, "info": {}}
    if reason:
        entry["reason"] = {"message": reason}
    context: Json = {"ipAddress": address}
    if caller is not None:
        context |= {
            "id": caller.resource_id or caller.id,
            "component": caller.component,
            "roles": sorted(f"internal/role/{role}" for role in caller.roles),
        }
    return {
        "eventName": "authentication",
        "result": result,
        "principal": [principal],
        "context": context,
        "entries": [entry],
        "method": module,
        "provider": None,
    }
