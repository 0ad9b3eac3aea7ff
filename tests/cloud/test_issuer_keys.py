"""Keys of an issuer: fetched once, again for a key that is new, and only from where they may come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from api.oidc import IssuerKeys, choose, read_keys
from conf.bearer import BearerIssuer, is_safe_address
from conf.errors import Unavailable
from tests.cloud.issuer import DISCOVERY, Issuer, b64, running


class Clock:
    """Time that passes when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def own() -> Iterator[Issuer]:
    with running(Issuer()) as found:
        yield found


def keys_of(issuer: Issuer, clock: Clock, **more: Any) -> IssuerKeys:
    trusted = BearerIssuer(issuer.url, frozenset({"a"}), frozenset({"RS256"}), **more)
    return IssuerKeys(trusted, clock=clock)


async def test_keys_are_found_by_discovery_and_kept(own: Issuer) -> None:
    keys = keys_of(own, Clock())
    for _ in range(3):
        found = await keys.find(own.rsa.kid, "RS256")
        assert found is not None
        assert found.kid == own.rsa.kid
    assert own.asked == [DISCOVERY, "/keys"]


async def test_a_given_address_of_keys_needs_no_discovery(own: Issuer) -> None:
    assert await keys_of(own, Clock(), jwks_uri=f"{own.url}/keys").find(own.rsa.kid, "RS256")
    assert own.asked == ["/keys"]


async def test_a_new_key_is_fetched_when_a_token_names_it(own: Issuer) -> None:
    clock = Clock()
    keys = keys_of(own, clock)
    old = own.rsa.kid
    assert await keys.find(old, "RS256")
    own.rsa = RSAKey.generate_key(2048, {"kid": "rsa-2"})
    clock.now += 31
    assert await keys.find("rsa-2", "RS256")
    assert await keys.find(old, "RS256") is None


async def test_invented_key_ids_ask_the_issuer_once_in_thirty_seconds(own: Issuer) -> None:
    clock = Clock()
    keys = keys_of(own, clock)
    for number in range(50):
        assert await keys.find(f"invented-{number}", "RS256") is None
    assert own.asked.count("/keys") == 1
    clock.now += 31
    assert await keys.find("invented", "RS256") is None
    assert own.asked.count("/keys") == 2


async def test_keys_are_looked_at_again_after_a_while_and_outlive_an_issuer_that_is_away(own: Issuer) -> None:
    clock = Clock()
    keys = keys_of(own, clock)
    assert await keys.find(own.rsa.kid, "RS256")
    own.answers["/keys"] = (500, b"", {})
    clock.now += 601
    assert await keys.find(own.rsa.kid, "RS256")
    assert own.asked.count("/keys") == 2
    clock.now += 86_400
    with pytest.raises(Unavailable, match="cannot be fetched"):
        await keys.find(own.rsa.kid, "RS256")
    del own.answers["/keys"]
    clock.now += 31
    assert await keys.find(own.rsa.kid, "RS256")


async def test_many_who_come_at_once_ask_the_issuer_once(own: Issuer) -> None:
    keys = keys_of(own, Clock())
    found = await asyncio.gather(*(keys.find(own.rsa.kid, "RS256") for _ in range(20)))
    assert None not in found
    assert own.asked == [DISCOVERY, "/keys"]


async def test_an_issuer_that_never_answers_is_not_waited_for() -> None:
    ended = asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with server:
        place = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        trusted = BearerIssuer(place, frozenset({"a"}), frozenset({"RS256"}))
        keys = IssuerKeys(trusted, open=lambda: httpx2.AsyncClient(timeout=0.1, trust_env=False))
        with pytest.raises(Unavailable):
            await keys.find("a", "RS256")
        ended.set()


async def test_after_a_failure_the_issuer_is_asked_again_in_five_seconds(own: Issuer) -> None:
    clock = Clock()
    keys = keys_of(own, clock)
    own.answers["/keys"] = (503, b"", {})
    for _ in range(3):
        with pytest.raises(Unavailable):
            await keys.find(own.rsa.kid, "RS256")
    assert own.asked.count("/keys") == 1
    del own.answers["/keys"]
    clock.now += 5
    assert await keys.find(own.rsa.kid, "RS256")


@pytest.mark.parametrize(
    ("path", "status", "body", "headers"),
    [
        (DISCOVERY, 404, b"{}", {}),
        (DISCOVERY, 200, b"not json", {}),
        (DISCOVERY, 200, b"[]", {}),
        (DISCOVERY, 200, b'{"issuer":"https://other.example.com","jwks_uri":"%/keys"}', {}),
        (DISCOVERY, 200, b'{"issuer":"%","jwks_uri":"http://keys.example.com/"}', {}),
        (DISCOVERY, 200, b'{"issuer":"%","jwks_uri":"file:///etc/passwd"}', {}),
        (DISCOVERY, 200, b'{"issuer":"%"}', {}),
        (DISCOVERY, 302, b"", {"location": "/keys"}),
        ("/keys", 302, b"", {"location": "http://127.0.0.1:1/"}),
        ("/keys", 200, b'{"keys":{}}', {}),
        ("/keys", 200, b'{"keys":[' + b" " * 600_000 + b"]}", {}),
        ("/keys", 200, json.dumps({"keys": [{}] * 101}).encode(), {}),
    ],
)
async def test_what_is_no_good_answer_brings_no_keys(
    own: Issuer, path: str, status: int, body: bytes, headers: dict[str, str]
) -> None:
    own.answers[path] = (status, body.replace(b"%", own.url.encode()), headers)
    with pytest.raises(Unavailable, match="cannot be fetched"):
        await keys_of(own, Clock()).find(own.rsa.kid, "RS256")
    assert set(own.asked) <= {DISCOVERY, "/keys"}


def test_only_public_signing_keys_of_a_set_count() -> None:
    good = ECKey.generate_key("P-256", {"kid": "good"}).as_dict(private=False)
    others: list[Any] = [
        OctKey.generate_key(256, {"kid": "secret"}).as_dict(private=True),
        {"kty": "RSA", "kid": "short", "e": "AQAB", "n": b64(b"\xff" * 128)},
        good | {"use": "enc"},
        good | {"key_ops": ["encrypt"]},
        good | {"x": "AAAA"},
        {"kty": "RSA", "n": "x"},
        {"kty": ["EC"]},
        {},
        None,
        "key",
    ]
    assert [key.kid for key in read_keys({"keys": [*others, good | {"use": "sig", "unknown": [1]}]})] == [
        "good"
    ]


def test_a_key_serves_one_algorithm_and_a_choice_is_never_guessed() -> None:
    first, second = (RSAKey.generate_key(2048, {"kid": name}) for name in "ab")
    edwards = OKPKey.generate_key("Ed25519", {"kid": "e"})
    bound = ECKey.generate_key("P-384", {"kid": "c", "alg": "ES384"})
    keys = (first, second, edwards, bound)
    assert choose(keys, "a", "RS256") is first
    assert choose(keys, "a", "ES256") is None
    assert choose(keys, None, "RS256") is None
    assert choose(keys, None, "EdDSA") is edwards
    assert choose(keys, "c", "ES256") is None
    assert choose(keys, "c", "ES384") is bound
    assert choose((first, first), "a", "RS256") is None


@pytest.mark.parametrize(
    ("address", "is_safe"),
    [
        ("https://issuer.example.com/am/oauth2", True),
        ("http://127.0.0.1:8080/x", True),
        ("http://localhost", True),
        ("http://issuer.example.com", False),
        ("http://localhost.example.com", False),
        ("https://user:secret@issuer.example.com", False),
        ("https://", False),
        ("https://[broken", False),
        ("//issuer.example.com", False),
        ("", False),
    ],
)
def test_keys_come_over_tls_or_from_this_machine(address: str, is_safe: bool) -> None:
    assert is_safe_address(address) is is_safe
