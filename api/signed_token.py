"""A bearer token taken apart: a JSON Web Token in its compact form, read strictly before anything of it is believed.

Other readers take the last of two equal members, skip strange letters or follow addresses in the header. Here whatever
two readers might read differently is refused.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry

LONGEST: Final = 16_384
_PART: Final = re.compile(r"[A-Za-z0-9_-]+")
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_LONGEST_KEY_ID: Final = 512


class Refused(Exception):
    """A token that does not count; the message is for the log, never for the caller."""


@dataclass(frozen=True)
class SignedToken:
    """What a token says. Nothing of it is true before `verify`."""

    algorithm: str
    key_id: str | None
    claims: dict[str, Any]
    _signed: bytes
    _signature: bytes

    @property
    def issuer(self) -> str:
        found = self.claims.get("iss")
        return found if isinstance(found, str) else ""

    def verify(self, key: Key) -> None:
        """Return when the key made the signature; Refused otherwise."""
        algorithm = JWSRegistry.algorithms[self.algorithm]
        try:
            algorithm.check_key(key)
            is_good = algorithm.verify(self._signed, self._signature, key)
        except (JoseError, ValueError, TypeError) as error:
            raise Refused(f"the key does not fit: {error}") from None
        if not is_good:
            raise Refused("wrong signature")


def parse(text: str, algorithms: frozenset[str]) -> SignedToken:
    """Take a token apart; only signatures of these algorithms, and nothing that its issuer calls critical."""
    if len(text) > LONGEST:
        raise Refused(f"longer than {LONGEST} characters")
    parts = text.split(".")
    if len(parts) != 3:
        raise Refused("not three parts")
    header, claims = _object(parts[0]), _object(parts[1])
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise Refused("an algorithm that is not in force")
    if "crit" in header or "b64" in header or header.get("zip", "NONE") != "NONE":
        raise Refused("a header that asks for more than is offered")
    if str(header.get("typ", "JWT")).lower() not in _TYPES or "cty" in header or "enc" in header:
        raise Refused("another kind of token")
    if key_id is not None and not (isinstance(key_id, str) and 0 < len(key_id) <= _LONGEST_KEY_ID):
        raise Refused("a key id that is none")
    return SignedToken(algorithm, key_id, claims, f"{parts[0]}.{parts[1]}".encode(), _decode(parts[2]))


def _decode(part: str) -> bytes:
    """Base64url without padding, in the one way in which these bytes are written."""
    if not _PART.fullmatch(part):
        raise Refused("not base64url")
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        raise Refused("not base64url") from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise Refused("base64url with bits left over")
    return raw


def _object(part: str) -> dict[str, Any]:
    try:
        value = json.loads(_decode(part).decode(), object_pairs_hook=_unique, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused("not JSON") from None
    if not isinstance(value, dict):
        raise Refused("not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused("a member stands twice")
    return found


def _no_number(text: str) -> NoReturn:
    raise Refused(f"{text} is no number")
