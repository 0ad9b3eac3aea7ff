"""Wakes reach live workers of the data folder, and only those who know the secret are heard."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

from flows.wake import WakeSocket, wake_by_files


async def test_every_worker_of_the_folder_hears_a_wake(tmp_path: Path) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    first = WakeSocket(tmp_path, "a", heard.put_nowait)
    second = WakeSocket(tmp_path, "b", heard.put_nowait)
    await first.open()
    await second.open()
    wake_by_files(tmp_path)("intent")
    async with asyncio.timeout(5):
        assert [await heard.get(), await heard.get()] == ["intent", "intent"]
    first.close()
    second.close()
    assert list(tmp_path.iterdir()) == []


async def test_a_wake_with_a_wrong_secret_is_ignored(tmp_path: Path) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    worker = WakeSocket(tmp_path, "a", heard.put_nowait)
    await worker.open()
    port = json.loads((tmp_path / "worker-a.json").read_text())["port"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for message in (b"guess run", b"", b"\xff\xfe" * 600, b" run"):
            sender.sendto(message, ("127.0.0.1", port))
    wake_by_files(tmp_path)("run")
    async with asyncio.timeout(5):
        assert await heard.get() == "run"
    assert heard.empty()
    worker.close()


def test_the_address_of_a_dead_worker_is_removed(tmp_path: Path) -> None:
    dead = tmp_path / "worker-dead.json"
    dead.write_text(json.dumps({"port": 9, "secret": "x", "pid": 2**30}))
    (tmp_path / "worker-broken.json").write_text("{")
    wake_by_files(tmp_path)("run")
    assert not dead.exists()


async def test_the_address_is_for_our_eyes_only(tmp_path: Path) -> None:
    worker = WakeSocket(tmp_path, "a", lambda _what: None)
    await worker.open()
    assert (tmp_path / "worker-a.json").stat().st_mode & 0o777 == 0o600
    worker.close()
