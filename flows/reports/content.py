"""What a report is about: a run, its figures, and its results, which are read page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from conf.filters.ast import And, Filter, Literal
from conf.filters.parse import parse
from flows.reports import words
from flows.reports.comparison import Pair
from flows.run_report import rest_address
from flows.store import two_way
from flows.store.two_way_rows import Counts, TwoWayResult, TwoWayRun

if TYPE_CHECKING:
    from conf.database import Database
    from conf.settings import Settings
    from flows.call import Runtime

_MADE: Final = ("onCreateOnly", "toIdm", "toResource", "members")
"""Members of a policy map's entry by which the sides need not have the same value."""
PAGE: Final = 500
SOMETHING: Final = parse('!(status eq "NOTHING" or (response eq "NOTHING" and status eq "SUCCESS"))')
"""Results that are more than "do nothing"."""
EVERYTHING: Final = Literal(value=True)


@dataclass(frozen=True)
class Report:
    """One run, as far as it is in memory; its results stay in the database."""

    database: Database
    run: TwoWayRun
    counts: Counts
    categories: Mapping[str, int]
    """How many results of each category there are, by code, in the order of the report."""
    shown: Mapping[str, int]
    """How many of them the report shows."""
    filter: Filter = EVERYTHING
    """What it shows."""
    pairs: Sequence[Pair] = field(default_factory=tuple)
    link: str = ""

    async def pages(self, category: str | None = None) -> AsyncIterator[list[TwoWayResult]]:
        """The results that are shown, so many at a time that they fit in memory; each page reads by itself."""
        seq = 0
        while True:
            async with self.database.read() as tx:
                found = await two_way.results_after(
                    tx, self.run.id, seq, PAGE, category=category, filter=self.filter
                )
            if found:
                yield found
            if len(found) < PAGE:
                return
            seq = found[-1].seq


async def open_report(
    runtime: Runtime, run: TwoWayRun, *, with_nothing: bool | None = None, filter: Filter = EVERYTHING
) -> Report:
    """The report of a run; "do nothing" cases are shown when asked for, here or in its configuration."""
    document = configuration(runtime, run.name)
    wanted = document.get("sendReportAboutDoNothingCases") is True if with_nothing is None else with_nothing
    shown = filter if wanted else And((filter, SOMETHING))
    async with runtime.database.read() as tx:
        counts = await two_way.totals(tx, run.id)
        every = await two_way.categories(tx, run.id)
        some = await two_way.categories(tx, run.id, shown)
    known = [category.code for category in words.CATEGORIES]
    return Report(
        database=runtime.database,
        run=run,
        counts=counts or run.counts,
        categories={code: every[code] for code in words.in_order(every, known)},
        shown=some,
        filter=shown,
        pairs=attribute_pairs(document),
        link=report_link(runtime.settings, run),
    )


def configuration(runtime: Runtime, name: str) -> Mapping[str, Any]:
    """The document of a reconciliation configuration; empty when it is gone."""
    return runtime.project.documents.get(f"reconciliation/{name}", {})


def attribute_pairs(document: Mapping[str, Any]) -> tuple[Pair, ...]:
    """The attributes of the policy map, as IDM and as the resource calls them."""
    found: list[Pair] = []
    for entry in document.get("policyMap") or ():
        if not isinstance(entry, dict):
            continue
        idm, resource = entry.get("idm"), entry.get("resource")
        if isinstance(idm, str) and isinstance(resource, str):
            is_copied = not any(entry.get(word) for word in _MADE)
            found.append(Pair(idm, resource, is_copied))
    return tuple(dict.fromkeys(found))


def report_link(settings: Settings, run: TwoWayRun, format: str = "html") -> str:
    """Where the report of a run stands."""
    name = quote(run.name, safe="")
    return f"{rest_address(settings)}/reconciliation/{name}/report?{urlencode({'run': run.id, 'format': format})}"
