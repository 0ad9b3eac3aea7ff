"""Asks a web server how it is, without a client library: enough for health checks."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from urllib.parse import urlsplit


async def status_of(url: str, within: float = 3.0) -> int | None:
    """Status of a GET of this address, or None when nothing answered in time."""
    try:
        async with asyncio.timeout(within):
            return await _get(url)
    except (OSError, TimeoutError, ValueError, ssl.SSLError, asyncio.IncompleteReadError):
        return None


async def _get(url: str) -> int:
    address = urlsplit(url)
    secure = address.scheme == "https"
    port = address.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(address.hostname, port, ssl=secure or None)
    try:
        path = address.path or "/"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        line = await reader.readline()
    finally:
        writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()
    return int(line.split()[1]) if line.startswith(b"HTTP/") else 0
