"""A web server that stops while calls wait: each gets an answer that its caller understands."""

from __future__ import annotations

import asyncio
import socket

import httpx2
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from api.cut_short import tell_who_is_cut_short


def waiting(arrived: asyncio.Event) -> ASGIApp:
    """Answers nobody."""

    async def application(_scope: Scope, _receive: Receive, _send: Send) -> None:
        arrived.set()
        await asyncio.Event().wait()

    return application


async def test_a_call_that_is_still_waiting_when_the_server_ends_is_told_to_come_again() -> None:
    arrived = asyncio.Event()
    config = uvicorn.Config(
        tell_who_is_cut_short(waiting(arrived)), lifespan="off", log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        async with httpx2.AsyncClient() as client:
            port = listener.getsockname()[1]
            calling = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/openidm/info/ping"))
            await arrived.wait()
            server.should_exit = True
            answer = await calling
        await serving
    assert answer.status_code == 503
    told = answer.json()
    assert (told["code"], told["reason"]) == (503, "Service Unavailable")
    assert "shutting down" in told["message"]
