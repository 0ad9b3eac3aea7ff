"""Name and password as a request carries them: `X-OpenIDM-*` headers or Basic."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.requests import Request

from conf.errors import Unauthorized

_EXTENDED: Final = re.compile(r"(utf-8|iso-8859-1)'[^']*'(.*)", re.IGNORECASE | re.DOTALL)
_LONGEST: Final = 1024


@dataclass(frozen=True)
class Credentials:
    """A claim to be somebody."""

    name: str
    password: str = field(repr=False)


def denied() -> Unauthorized:
    """The one answer to every failed claim, whatever was wrong with it."""
    return Unauthorized("Access Denied")


def read(request: Request) -> Credentials | None:
    """The credentials of a request, None when it has none; malformed ones are refused."""
    if "x-openidm-username" in request.headers:
        return _checked(_header(request, "x-openidm-username"), _header(request, "x-openidm-password"))
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        plain = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise denied() from None
    name, colon, password = _decode(plain).partition(":")
    if not colon:
        raise denied()
    return _checked(name, password)


def _checked(name: str, password: str) -> Credentials:
    if not name or not password or len(name) > _LONGEST or len(password) > _LONGEST:
        raise denied()
    if any(ord(letter) < 32 for letter in name + password):
        raise denied()
    return Credentials(name, password)


def extended_header(request: Request, name: str) -> str:
    """The value of a header that may be there once; empty when it is not."""
    return _header(request, name) if name in request.headers else ""


def _header(request: Request, name: str) -> str:
    """A header as text: `UTF-8''Passw%C2%A3rd` (RFC 5987), UTF-8 or Latin-1 as they come."""
    values = request.headers.getlist(name)
    if len(values) != 1:
        raise denied()
    text = _decode(values[0].encode("latin-1", "replace"))
    if (extended := _EXTENDED.fullmatch(text)) is None:
        return text
    try:
        return unquote_to_bytes(extended[2]).decode(extended[1].lower())
    except UnicodeDecodeError:
        raise denied() from None


def _decode(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
