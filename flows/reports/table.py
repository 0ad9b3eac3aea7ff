"""A report as CSV: a line for each object, for spreadsheets and other programs."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final

from flows.reports.comparison import Pair, attribute, complete, telling, value_of, whole
from flows.reports.content import Report
from flows.store.two_way_rows import TwoWayResult

CONTENT_TYPE: Final = "text/csv; charset=utf-8; header=present"
COLUMNS: Final = (
    "CASE",
    "SITUATION",
    "RESPONSE",
    "STATUS",
    "PRINCIPAL",
    "IDM ID",
    "RESOURCE ID",
    "MESSAGE",
    "CHANGES",
)
#: how a formula of a spreadsheet may begin
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
#: numbers and telephone numbers, which can do nothing
_HARMLESS: Final = re.compile(r"[+-][\d .,()/-]*")


async def csv_lines(report: Report) -> AsyncIterator[bytes]:
    """The file in pieces: what each side had when the run came, and what the run changed."""
    pairs = await _pairs(report)
    titles = [f"{attribute(pair)} ({side})" for pair in pairs for side in ("IDM", "RESOURCE")]
    yield _written([(*COLUMNS, *titles)])
    async for results in report.pages():
        yield _written(_row(result, pairs) for result in results)


async def _pairs(report: Report) -> list[Pair]:
    """The columns: those of the policy map, and what else the results hold, should the map have changed since."""
    found: list[Pair] = list(report.pairs)
    async for results in report.pages():
        for result in results:
            found = complete(found, result)
    return found


def _row(result: TwoWayResult, pairs: Sequence[Pair]) -> Sequence[str]:
    values: list[str] = []
    for pair in pairs:
        values.append(whole(value_of(result.idm_before, pair.idm)))
        values.append(whole(value_of(result.resource_before, pair.resource)))
    return (
        result.category,
        result.situation,
        result.response,
        result.status,
        result.principal,
        result.idm_id or "",
        result.resource_id or "",
        result.message,
        _changes(result, pairs),
        *values,
    )


def _changes(result: TwoWayResult, pairs: Sequence[Pair]) -> str:
    """`IDM mail: a@example.org -> b@example.org`, a line each."""
    return "\n".join(
        f"{side} {line.name}: {value.before or ''} -> {value.after or ''}"
        for line in telling(result, pairs)
        for side, value in (("IDM", line.idm), ("RESOURCE", line.resource))
        if value.changed
    )


def _written(rows: Iterable[Sequence[Any]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows([_safe(cell) for cell in row] for row in rows)
    return out.getvalue().encode(errors="replace")


def _safe(cell: str) -> str:
    """A text that a spreadsheet takes for a formula gets an apostrophe before it, which makes it a text again."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _HARMLESS.fullmatch(cell) else cell
