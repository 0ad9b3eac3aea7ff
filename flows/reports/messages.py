"""What people are told of a run: a subject that says the result, and the same message as text and as HTML. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from flows.reports import words
from flows.reports.comparison import Line, Pair, Value, telling
from flows.reports.page import environment
from flows.reports.summary import Summary, is_well, result_line, summarize, took, when
from flows.store.two_way_rows import Counts, TwoWayResult, TwoWayRun

MOST_OBJECTS: Final = 20
_LONGEST_SUBJECT: Final = 200
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_CELL: Final = "padding:.3rem .6rem .3rem 0;border-bottom:1px solid #8886;vertical-align:top"


@dataclass(frozen=True, slots=True)
class Message:
    """Ready to be sent."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Named:
    """Objects that a message names, and how many there are."""

    heading: str
    objects: Sequence[TwoWayResult] = ()
    count: int = 0
    with_lines: bool = False
    """Whether the attributes are shown too."""

    @property
    def more(self) -> int:
        return self.count - len(self.objects)


def completion(run: TwoWayRun, counts: Counts, link: str, named: Sequence[Named]) -> Message:
    """A run has ended."""
    subject = f"Reconciliation {run.name}: {result_line(run, counts)}"
    return _message(run, counts, link, subject, run.message, named, ())


def notice(run: TwoWayRun, link: str, name: str, said: str, found: Named, pairs: Sequence[Pair]) -> Message:
    """A run has met objects that somebody wants to be told of; the rest of it is not his matter."""
    objects = "1 object" if found.count == 1 else f"{found.count:,} objects"
    subject = f"Reconciliation {run.name}: {name}, {objects}"
    return _message(run, {}, link, subject, said, [found], pairs)


def _message(
    run: TwoWayRun,
    counts: Counts,
    link: str,
    subject: str,
    said: str,
    named: Sequence[Named],
    pairs: Sequence[Pair],
) -> Message:
    subject = _CONTROL.sub(" ", subject)[:_LONGEST_SUBJECT]
    summary = summarize(counts)
    times = f"{run.status}; {when(run.started)} to {when(run.ended)}, took {took(run)}"
    html = (
        environment()
        .get_template("mail.html")
        .render(
            subject=subject,
            times=times,
            said=said,
            link=link,
            is_well=is_well(run, counts),
            summary=summary,
            named=named,
            telling=partial(telling, pairs=pairs),
            cell=_CELL,
            figure=f"{_CELL};text-align:right",
        )
    )
    told = [line for each in named for line in _objects(each, pairs)]
    lines = [subject, times, *([said] if said else []), "", f"Report: {link}", "", *_table(summary)]
    return Message(subject, "\n".join([*lines, *told]) + "\n", html)


def _table(summary: Summary) -> Iterator[str]:
    """Situations and responses in columns."""
    if not summary.rows:
        return
    titles = [
        "Situation",
        "Response",
        "Objects",
        *(words.status(each).capitalize() for each in summary.statuses),
    ]
    rows = [
        [
            words.situation(row.situation) if row.is_first else "",
            words.response(row.response),
            f"{row.total:,}",
            *(f"{row.numbers.get(status, 0):,}" for status in summary.statuses),
        ]
        for row in summary.rows
    ]
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        cells = [
            cell.ljust(width) if number < 2 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _objects(named: Named, pairs: Sequence[Pair]) -> Iterator[str]:
    if not named.objects:
        return
    yield ""
    yield named.heading
    for each in named.objects:
        name = each.principal or each.resource_id or each.idm_id or "without a name"
        told = f". {each.message}" if each.message else ""
        yield f"- {name}: {words.done(each.response, each.status)}{told}"
        if named.with_lines:
            yield from (f"    {_line(line)}" for line in telling(each, pairs))
    if named.more:
        yield f"and {named.more:,} more, see the report."


def _line(line: Line) -> str:
    return f"{line.name}: IDM {_value(line.idm)}; resource {_value(line.resource)}".replace("\n", ", ")


def _value(value: Value) -> str:
    after = "-" if value.after is None else value.after
    return f"{'-' if value.before is None else value.before} -> {after}" if value.changed else after
