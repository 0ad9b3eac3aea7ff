"""A server that hangs is started again; one of somebody else is never taken for ours."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from pathlib import Path

import pytest

from api.child import Child, Program
from api.liveness import end_when_silent
from api.ports import free_port, listen
from api.supervisor import PortLost, build
from conf.settings import Settings
from flows.reachable import status_of

#: answers one call, then hangs when a file tells it to
SERVER = """
import pathlib, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        while pathlib.Path(sys.argv[2]).exists():
            time.sleep(0.1)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass

HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""


async def answers(url: str) -> None:
    async with asyncio.timeout(30):
        while await status_of(url) != 200:
            await asyncio.sleep(0.05)


@pytest.mark.long
async def test_a_server_that_hangs_is_ended_and_started_again(tmp_path: Path) -> None:
    port, hang = free_port(0), tmp_path / "hang"
    url = f"http://127.0.0.1:{port}/"
    program = Program(
        "it", (sys.executable, "-c", SERVER, str(port), str(hang)), {}, ((signal.SIGTERM, 1.0),)
    )
    child = Child(program)
    await child.start()
    watch = asyncio.create_task(end_when_silent(child, url, look_seconds=0.1, answer_seconds=0.5))
    try:
        await answers(url)
        await asyncio.sleep(1)
        first = child.pid
        assert child.restarts == 0
        hang.touch()
        async with asyncio.timeout(30):
            while child.pid == first:
                await asyncio.sleep(0.05)
        hang.unlink()
        await answers(url)
        assert child.restarts == 1
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        await child.stop(at_once=True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
async def test_a_port_that_somebody_else_took_meanwhile_is_given_up(tmp_path: Path) -> None:
    port = free_port(0)
    settings = Settings(project=tmp_path, data=tmp_path, executor="prefect", prefect_port=port)
    with listen("127.0.0.1", 0) as listener:
        supervisor = build(settings, listener, 1)
        assert supervisor.prefect is not None
        supervisor.refuse_a_stranger(supervisor.prefect)
        with socket.create_server(("127.0.0.1", port)), pytest.raises(PortLost, match=f"Port {port}"):
            supervisor.refuse_a_stranger(supervisor.prefect)
