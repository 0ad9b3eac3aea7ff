"""Passwords at rest: an argon2id hash to log in by, and a keyed digest that tells a mapping whether it changed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from conf.errors import BadRequest
from flows.store.installation_key import installation_key

HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
THREADS: Final = 2
REMEMBERED: Final = 10_000


def hash_password(password: str) -> str:
    """The hash as text, salt and costs included. Takes about 20 ms: call it in a thread."""
    return HASHER.hash(_bytes(password))


def verify_password(hashed: str, password: str) -> bool:
    """Whether the password is the one behind the hash. Takes about 20 ms: call it in a thread."""
    try:
        return HASHER.verify(hashed, _bytes(password))
    except (VerificationError, InvalidHashError, BadRequest):
        return False


def needs_rehash(hashed: str) -> bool:
    """Whether the hash was made with other costs than ours."""
    try:
        return HASHER.check_needs_rehash(hashed)
    except InvalidHashError:
        return True


@cache
def nobody_hash() -> str:
    """A hash that no password has, so that an unknown account takes as long as a known one."""
    return hash_password(secrets.token_hex(32))


def _bytes(password: str) -> bytes:
    try:
        return password.encode()
    except UnicodeEncodeError as error:
        raise BadRequest("A password holds characters that cannot be stored") from error


class Passwords:
    """Hashes the secrets of managed objects; one for a process.

    A password that comes again, as a configured default does for each new user, is hashed once.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._hashes: OrderedDict[str, str] = OrderedDict()

    @classmethod
    def open(cls, folder: Path) -> Passwords:
        """With the key of the data folder, which is made there the first time."""
        return cls(installation_key(folder))

    def digest(self, password: str) -> str:
        """Tells equal passwords apart from others, to who has the key."""
        return hashlib.blake2b(_bytes(password), key=self._key, digest_size=16).hexdigest()

    def changed(self, stored: Mapping[str, Any] | None, plain: Mapping[str, str]) -> dict[str, str]:
        """Those of the plain secrets that differ from what is stored; an empty one takes a secret away."""
        return {name: text for name, text in plain.items() if not self._same((stored or {}).get(name), text)}

    def _same(self, stored: Mapping[str, Any] | None, plain: str) -> bool:
        if not plain or not stored:
            return not plain and not stored
        return hmac.compare_digest(str(stored.get("digest", "")), self.digest(plain))

    async def prepare(self, plain: Iterable[str]) -> None:
        """Hash passwords ahead, before a transaction opens that `hash_all` will be called in."""
        await asyncio.gather(*(self._hash(text) for text in {text for text in plain if text}))

    async def hash_all(
        self, plain: Mapping[str, str], stored: Mapping[str, Any] | None = None
    ) -> dict[str, Any] | None:
        """The secrets to store: the stored ones with the plain ones hashed over them; None when none is left."""
        found = dict(stored or {})
        for name, text in plain.items():
            if text:
                found[name] = {"hash": await self._hash(text), "digest": self.digest(text)}
            else:
                found.pop(name, None)
        return found or None

    async def _hash(self, plain: str) -> str:
        digest = self.digest(plain)
        found = self._hashes.get(digest)
        if found is None:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._threads, hash_password, plain)
            self._hashes[digest] = found
            while len(self._hashes) > REMEMBERED:
                self._hashes.popitem(last=False)
        return found

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
