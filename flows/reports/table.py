"""A report as CSV: a line for each object, for spreadsheets and other programs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from flows.reports.cells import written
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


async def csv_lines(report: Report) -> AsyncIterator[bytes]:
    """The file in pieces: what each side had when the run came, and what the run changed."""
    pairs = await _pairs(report)
    titles = [f"{attribute(pair)} ({side})" for pair in pairs for side in ("IDM", "RESOURCE")]
    yield written([(*COLUMNS, *titles)])
    async for results in report.pages():
        yield written(_row(result, pairs) for result in results)


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
