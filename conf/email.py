"""The mail server: `conf/external.email.json`, in PingIDM's shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from conf.document import Node
from conf.substitution import is_open

ID: Final = "external.email"
SMTP_PORT: Final = 25
SMTPS_PORT: Final = 465
SUBMISSION_PORT: Final = 587


@dataclass(frozen=True)
class EmailConfig:
    """Where mail is handed over, as whom, and how the connection is protected."""

    host: str
    port: int
    sender: str
    """The address that mails come from, when they name none themselves."""
    username: str | None = None
    password: str | None = None
    starttls: bool = False
    """Turn a plain connection into an encrypted one; a server that cannot is not given the mail."""
    ssl: bool = False
    """Encrypted from the first byte."""
    timeout_seconds: float = 30.0


def read_email(root: Node) -> EmailConfig | None:
    """The mail server of a document with everything put in place; None when there is none or it is wrong."""
    if not root.value or not root.is_object():
        return None
    known = len(root.reading.problems)
    ssl, starttls = _enabled(root, "ssl"), _enabled(root, "starttls")
    if ssl and starttls:
        root.child("starttls").problem("ssl encrypts from the first byte; starttls cannot be enabled too")
    auth = root.child("auth")
    username = password = None
    if _enabled(root, "auth"):
        username = auth.text("username", required=True)
        password = auth.text("password", required=True)
        if is_open(password):
            auth.child("password").problem(f"{password} is not set in the environment or in boot.properties")
    found = EmailConfig(
        host=root.text("host", required=True),
        port=root.number("port", SMTPS_PORT if ssl else SUBMISSION_PORT if starttls else SMTP_PORT, least=1),
        sender=root.text("from", required=True),
        username=username,
        password=password,
        starttls=starttls,
        ssl=ssl,
        timeout_seconds=min(root.number("timeout", 30_000, least=1), 300_000) / 1000,
    )
    if found.port > 65535:
        root.child("port").problem(f"{found.port} is not a port; at most 65535")
    if "@" not in found.sender and found.sender:
        root.child("from").problem(f"'{found.sender}' is not a mail address")
    return found if len(root.reading.problems) == known else None


def _enabled(root: Node, name: str) -> bool:
    """PingIDM writes `{"enable": true}`; a bare true is taken too."""
    child = root.child(name)
    if child.value is None or isinstance(child.value, bool):
        return bool(child.value)
    return child.flag("enable", False) if child.is_object() else False
