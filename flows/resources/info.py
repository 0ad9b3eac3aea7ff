"""`info/*`: whether the server is ready, who is calling, which version this is."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from conf.errors import NotFound
from flows.router import Json, Resource

if TYPE_CHECKING:
    from flows.call import Call, Caller


class Info(Resource):
    """Reads only."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        match id:
            case "ping":
                return {"_id": "", "shortDesc": "OpenIDM ready", "state": "ACTIVE_READY"}
            case "login":
                return login_document(call.caller)
            case "version":
                return {"_id": "", "productVersion": _version(), "productRevision": "reconvene"}
        raise NotFound(
            f"Resource 'info/{id or ''}' not found; there are info/ping, info/login and info/version"
        )


def login_document(caller: Caller) -> Json:
    """Who is calling, as PingIDM's clients read it."""
    return {
        "_id": "login",
        "authenticationId": caller.id,
        "authorization": {
            "id": caller.resource_id or caller.id,
            "component": caller.component,
            "roles": sorted(caller.roles),
            "ipAddress": caller.address,
            "moduleId": caller.module,
        },
    }


def _version() -> str:
    try:
        return version("reconvene")
    except PackageNotFoundError:
        return "0.0.0"
