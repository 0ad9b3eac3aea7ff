"""Calls that a server which stops cannot wait for: their callers are told to come again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from api.rest.reply import refusal
from conf.errors import Unavailable

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


def tell_who_is_cut_short(app: ASGIApp) -> ASGIApp:
    """The application, answering 503 to a call that the web server cancels at its end, where it had no answer yet.

    What the call had begun in a transaction is undone; what it had asked for and was kept goes on without it.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await app(scope, receive, note)
        except asyncio.CancelledError:
            if scope["type"] != "http" or begun:
                raise
            response = refusal(Unavailable("The server is shutting down; try again in a moment"))
            await response(scope, receive, send)

    return answer
