"""Passwords at rest."""

import asyncio
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conf.errors import BadRequest, ConfigError
from flows.store.installation_key import installation_key
from flows.store.passwords import Passwords, hash_password, needs_rehash, nobody_hash, verify_password


@pytest.fixture
def passwords(tmp_path: Path) -> Iterator[Passwords]:
    opened = Passwords.open(tmp_path)
    yield opened
    opened.close()


def test_a_hash_verifies_its_password_only() -> None:
    hashed = hash_password("Passw0rd")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert verify_password(hashed, "Passw0rd")
    assert not verify_password(hashed, "passw0rd")
    assert not verify_password("no hash at all", "Passw0rd")
    assert not verify_password(hashed, "\ud800")
    assert not verify_password(nobody_hash(), "Passw0rd")
    assert not needs_rehash(hashed)
    assert needs_rehash(hashed.replace("m=19456", "m=1024"))
    assert needs_rehash("no hash at all")


async def test_a_password_changed_when_it_is_another_one(passwords: Passwords) -> None:
    stored = await passwords.hash_all({"password": "one"})
    assert stored is not None
    assert verify_password(stored["password"]["hash"], "one")
    assert passwords.changed(stored, {"password": "one"}) == {}
    assert passwords.changed(stored, {"password": "two"}) == {"password": "two"}
    assert passwords.changed(stored, {"password": ""}) == {"password": ""}
    assert passwords.changed(None, {"password": "one", "pin": ""}) == {"password": "one"}


async def test_hashing_keeps_the_other_secrets_and_an_empty_one_goes(passwords: Passwords) -> None:
    stored = await passwords.hash_all({"password": "one", "pin": "1234"})
    after = await passwords.hash_all({"password": ""}, stored)
    assert after is not None
    assert list(after) == ["pin"]
    assert await passwords.hash_all({"pin": ""}, after) is None


async def test_a_default_password_is_hashed_once(passwords: Passwords) -> None:
    await passwords.prepare(["default", "", "other", "default"])
    first = await passwords.hash_all({"password": "default"})
    assert await passwords.hash_all({"password": "default"}) == first


async def test_hashing_does_not_stop_the_loop(passwords: Passwords) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    await passwords.prepare(str(number) for number in range(4))
    counting.cancel()
    assert turns > 10


async def test_what_cannot_be_encoded_is_the_callers_mistake(passwords: Passwords) -> None:
    with pytest.raises(BadRequest):
        await passwords.hash_all({"password": "\ud800"})


def test_digests_differ_between_installations(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    first, second = (Passwords.open(tmp_path / name) for name in "ab")
    assert first.digest("x") != second.digest("x")
    again = Passwords.open(tmp_path / "a")
    assert again.digest("x") == first.digest("x")
    for each in (first, second, again):
        each.close()


def test_the_key_is_private_and_made_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(installation_key, [tmp_path] * 32))
    assert len(keys) == 1
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "zz", "00"])
def test_a_broken_key_is_said_in_a_sentence(tmp_path: Path, content: str) -> None:
    installation_key(tmp_path)
    (tmp_path / "installation.key").write_text(content)
    with pytest.raises(ConfigError, match=r"installation\.key"):
        installation_key(tmp_path)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    installation_key(tmp_path)
    (tmp_path / "installation.key").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        installation_key(tmp_path)


async def test_a_page_of_new_passwords_survives_the_limit_of_what_is_remembered(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.store.passwords.REMEMBERED", 2)
    await passwords.prepare(f"p{number}" for number in range(6))
    found = await passwords.hash_all({"password": "p0"})
    assert found is not None
    assert verify_password(found["password"]["hash"], "p0")
