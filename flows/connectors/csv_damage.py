"""One row at a time, with what is wrong with it, and with its id as long as that can be trusted."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass

from flows.connectors.csv_layout import Columns, CsvConfig, dialect
from flows.connectors.csv_lines import ROW_LIMIT, Lines

VALUE_LIMIT = 1000
_PREFIXES = 200
"""Delimiters looked at to find the id in a row that cannot be parsed."""


@dataclass(frozen=True)
class OneRow:
    """A row as it was found: blank, sound (`fault` empty) or broken."""

    values: list[str]
    id: str
    """Empty when it cannot be read for certain."""
    fault: str = ""


def read_one(lines: Lines, config: CsvConfig, columns: Columns) -> OneRow | None:
    """The next row, or None at the end of the file.

    When a row is broken only its first line is consumed: what an unclosed quote swallowed is read again as rows
    of their own.
    """
    first = lines.peek(1)
    if not first:
        return None
    if not first[0].strip():
        lines.advance(1)
        return OneRow([], "")
    taken = _Taken(lines, config)
    values: list[str] = []
    try:
        values = [value.strip() for value in next(csv.reader(taken.feed(), **dialect(config)), [])]
    except csv.Error as cause:
        taken.fault = taken.fault or f"BAD_ROW: {cause}"
    fault = taken.fault or _misfit(values, config, columns)
    lines.advance(1 if taken.fault else len(taken.texts))
    if not fault:
        return OneRow(values, values[columns.uid])
    found = _id_of(values, columns) if values else _id_before_damage(taken.texts[0], config, columns)
    return OneRow(values, "" if "\0" in found or "\ufffd" in found else found, fault)


class _Taken:
    """Feeds lines to the parser and remembers them."""

    def __init__(self, lines: Lines, config: CsvConfig) -> None:
        self._lines = lines
        self._config = config
        self.texts: list[str] = []
        self.fault = ""

    def feed(self) -> Iterator[str]:
        size = 0
        while raw := self._lines.peek(len(self.texts) + 1)[len(self.texts) :]:
            size += len(raw[0])
            self.texts.append(self._text(raw[0][: ROW_LIMIT + 1]))
            if size > ROW_LIMIT:
                self.fault = f"ROW_TOO_LARGE: over {ROW_LIMIT:,} bytes, or a quote is not closed"
                return
            yield self.texts[-1]

    def _text(self, raw: bytes) -> str:
        if b"\0" in raw:
            self.fault = self.fault or "BAD_ROW: a NUL character"
        try:
            return raw.decode(self._lines.encoding)
        except UnicodeDecodeError as cause:
            at = f"at byte {cause.start + 1} of the line"
            self.fault = self.fault or f"BAD_ROW: not {self._config.encoding} {at}"
            return raw.decode(self._lines.encoding, "replace")


def _misfit(values: list[str], config: CsvConfig, columns: Columns) -> str:
    """What is wrong with values that could be parsed."""
    if len(values) > VALUE_LIMIT:
        return f"ROW_TOO_LARGE: {len(values)} values, more than {VALUE_LIMIT}"
    if len(values) != columns.width:
        return f"BAD_ROW: {len(values)} values where the header has {columns.width}"
    if not values[columns.uid]:
        return f"BAD_ROW: no value for {config.uid!r}, which is the id"
    return ""


def _id_of(values: list[str], columns: Columns) -> str:
    """The id, unless a value too many may have shifted it or it may have been cut off."""
    found = len(values)
    while found > columns.width and not values[found - 1]:
        found -= 1
    if (found > columns.width and columns.uid > 0) or len(values) <= columns.uid:
        return ""
    cut = len(values) < columns.width and columns.uid == len(values) - 1
    return "" if cut else values[columns.uid]


def _id_before_damage(line: str, config: CsvConfig, columns: Columns) -> str:
    """The id of a row that cannot be parsed, when everything up to it can."""
    at = -1
    for _ in range(_PREFIXES):
        at = line.find(config.delimiter, at + 1)
        if at < 0:
            return ""
        try:
            values = next(csv.reader([line[:at]], **dialect(config)), [])
        except csv.Error as cause:
            if "unexpected end of data" not in str(cause):
                return ""
            continue  # that delimiter stands inside quotes
        if len(values) > columns.uid:
            return values[columns.uid].strip()
    return ""
