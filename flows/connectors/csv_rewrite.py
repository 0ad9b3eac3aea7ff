"""Writing a CSV file: the new file is written beside the old one and takes its name when it is whole.

Other lines are copied as they are, damaged ones included; header, quoting and line ends stay.
"""

from __future__ import annotations

import codecs
import fcntl
import io
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from conf.errors import BadRequest, NotFound, PreconditionFailed, Unavailable
from flows.connectors.base import Row, SourceUnreadable
from flows.connectors.csv_damage import read_one
from flows.connectors.csv_header import read_header
from flows.connectors.csv_layout import Columns, CsvConfig
from flows.connectors.csv_lines import Lines
from flows.connectors.csv_rows import Rows
from flows.connectors.csv_style import Style

CHUNK = 1000


def append_row(config: CsvConfig, object_type: str, content: Mapping[str, Any]) -> Row:
    """Add an object at the end; its id is `_id`, or the member that stands in the id column."""
    with _rewriting(config, object_type) as draft:
        values = draft.values([""] * draft.columns.width, content)
        new = values[draft.columns.uid]
        if not new:
            raise BadRequest(f"An object of {config.path} needs an id: `_id`, the column {config.uid!r}.")
        if draft.copy_until(new) is not None:
            raise _taken(config, new)
        draft.write(values)
        return draft.shown(values)


def change_row(config: CsvConfig, object_type: str, id: str, content: Mapping[str, Any]) -> Row:
    """Write the members given; a new value in the id column renames the object."""
    with _rewriting(config, object_type) as draft:
        old = _found(config, id, draft.copy_until(id))
        values = draft.values(old, {key: value for key, value in content.items() if key != "_id"})
        renamed = values[draft.columns.uid]
        if not renamed:
            raise BadRequest(f"The column {config.uid!r} of {config.path} is the id and cannot be empty.")
        draft.write(values)
        draft.copy_until(None)
        if renamed != id:
            with closing(Lines(config.path, config.encoding)) as lines:
                columns = read_header(lines, config, object_type)
                if _Draft(lines, config, columns, io.BytesIO()).copy_until(renamed) is not None:
                    raise _taken(config, renamed)
        return draft.shown(values)


def remove_row(config: CsvConfig, object_type: str, id: str) -> None:
    """Take an object's row out."""
    with _rewriting(config, object_type) as draft:
        _found(config, id, draft.copy_until(id))
        draft.copy_until(None)


def _found(config: CsvConfig, id: str, values: list[str] | None) -> list[str]:
    if values is None:
        raise NotFound(f"{config.path} has no object '{id}'.")
    return values


def _taken(config: CsvConfig, id: str) -> PreconditionFailed:
    return PreconditionFailed(f"{config.path} has an object '{id}' already.")


class _Draft:
    """The old file going by and the new one growing."""

    def __init__(self, lines: Lines, config: CsvConfig, columns: Columns, out: BinaryIO) -> None:
        self._lines = lines
        self._config = config
        self._out = out
        self._rows = Rows(lines, config, columns)
        self._encoder = codecs.getincrementalencoder(config.encoding)()
        self._plain = codecs.lookup(config.encoding).name == lines.encoding
        self._whole = True
        """Whether what was written so far ends with a line end."""
        self.columns = columns
        self.style = Style.of(lines.passed.decode(lines.encoding), config)
        self._put(codecs.BOM_UTF8 + lines.passed if lines.marked else lines.passed)

    def copy_until(self, id: str | None) -> list[str] | None:
        """Copy rows up to the one of this id and return its values, uncopied; None when all were copied."""
        mark = (id or "").encode(self._lines.encoding, "replace")
        while raw := self._lines.peek(CHUNK):
            if (id is None or mark not in b"".join(raw)) and self._rows.sound(raw) is not None:
                self._lines.advance(len(raw))
                self._put(self._lines.passed)
                continue
            for _ in range(CHUNK):
                line = self._lines.line
                one = read_one(self._lines, self._config, self.columns)
                if one is None:
                    break
                if one.id and one.id == id:
                    if one.fault:
                        raise SourceUnreadable(
                            f"{self._config.path}, line {line}: {one.fault}. Repair it first."
                        )
                    return one.values
                self._put(self._lines.passed)
        return None

    def values(self, old: list[str], content: Mapping[str, Any]) -> list[str]:
        """The row with the members of `content` written into it."""
        values = list(old)
        for name, value in content.items():
            if name == "_rev":
                continue
            if name not in self.columns.places:
                known = ", ".join(key for key in self.columns.places if key != "_id")
                raise BadRequest(f"{self._config.path} has no place for '{name}'; it has {known}.")
            values[self.columns.places[name]] = self.style.text(name, value)
        return values

    def write(self, values: list[str]) -> None:
        self._put(self.style.line(values).encode(self._lines.encoding))

    def shown(self, values: list[str]) -> Row:
        """The row as reading it will give it."""
        picked = zip(self.columns.names, self.columns.picks, strict=True)
        return {name: values[pick] for name, pick in picked if values[pick]}

    def _put(self, data: bytes) -> None:
        if not self._whole:
            data = self.style.newline.encode(self._lines.encoding) + data
        self._whole = data.endswith((b"\n", b"\r"))
        self._out.write(data if self._plain else self._encoder.encode(data.decode(self._lines.encoding)))


@contextmanager
def _rewriting(config: CsvConfig, object_type: str) -> Iterator[_Draft]:
    """A draft that takes the file's place when the block ends well; one writer at a time, in any process."""
    path = config.path.resolve()
    with _locked(path) as descriptor, closing(Lines(path, config.encoding)) as lines:
        columns = read_header(lines, config, object_type)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                os.fchmod(handle, os.fstat(descriptor).st_mode & 0o7777)
                yield _Draft(lines, config, columns, out)
                out.flush()
                os.fsync(handle)
            Path(name).rename(path)
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as cause:
            raise Unavailable(
                f"{path} cannot be written: {cause.strerror or cause}. Nothing was changed."
            ) from cause
        finally:
            with suppress(FileNotFoundError):
                Path(name).unlink()


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Lock the file that has the name now: the one we wait for may have lost it to a new one meanwhile."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError as cause:
            raise SourceUnreadable(f"{path}: {cause.strerror or cause}.") from cause
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if path.stat().st_ino == os.fstat(descriptor).st_ino:
                    yield descriptor
                    return
        finally:
            os.close(descriptor)
