"""What is kept of a system between two looks at it: ids with digests of their rows."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

SUFFIX: Final = ".rows"


class RetainedCopies:
    """What was kept of one object type, a file for each token, in the folder that was given for it."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = quote(name, safe="")

    def keep(self, rows: dict[str, str]) -> str:
        """Write what is to be kept; answers its token."""
        text = "".join(f"{digest} {quote(id, safe='')}\n" for id, digest in rows.items()).encode()
        token = hashlib.sha256(text).hexdigest()[:32]
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(token)
        if not path.exists():
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(zlib.compress(text, 1))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        return token

    def load(self, token: str) -> dict[str, str] | None:
        """What was kept under a token; None when it is gone or damaged."""
        try:
            text = zlib.decompress(self._path(token).read_bytes())
        except (OSError, zlib.error, ValueError):
            return None
        if hashlib.sha256(text).hexdigest()[:32] != token:
            return None
        return {unquote(id): digest for digest, _, id in _words(text.decode())}

    def forget(self, keep: str) -> None:
        """Drop the others."""
        for path in self._folder.glob(f"*{SUFFIX}"):
            if path.name.startswith(f"{self._name}.") and path != self._path(keep):
                path.unlink(missing_ok=True)

    def _path(self, token: str) -> Path:
        return self._folder / f"{self._name}.{quote(token, safe='')}{SUFFIX}"


def _words(text: str) -> Iterator[tuple[str, str, str]]:
    return (line.partition(" ") for line in text.splitlines())
