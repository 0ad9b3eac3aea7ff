"""`authentication`: log in and out, show a password again. Sessions and passwords are the edge's business."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from conf.errors import BadRequest
from flows.managed_view import is_external
from flows.resources.info import login_document
from flows.router import Resource

if TYPE_CHECKING:
    from flows.call import Call


class Authentication(Resource):
    """The caller has shown who he is before he comes here."""

    async def action(
        self,
        call: Call,
        parts: Mapping[str, str],
        id: str | None,
        name: str,
        content: Any,
        parameters: Mapping[str, str],
    ) -> Any:
        if id is None and name == "login":
            return login_document(call.caller)
        if id is None and name == "logout":
            return {}
        if id is None and name == "reauthenticate" and is_external(call):
            return {"reauthenticated": True}
        raise BadRequest(
            f"Action {name} on authentication not supported; offered: login, logout, reauthenticate"
        )
