"""Values that scripts encrypt and hash (`openidm.encrypt`, `openidm.hash`), in PingIDM's `$crypto` form.

The key is that of the installation, so what was encrypted on one server cannot be read on another.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson

from conf.errors import BadRequest
from flows.store.passwords import hash_password, verify_password

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Json = dict[str, Any]

ENCRYPTED: Final = "x-simple-encryption"
HASHED: Final = "salted-hash"
CIPHER: Final = "AES/GCM/NoPadding"
ALIAS: Final = "openidm-sym-default"
ARGON2: Final = "ARGON2ID"
_DIGESTS: Final = {"SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12


class SealedValues:
    """Encrypts and decrypts with one installation's key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def encrypt(self, value: Any, cipher: Any = None, alias: Any = None) -> Json:
        """Any JSON value, encrypted. Every AES cipher that is asked for comes out as the authenticated one."""
        if not isinstance(cipher, str | None) or (cipher and not cipher.upper().startswith("AES")):
            raise BadRequest(
                f"openidm.encrypt: there is no cipher '{cipher}'; leave it out, or name {CIPHER}"
            )
        if not isinstance(alias, str | None):
            raise BadRequest("openidm.encrypt: the alias of a key is a text")
        name = alias or ALIAS
        nonce = secrets.token_bytes(_NONCE_BYTES)
        data = self._aes(name).encrypt(nonce, orjson.dumps(value), name.encode())
        sealed = {"cipher": CIPHER, "stableId": name, "data": _text(data), "iv": _text(nonce)}
        return {"$crypto": {"type": ENCRYPTED, "value": sealed}}

    def decrypt(self, value: Any) -> Any:
        """What was encrypted; a value that is not encrypted as it is. BadRequest for what another key encrypted."""
        if not is_encrypted(value):
            return value
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as below

        found = _crypto(value)["value"]
        try:
            name = found["stableId"]
            plain = self._aes(name).decrypt(_bytes(found["iv"]), _bytes(found["data"]), name.encode())
            return orjson.loads(plain)
        except (InvalidTag, KeyError, TypeError, AttributeError, ValueError):
            raise BadRequest(
                "This value was encrypted with the key of another installation and cannot be read here"
            ) from None

    def _aes(self, alias: str) -> AESGCM:
        # loaded by those who encrypt, and not by every server at its start
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

        derived = HKDF(SHA256(), 32, salt=None, info=b"openidm.encrypt " + alias.encode()).derive(self._key)
        return AESGCM(derived)


def hashed(value: Any, algorithm: Any = None) -> Json:
    """A salted hash of a JSON value; argon2id unless SHA-256, SHA-384 or SHA-512 is asked for. Argon2 takes 20 ms."""
    if is_hashed(value):
        return dict(value)
    if algorithm is None or algorithm == ARGON2:
        return _hash_of(ARGON2, hash_password(_plain(value)))
    if not isinstance(algorithm, str) or algorithm not in _DIGESTS:
        raise BadRequest(
            f"openidm.hash: there is no algorithm '{algorithm}'; there are {', '.join((ARGON2, *_DIGESTS))}"
        )
    salt = secrets.token_bytes(_SALT_BYTES)
    return _hash_of(algorithm, _text(_digest(algorithm, value, salt) + salt))


def matches(plain: Any, value: Any) -> bool:
    """Whether a hash is that of this value."""
    if not is_hashed(value):
        raise BadRequest("openidm.matches takes a text and a hashed value")
    found = _crypto(value)["value"]
    algorithm, data = found.get("algorithm"), found.get("data")
    if algorithm == ARGON2:
        return verify_password(str(data), _plain(plain))
    if not isinstance(algorithm, str) or algorithm not in _DIGESTS:
        return False
    try:
        known = _bytes(str(data))
    except ValueError:
        return False
    digest, salt = known[:-_SALT_BYTES], known[-_SALT_BYTES:]
    return hmac.compare_digest(digest, _digest(algorithm, plain, salt))


def is_encrypted(value: Any) -> bool:
    """Whether a value is in the form that `encrypt` answers."""
    return _crypto(value).get("type") == ENCRYPTED and isinstance(_crypto(value).get("value"), dict)


def is_hashed(value: Any) -> bool:
    """Whether a value is in the form that `hashed` answers."""
    return _crypto(value).get("type") == HASHED and isinstance(_crypto(value).get("value"), dict)


def _crypto(value: Any) -> Mapping[str, Any]:
    found = value.get("$crypto") if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _hash_of(algorithm: str, data: str) -> Json:
    return {"$crypto": {"type": HASHED, "value": {"algorithm": algorithm, "data": data}}}


def _digest(algorithm: str, value: Any, salt: bytes) -> bytes:
    return hashlib.new(_DIGESTS[algorithm], _plain(value).encode() + salt).digest()


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except NotBase64 as error:
        raise ValueError(str(error)) from error
