"""The key of the command line on this machine: a file of mode 0600 in the data folder.

Who can read the file may act as openidm-admin from loopback; the audit names the user of the operating system.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import re
import secrets
from pathlib import Path
from typing import Final

from flows.call import Caller

FILE: Final = "cli-token"
SCHEME: Final = "recon-cli"
_USER: Final = re.compile(r"[A-Za-z0-9._@\\-]{1,64}")


def create(data: Path) -> str:
    """The token in force; made when there is none, so that several servers on one folder share it."""
    file = data / FILE
    data.mkdir(parents=True, exist_ok=True)
    draft = data / f"{FILE}.{os.getpid()}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as opened:
        opened.write(secrets.token_hex(32))
    try:
        os.link(draft, file)
    except FileExistsError:
        file.chmod(0o600)
    finally:
        draft.unlink(missing_ok=True)
    return read(data) or ""


def read(data: Path) -> str | None:
    """The token, as the command line reads it; None where no server has made one."""
    try:
        return (data / FILE).read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def caller_of(credential: str, token: str, user: str | None, address: str) -> Caller | None:
    """The caller behind `recon-cli <token>`, or None when the token is wrong or comes from elsewhere."""
    scheme, _, given = credential.partition(" ")
    if scheme != SCHEME or not token or not hmac.compare_digest(given.strip().encode(), token.encode()):
        return None
    if not _is_loopback(address):
        return None
    name = user if user and _USER.fullmatch(user) else "unknown"
    return Caller(
        id=f"cli:{name}",
        component="internal/user",
        resource_id="openidm-admin",
        roles=frozenset({"openidm-admin", "openidm-authorized"}),
        via="cli",
        address=address,
        module="CLI_TOKEN",
    )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
