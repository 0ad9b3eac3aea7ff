"""Lines of a file as a snapshot: read in blocks, counted, with digests that tell whether it stayed the same."""

from __future__ import annotations

import codecs
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from flows.connectors.base import SourceChanged, SourceUnreadable

BLOCK = 1 << 18
ROW_LIMIT = 1 << 20
"""Bytes of one row; a longer line is kept only this far."""
_PLAIN = '\r\n,"a0'
"""An encoding that renders this otherwise than ASCII does cannot be split into lines as bytes."""


class Lines:
    """A window on the lines of an open file: `peek`, then `advance`. Lines are bytes with their line end.

    Encodings in which a line feed is not one byte (UTF-16, UTF-32) are rendered as UTF-8 on the way;
    `encoding` says what the bytes are in. A replaced file does no harm, the open one is still the old;
    one that is written in place is found out by `verify`.
    """

    def __init__(self, path: Path, encoding: str) -> None:
        self.path = path
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as cause:
            raise SourceUnreadable(f"{path}: {cause.strerror or cause}.") from cause
        self._opened = os.fstat(self._file.fileno())
        name = codecs.lookup(encoding).name
        plain = _PLAIN.encode(name) == _PLAIN.encode("ascii")
        self._decoder = None if plain else codecs.getincrementaldecoder(encoding)()
        self.encoding = "utf-8" if self._decoder else name
        self._whole = hashlib.sha256()
        self._prefix = hashlib.sha256()
        self._lines: list[bytes] = []
        self._at = 0
        self._tail = b""
        self._ended = False
        self._started = False
        self.line = 1
        """Number of the next line, counted from 1."""
        self.passed = b""
        """The lines that the last `advance` went past."""
        self.marked = False
        """Whether the file begins with a byte order mark that its encoding does not take away by itself."""

    def close(self) -> None:
        self._file.close()

    def peek(self, count: int) -> Sequence[bytes]:
        """The next `count` lines, fewer at the end of the file; they stay where they are."""
        while len(self._lines) - self._at < count and not self._ended:
            self._fill()
        return self._lines[self._at : self._at + count]

    def advance(self, count: int) -> None:
        """Go past `count` lines seen by `peek`."""
        self.passed = b"".join(self._lines[self._at : self._at + count])
        self._prefix.update(self.passed)
        self._at += count
        self.line += count

    @property
    def prefix(self) -> str:
        """Digest of all lines gone past."""
        return self._prefix.copy().hexdigest()[:32]

    def verify(self) -> None:
        """At the end: raise SourceChanged when the file is no longer what was read."""
        descriptor = self._file.fileno()
        again, offset = hashlib.sha256(), 0
        while block := os.pread(descriptor, BLOCK * 4, offset):
            again.update(block)
            offset += len(block)
        now = os.fstat(descriptor)
        same = (offset, now.st_mtime_ns) == (self._opened.st_size, self._opened.st_mtime_ns)
        if not same or again.digest() != self._whole.digest():
            raise SourceChanged(
                f"{self.path} changed while it was read (SOURCE_CHANGED): the enumeration is incomplete. "
                "Write the file under another name and rename it when it is whole, then run again.",
                detail={"reason": "SOURCE_CHANGED"},
            )

    def _read(self) -> bytes:
        block = self._file.read(BLOCK)
        self._whole.update(block)
        self._ended = not block
        if self._decoder is not None:
            try:
                block = self._decoder.decode(block, final=not block).encode()
            except UnicodeDecodeError as cause:
                raise SourceUnreadable(
                    f"{self.path} is not {cause.encoding} near line {self.line}: {cause.reason}."
                ) from cause
        if not self._started and (block or self._ended):
            self._started = True
            self.marked = self.encoding == "utf-8" and block.startswith(codecs.BOM_UTF8)
            block = block[len(codecs.BOM_UTF8) :] if self.marked else block
        return block

    def _fill(self) -> None:
        block = self._read()
        if len(self._tail) <= ROW_LIMIT or self._tail.endswith(b"\r"):
            block = self._tail + block
        else:  # in the middle of an endless line: keep its head, skip to the line end
            cut = min((at for at in (block.find(b"\n"), block.find(b"\r")) if at >= 0), default=-1)
            if cut < 0 and not self._ended:
                return
            block = self._tail + block[cut:] if cut >= 0 else self._tail
        lines = block.splitlines(keepends=True)
        self._tail = b""
        if lines and not self._ended and not lines[-1].endswith(b"\n"):
            # a lone CR may be the first half of CRLF, so such a line waits too
            self._tail = lines.pop()
        if self._at:
            del self._lines[: self._at]
            self._at = 0
        self._lines += lines
