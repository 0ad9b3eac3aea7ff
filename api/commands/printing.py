"""Results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

FORMAT = 1
"""Version of the JSON that commands print; it rises when a member changes its meaning."""
GAP = "  "


def say(line: str = "") -> None:
    """A line of result."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def note(line: str) -> None:
    """A line about the work, for a person."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def say_json(result: Mapping[str, Any]) -> None:
    """One object, marked with the version of the format."""
    say(json.dumps({"format": FORMAT, **result}, ensure_ascii=False))


def say_json_lines(results: Iterable[Mapping[str, Any]]) -> None:
    """One object a line."""
    for result in results:
        say_json(result)


def say_table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as they need to be, the last one free."""
    lines = [[str(title) for title in titles], *([_shown(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        say(GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 task`, `2 tasks`, `12,404 tasks`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _shown(cell: object) -> str:
    text = "" if cell is None else str(cell)
    # what a file or a caller wrote must not steer the terminal
    return "".join(char if char.isprintable() else "?" for char in text)
