"""Keys of an OpenID Connect issuer: found by discovery, fetched once, and again when a token names one that is new.

A key is chosen by the id in a token and by nothing else of it: no address, certificate or key in a header counts. Who
sends tokens with invented key ids causes one look at the issuer in thirty seconds, not one for each.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

from conf.bearer import BearerIssuer, is_safe_address
from conf.errors import Unavailable

_LOG = logging.getLogger(__name__)
_FRESH_SECONDS: Final = 600.0
_BETWEEN_SECONDS: Final = 30.0
_AFTER_FAILURE_SECONDS: Final = 5.0
_USABLE_SECONDS: Final = 86_400.0
"""How long keys count when the issuer cannot be reached any more."""
_ANSWER_SECONDS: Final = 5.0
_LARGEST: Final = 512_000
_MOST_KEYS: Final = 100
_SHORTEST_MODULUS: Final = 342
"""Letters of 2048 bits."""
_CURVES: Final[Mapping[str, str]] = {
    "ES256": "P-256",
    "ES384": "P-384",
    "ES512": "P-521",
    "EdDSA": "Ed25519",
}


def open_client() -> httpx2.AsyncClient:
    """A client that goes where it is told and nowhere else: no redirects, no proxies of the environment."""
    return httpx2.AsyncClient(timeout=_ANSWER_SECONDS, follow_redirects=False, trust_env=False)


@dataclass
class IssuerKeys:
    """The keys of one issuer, as far as they are known."""

    issuer: BearerIssuer
    open: Callable[[], httpx2.AsyncClient] = open_client
    clock: Callable[[], float] = time.monotonic
    _keys: tuple[Key, ...] = ()
    _fetched: float = float("-inf")
    _next: float = float("-inf")
    """Not before then is the issuer asked again."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def find(self, key_id: str | None, algorithm: str) -> Key | None:
        """The key of that id for that algorithm; None when the issuer has none; Unavailable when it is not reached."""
        found = choose(self._keys, key_id, algorithm)
        if self._is_due(found is None):
            async with self._lock:  # those who came meanwhile find it done
                if self._is_due(choose(self._keys, key_id, algorithm) is None):
                    await self._refresh()
            found = choose(self._keys, key_id, algorithm)
        if self.clock() - self._fetched > _USABLE_SECONDS:
            raise Unavailable(
                f"The keys of the issuer {self.issuer.issuer} cannot be fetched; try again later"
            )
        return found

    def _is_due(self, is_unknown: bool) -> bool:
        now = self.clock()
        return now >= self._next and (is_unknown or now - self._fetched >= _FRESH_SECONDS)

    async def _refresh(self) -> None:
        try:
            client = await asyncio.to_thread(
                self.open
            )  # reads the certificates of this machine, which takes a while
            async with asyncio.timeout(2 * _ANSWER_SECONDS), client:
                address = self.issuer.jwks_uri or await self._discover(client)
                self._keys = read_keys(await _get(client, address))
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError, OSError) as error:
            _LOG.warning(
                "keys of an issuer could not be fetched",
                extra={"event": "issuer_unreachable", "issuer": self.issuer.issuer, "reason": str(error)},
            )
            self._next = self.clock() + _AFTER_FAILURE_SECONDS
            return
        self._fetched = self.clock()
        self._next = self._fetched + _BETWEEN_SECONDS

    async def _discover(self, client: httpx2.AsyncClient) -> str:
        issuer = self.issuer.issuer
        document = await _get(client, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != issuer:
            raise ValueError(
                f"the document found there is of another issuer, {document.get('issuer')!r:.200}"
            )
        address = document.get("jwks_uri")
        if not isinstance(address, str) or not is_safe_address(address):
            raise ValueError("the document found there names no safe address of keys")
        return address


def choose(keys: Iterable[Key], key_id: str | None, algorithm: str) -> Key | None:
    """The one key that fits; a token without a key id is served only where there is no choice."""
    fitting = [key for key in keys if _fits(key, algorithm) and (key_id is None or key.kid == key_id)]
    return fitting[0] if len(fitting) == 1 else None


def read_keys(document: Mapping[str, Any]) -> tuple[Key, ...]:
    """Public signing keys of a key set; others, shared secrets among them, are left out."""
    given = document.get("keys")
    if not isinstance(given, list) or len(given) > _MOST_KEYS:
        raise ValueError("no key set")
    return tuple(key for member in given if (key := _read(member)) is not None)


def _read(member: Any) -> Key | None:
    if not isinstance(member, dict) or member.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    if member.get("use", "sig") != "sig" or "verify" not in member.get("key_ops", ["verify"]):
        return None
    if member["kty"] == "RSA" and len(str(member.get("n"))) < _SHORTEST_MODULUS:
        return None
    # only what tells the key: other members may be anything
    told = {name: member[name] for name in ("kty", "kid", "alg", "n", "e", "crv", "x", "y") if name in member}
    try:
        return JWKRegistry.import_key(told)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _fits(key: Key, algorithm: str) -> bool:
    if key.alg is not None and key.alg != algorithm:
        return False
    if isinstance(key, ECKey | OKPKey):
        return key.curve_name == _CURVES.get(algorithm)
    return isinstance(key, RSAKey) and algorithm[:2] in ("RS", "PS")


async def _get(client: httpx2.AsyncClient, address: str) -> dict[str, Any]:
    body = b""
    async with client.stream("GET", address, headers={"accept": "application/json"}) as answer:
        if answer.status_code != 200:
            raise ValueError(f"{address} answers {answer.status_code}")
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > _LARGEST:
                raise ValueError(f"{address} answers more than {_LARGEST} bytes")
    value = orjson.loads(body)
    if isinstance(value, dict):
        return value
    raise ValueError(f"{address} answers no JSON object")
