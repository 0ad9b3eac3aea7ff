"""Handing a message over: to a mail server, or to a channel that Apprise knows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

import aiosmtplib

from flows.reports.messages import Message

if TYPE_CHECKING:
    from conf.email import EmailConfig

CHANNEL_SECONDS: Final = 60.0


class NotDelivered(Exception):
    """A message was not taken; the text says why, and holds no secret."""


async def send_mail(server: EmailConfig, to: str, message: Message, id: str, at: int) -> None:
    """Hand a mail over; `id` makes its Message-ID, so that one sent twice is known again.

    Raises NotDelivered.
    """
    with _told(server, to):
        mail = _mail(server.sender, to, message, id, at)
        async with _client(server) as client:
            await client.send_message(mail)


async def try_server(server: EmailConfig) -> None:
    """Connect and log in, and send nothing; raises NotDelivered."""
    with _told(server, "nobody"):
        async with _client(server):
            pass


def _client(server: EmailConfig) -> aiosmtplib.SMTP:
    """Connects, encrypts and logs in when it is entered."""
    return aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.username,
        password=server.password,
        use_tls=server.ssl,
        start_tls=server.starttls,
        timeout=server.timeout_seconds,
    )


@contextmanager
def _told(server: EmailConfig, to: str) -> Iterator[None]:
    """Errors as NotDelivered, with the server's name."""
    try:
        yield
    except aiosmtplib.SMTPRecipientsRefused as failure:
        told = ", ".join(each.message for each in failure.recipients)
        raise NotDelivered(f"{server.host} takes no mail for {to}: {told}") from failure
    except (aiosmtplib.SMTPException, OSError, ValueError, MessageError) as failure:
        raise NotDelivered(f"{server.host}:{server.port}: {_sentence(failure)}") from failure


def _mail(sender: str, to: str, message: Message, id: str, at: int) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = message.subject
    mail["From"] = sender
    mail["To"] = to
    mail["Date"] = format_datetime(datetime.fromtimestamp(at / 1000, UTC))
    mail["Message-ID"] = f"<{id}@{sender.rpartition('@')[2].strip('<> ')}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    return mail


def _sentence(failure: Exception) -> str:
    return " ".join(str(failure).split())[:500] or type(failure).__name__


async def send_channel(address: str, message: Message) -> None:
    """Tell a channel; raises NotDelivered. The address holds secrets and is not named."""
    try:
        # takes half a second to import, and is an extra
        from apprise import Apprise, NotifyFormat  # noqa: PLC0415
    except ImportError as failure:
        raise NotDelivered("channels need the extra 'notify': pip install 'reconvene[notify]'") from failure
    channel = Apprise()
    try:
        if not channel.add(address):
            raise NotDelivered(f"{kind_of(address)} is not the address of a channel that Apprise knows")
        async with asyncio.timeout(CHANNEL_SECONDS):
            taken = await channel.async_notify(
                title=message.subject, body=message.text, body_format=NotifyFormat.TEXT
            )
    except NotDelivered:
        raise
    except TimeoutError as failure:
        raise NotDelivered(f"{kind_of(address)} did not answer within {CHANNEL_SECONDS:.0f} s") from failure
    except Exception as failure:
        raise NotDelivered(f"{kind_of(address)} failed: {type(failure).__name__}") from failure
    if not taken:
        raise NotDelivered(f"{kind_of(address)} did not take the message")


def kind_of(address: str) -> str:
    """A channel's address without its secrets."""
    return f"{address.partition('://')[0]}://…"
