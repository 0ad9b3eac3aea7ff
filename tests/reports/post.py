"""A mail server and a channel, on free ports of this machine, that keep what they are given."""

from __future__ import annotations

import asyncio
import email
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests import certificates


@dataclass
class Post:
    """What arrived, and what is refused."""

    mails: list[EmailMessage] = field(default_factory=list)
    refused: int = 0
    """How many mails to refuse, for the time being."""
    unknown: set[str] = field(default_factory=set)
    """Addresses that are not known here."""
    port: int = 0

    async def handle_RCPT(  # noqa: N802 - named by the library
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.unknown:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refused:
            self.refused -= 1
            return "451 try again later"
        mail = email.message_from_bytes(envelope.content or b"", policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@asynccontextmanager
async def post_office(*, password: str | None = None, tls: Path | None = None) -> AsyncIterator[Post]:
    """A mail server; with a folder of certificates only by StartTLS, with a password (and those) only for `recon`."""
    post = Post()
    options: dict[str, Any] = {}
    if tls is not None:
        certificates.write(tls)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "server.pem", tls / "server.key")
        options |= {"tls_context": context, "require_starttls": True}
    if password is not None:

        def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
            known = isinstance(given, LoginPassword) and given.password == password.encode()
            return AuthResult(success=known, handled=False)

        options |= {"authenticator": check, "auth_required": True}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(post, loop=loop, **options), "127.0.0.1", 0)
    post.port = server.sockets[0].getsockname()[1]
    try:
        yield post
    finally:
        server.close()


@asynccontextmanager
async def channel(status: int = 200) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """A web hook: its Apprise address, and what it was told."""
    told: list[dict[str, Any]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.partition(":")[2])
            for line in head.splitlines()
            if line.lower().startswith("content-length")
        )
        told.append(json.loads(await reader.readexactly(length)))
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"json://127.0.0.1:{port}/secret-token", told
    finally:
        server.close()
