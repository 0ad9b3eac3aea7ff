"""From lines to objects: pages of sound rows at full speed, row by row where one of them is damaged."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from flows.connectors.base import BrokenRow, Row
from flows.connectors.csv_damage import VALUE_LIMIT, read_one
from flows.connectors.csv_layout import Columns, CsvConfig, dialect
from flows.connectors.csv_lines import ROW_LIMIT, Lines

# the reader's own limit of a field is 128 KiB, and one for the whole process
csv.field_size_limit(max(csv.field_size_limit(), ROW_LIMIT + 1))


@dataclass
class Rows:
    """Reads pages off `lines`; remembers the ids it has met, so that a second row of the same id is told."""

    lines: Lines
    config: CsvConfig
    columns: Columns
    lost: bool = False
    """A row without a readable id was met."""
    _seen: set[int] = field(default_factory=set)
    """Hashes of 64 bits: half the memory that the ids would take, and no two of a million meet."""

    def page(self, size: int) -> tuple[list[Row], list[BrokenRow]]:
        """The next `size` rows; fewer when some are broken or blank, or the file ends."""
        raw = self.lines.peek(size)
        rows = self.sound(raw)
        if rows is None:
            return self._careful(size)
        self.lines.advance(len(raw))
        return rows, []

    def skip(self, line: int) -> None:
        """Go on to a line where a row begins, remembering ids on the way."""
        while (ahead := line - self.lines.line) > 0 and self.lines.peek(1):
            raw = self.lines.peek(min(ahead, 1000))
            end = self.lines.line + len(raw)
            if self.sound(raw) is not None:
                self.lines.advance(len(raw))
            while self.lines.line < end:
                self._careful(1)

    def sound(self, raw: Sequence[bytes]) -> list[Row] | None:
        """All lines at once; None when any of them needs a closer look. Nothing is consumed."""
        width, uid = self.columns.width, self.columns.uid
        if width > VALUE_LIMIT or (raw and max(map(len, raw)) > ROW_LIMIT):
            return None
        try:
            text = b"".join(raw).decode(self.lines.encoding)
            found = list(csv.reader(io.StringIO(text, newline=""), **dialect(self.config)))
        except (csv.Error, UnicodeDecodeError):
            return None
        if len(found) != len(raw) or not {width}.issuperset(map(len, found)) or "\0" in text:
            return None
        columns = [list(map(str.strip, column)) for column in zip(*found, strict=True)]
        if not columns:
            return []
        ids = set(map(hash, columns[uid]))
        if "" in columns[uid] or len(ids) != len(found) or not self._seen.isdisjoint(ids):
            return None
        self._seen |= ids
        return self._objects(columns)

    def _objects(self, columns: Sequence[Sequence[str]]) -> list[Row]:
        """Rows from columns, which is how the work on each value stays inside the interpreter's own loops."""
        names = self.columns.names
        picked = [columns[pick] for pick in self.columns.picks]
        rows: list[Row] = [dict(zip(names, values, strict=True)) for values in zip(*picked, strict=True)]
        if any("" in column for column in picked):
            return [{name: value for name, value in row.items() if value} for row in rows]
        return rows

    def _careful(self, size: int) -> tuple[list[Row], list[BrokenRow]]:
        rows: list[Row] = []
        broken: list[BrokenRow] = []
        for _ in range(size):
            line = self.lines.line
            one = read_one(self.lines, self.config, self.columns)
            if one is None:
                break
            fault = one.fault
            if not fault and one.values:
                if (mark := hash(one.id)) in self._seen:
                    fault = f"DUPLICATE_SOURCE_ID: {one.id!r} has a row further up already, which counts"
                self._seen.add(mark)
            if fault:
                self.lost = self.lost or not one.id
                broken.append(BrokenRow(one.id or None, line, fault))
            elif one.values:
                rows += self._objects([[value] for value in one.values])
        return rows, broken
