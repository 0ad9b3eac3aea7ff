"""A run in figures and in one line: what page, mail and history begin with. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from flows.reports import words
from flows.store.two_way_rows import Counts, TwoWayRun


@dataclass(frozen=True, slots=True)
class Row:
    """A situation, its response, and how many objects have each status."""

    situation: str
    response: str
    numbers: dict[str, int]
    is_first: bool
    """Of its situation."""

    @property
    def total(self) -> int:
        return sum(self.numbers.values())


@dataclass(frozen=True, slots=True)
class Summary:
    """What came out of a run, in numbers."""

    rows: tuple[Row, ...]
    statuses: tuple[str, ...]
    """Those that occur, in their order."""
    totals: dict[str, int]
    """By status."""

    @property
    def total(self) -> int:
        return sum(self.totals.values())


def summarize(counts: Counts) -> Summary:
    """The table of situations and responses."""
    totals: Counter[str] = Counter()
    rows = []
    for situation in words.in_order(counts, words.SITUATIONS):
        for number, response in enumerate(words.in_order(counts[situation], words.RESPONSES)):
            numbers = counts[situation][response]
            totals.update(numbers)
            rows.append(Row(situation, response, numbers, number == 0))
    return Summary(tuple(rows), tuple(words.in_order(totals, words.STATUSES)), dict(totals))


_TOLD: Final = (("SUCCESS", "done"), ("FAILURE", "failed"), ("PENDING", "waiting"), ("HELD", "held back"))


def result_line(run: TwoWayRun, counts: Counts) -> str:
    """`12 done, 2 failed of 1,204`; a run that failed says so first."""
    totals = summarize(counts).totals
    total = sum(totals.values())
    told = [f"{totals[status]:,} {word}" for status, word in _TOLD if totals.get(status)]
    found = f"{', '.join(told) or 'nothing to do'} of {total:,}" if total else "no object was looked at"
    return found if run.status == "FINISHED" else f"{run.status}, {found}"


def is_well(run: TwoWayRun, counts: Counts) -> bool:
    """Whether nothing asks for a person."""
    totals = summarize(counts).totals
    return run.status == "FINISHED" and not (totals.get("FAILURE") or totals.get("HELD"))


def when(at: int | None) -> str:
    """A moment as a person reads it, in UTC."""
    return "" if at is None else f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def took(run: TwoWayRun) -> str:
    """How long a run that has ended was at work."""
    if run.ended is None:
        return ""
    seconds = max(run.ended - run.started, 0) / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
