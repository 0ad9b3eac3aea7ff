"""The key of this installation, a file of mode 0600 in the data folder, and the tokens signed with it.

Who can read the file may do everything, as with the key of the command line. Delete it, and no token that was signed
with it counts any longer.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64encode

from conf.bearer import BearerIssuer
from conf.errors import ConfigError

FILE: Final = "token-key.json"
ALGORITHM: Final = "EdDSA"
ROLES_CLAIM: Final = "roles"
AUDIENCE: Final = "recon"


@dataclass(frozen=True)
class InstallationKey:
    """Signs tokens, and tells which issuer they name."""

    key: OKPKey = field(repr=False)

    @property
    def id(self) -> str:
        return self.key.thumbprint()

    @property
    def issuer(self) -> str:
        """This installation, as no other one is called."""
        return f"urn:recon:{self.id}"

    def trust(self, revoked: frozenset[str] = frozenset()) -> BearerIssuer:
        """What its tokens must say; the roles they name are granted as they stand."""
        return BearerIssuer(
            issuer=self.issuer,
            audiences=frozenset({AUDIENCE}),
            algorithms=frozenset({ALGORITHM}),
            leeway_seconds=0,
            scope_roles={},
            revoked=revoked,
        )

    def sign(self, subject: str, roles: Iterable[str], seconds: int, now: int) -> str:
        """A token for this subject."""
        claims = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": subject,
            ROLES_CLAIM: sorted(roles),
            "iat": now,
            "exp": now + seconds,
            "jti": secrets.token_hex(16),
        }
        header = {"alg": ALGORITHM, "kid": self.id, "typ": "JWT"}
        signed = b".".join(urlsafe_b64encode(orjson.dumps(part)) for part in (header, claims))
        signature = JWSRegistry.algorithms[ALGORITHM].sign(signed, self.key)
        return b".".join((signed, urlsafe_b64encode(signature))).decode()


def own_roles(claims: Mapping[str, Any]) -> frozenset[str]:
    """Roles that a token of this installation names."""
    given = claims.get(ROLES_CLAIM)
    return (
        frozenset(role for role in given if isinstance(role, str)) if isinstance(given, list) else frozenset()
    )


def create(data: Path) -> InstallationKey:
    """The key in force; made when there is none."""
    file = data / FILE
    data.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        draft = data / f"{FILE}.{os.getpid()}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as opened:
            json.dump(OKPKey.generate_key("Ed25519").as_dict(private=True), opened)
            opened.flush()
            os.fsync(opened.fileno())
        try:
            os.link(draft, file)
        except FileExistsError:
            pass  # another one was quicker, and his counts
        finally:
            draft.unlink(missing_ok=True)
    found = read(data)
    if found is None:
        raise ConfigError(f"{file} holds no key; delete it, and a new one is made")
    return found


def read(data: Path) -> InstallationKey | None:
    """The key in force, None where none has been made."""
    file = data / FILE
    try:
        key = OKPKey.import_key(json.loads(file.read_text(encoding="ascii")))
    except (OSError, ValueError, TypeError, KeyError, JoseError):
        return None
    return InstallationKey(key) if key.is_private and key.curve_name == "Ed25519" else None


class KeyFile:
    """The key as the server sees it: read again when the file changes, as it may be made while the server runs."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._seen: tuple[int, int, int] | None = None
        self._key: InstallationKey | None = None

    def key(self) -> InstallationKey | None:
        """The key in force, None while there is none."""
        try:
            told = (self._data / FILE).stat()
        except OSError:
            self._seen = self._key = None
            return None
        seen = (told.st_ino, told.st_mtime_ns, told.st_size)
        if seen != self._seen:
            self._seen, self._key = seen, read(self._data)
        return self._key
