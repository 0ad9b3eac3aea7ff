"""`authentication`: log in and out. The session itself is the edge's business, which sets the cookie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from conf.errors import BadRequest
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
        raise BadRequest(f"Action {name} on authentication not supported; offered: login, logout")
