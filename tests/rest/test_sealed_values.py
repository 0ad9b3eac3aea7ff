"""`openidm.encrypt` and its kin, from scripts."""

from typing import Any

import pytest

from conf.errors import BadRequest
from flows.sealed_values import SealedValues, hashed, is_encrypted, is_hashed, matches
from tests.rest.conftest import Server


async def run(server: Server, source: str, status: int = 200) -> Any:
    body = {"type": "text/javascript", "source": source}
    answer = await server.call("POST", "script?_action=eval", body)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("value", ["'secret'", "17", "null", "true", "({a: [1, 'ü', {}]})"])
async def test_what_is_encrypted_can_be_read_back(server: Server, value: str) -> None:
    assert await run(server, f"openidm.decrypt(openidm.encrypt({value}))") == await run(server, value)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_form_is_that_of_pingidm(server: Server) -> None:
    one = await run(server, "openidm.encrypt('secret', 'AES/CBC/PKCS5Padding', 'openidm-sym-default')")
    assert one["$crypto"]["type"] == "x-simple-encryption"
    assert set(one["$crypto"]["value"]) == {"cipher", "stableId", "data", "iv"}
    assert one["$crypto"]["value"]["stableId"] == "openidm-sym-default"
    other = await run(server, "openidm.hash('secret', 'SHA-256')")
    assert other["$crypto"]["type"] == "salted-hash"
    assert other["$crypto"]["value"]["algorithm"] == "SHA-256"
    assert "secret" not in str(one) + str(other)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("openidm.isEncrypted(openidm.encrypt('x'))", True),
        ("openidm.isEncrypted('x')", False),
        ("openidm.isEncrypted(null)", False),
        ("openidm.isEncrypted(openidm.hash('x', 'SHA-256'))", False),
        ("openidm.isHashed(openidm.hash('x', 'SHA-512'))", True),
        ("openidm.isHashed({$crypto: 1})", False),
        ("openidm.matches('x', openidm.hash('x'))", True),
        ("openidm.matches('y', openidm.hash('x', 'SHA-384'))", False),
        ("openidm.decrypt('plain')", "plain"),
    ],
)
async def test_scripts_can_tell_them_apart(server: Server, source: str, answer: object) -> None:
    assert await run(server, source) == answer


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "source",
    [
        "openidm.encrypt('x', 'DES/CBC')",
        "openidm.hash('x', 'MD5')",
        "openidm.matches('x', 'y')",
        "openidm.decrypt({$crypto: {type: 'x-simple-encryption', value: {data: 'x'}}})",
    ],
)
async def test_what_cannot_be_is_said(server: Server, source: str) -> None:
    assert "code" in await run(server, source, 400)


def test_another_key_opens_nothing() -> None:
    sealed = SealedValues(b"1" * 32).encrypt({"a": 1})
    assert is_encrypted(sealed)
    with pytest.raises(BadRequest, match="another installation"):
        SealedValues(b"2" * 32).decrypt(sealed)
    sealed["$crypto"]["value"]["stableId"] = "other"
    with pytest.raises(BadRequest, match="another installation"):
        SealedValues(b"1" * 32).decrypt(sealed)


def test_equal_values_give_different_hashes() -> None:
    one, other = hashed("x", "SHA-256"), hashed("x", "SHA-256")
    assert is_hashed(one)
    assert one != other
    assert hashed(one) == one
    assert matches("x", one)
