"""Rows of a CSV file that changed since a moment: ids and digests of its rows are kept, not the rows."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

import orjson

from flows.connectors.base import Row, SourcePage
from flows.connectors.differences import RowChange

SUFFIX: Final = ".rows"
_DIGEST: Final = 12


def compare(
    pages: Iterable[SourcePage], before: dict[str, str] | None
) -> tuple[list[RowChange], dict[str, str]]:
    """The changes, and what to keep of the file as it is now; None before the first time.

    A row that cannot be read has not changed. When a row's id cannot be read either, nobody can say who is gone.
    """
    known = before or {}
    changes: list[RowChange] = []
    kept: dict[str, str] = {}
    complete = True
    for page in pages:
        for row in page.rows:
            id, digest = str(row["_id"]), digest_of(row)
            kept[id] = digest
            if before is not None and known.get(id) != digest:
                changes.append(RowChange(id, row))
        for broken in page.broken:
            if broken.id is None:
                complete = False
            elif broken.id in known:
                kept.setdefault(broken.id, known[broken.id])
    if not complete:
        for id, digest in known.items():
            kept.setdefault(id, digest)
    changes += [RowChange(id, None) for id in known if id not in kept]
    return changes, kept


def digest_of(row: Row) -> str:
    """Changes with any value of the row."""
    text = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=_DIGEST).hexdigest()


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
