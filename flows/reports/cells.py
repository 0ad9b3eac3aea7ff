"""Lines of CSV that a spreadsheet can open without harm. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

#: how a formula of a spreadsheet may begin
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
#: numbers and telephone numbers, which can do nothing
_HARMLESS: Final = re.compile(r"[+-][\d .,()/-]*")


def written(rows: Iterable[Sequence[str]]) -> bytes:
    """The lines, in UTF-8."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows([_safe(cell) for cell in row] for row in rows)
    return out.getvalue().encode(errors="replace")


def _safe(cell: str) -> str:
    """A text that a spreadsheet takes for a formula gets an apostrophe before it, which makes it a text again."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _HARMLESS.fullmatch(cell) else cell
