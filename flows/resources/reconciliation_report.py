"""`reconciliation/{name}/report` and `reconciliation/history/{run}/report`: a run as a page or as CSV."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from conf.errors import BadRequest, NotFound
from conf.filters.parse import parse
from flows.download import Download, File
from flows.reports import page, table
from flows.reports.content import EVERYTHING, Report, configuration, open_report
from flows.reports.documents import run_document
from flows.router import Json, Resource
from flows.store import two_way
from flows.store.two_way_rows import TwoWayRun

if TYPE_CHECKING:
    from flows.call import Call

FORMATS: Final = ("html", "csv", "json")
_FLAGS: Final = {"true": True, "false": False}


class ReconciliationReport(Resource):
    """Reads `format`, `run` (default: the last one), `doNothing` and `filter`.

    The format is html, csv or json; without one it is that of the configuration's `report`.
    "Do nothing" cases are shown where `doNothing` says so, else in the history always and in a report when its
    configuration asks for them. `filter` is that of the history's objects.
    """

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        if id is not None:
            raise NotFound(f"Resource 'report/{id}' not found")
        asked = parameters(call)
        run = await self._run(call, parts, asked)
        filter = parse(asked["filter"]) if asked.get("filter") else EVERYTHING
        flag = asked.get("doNothing")
        if flag is not None and flag.lower() not in _FLAGS:
            raise BadRequest(f"doNothing must be true or false, not '{flag}'")
        wanted = (asked.get("format") or _usual(call, run)).lower()
        if wanted not in FORMATS:
            raise BadRequest(f"There is no report as '{wanted}'; known: {', '.join(FORMATS)}")
        # of the history everything is wanted, of a report what its configuration says
        nothing = _FLAGS[flag.lower()] if flag is not None else True if "run" in parts else None
        report = await open_report(call.runtime, run, with_nothing=nothing, filter=filter)
        document = run_document(run, report.counts) | {"categories": dict(report.categories)}
        return document if wanted == "json" else _file(report, wanted, document)

    async def _run(self, call: Call, parts: Mapping[str, str], asked: Mapping[str, str]) -> TwoWayRun:
        run_id = parts.get("run") or asked.get("run")
        name = parts.get("name")
        async with call.read() as tx:
            run = await two_way.read_run(tx, run_id) if run_id else await two_way.latest(tx, name or "")
        if run is not None and name in (None, run.name):
            return run
        if run_id is None:
            raise NotFound(f"There is no run of the reconciliation {name} yet")
        raise NotFound(f"There is no run {run_id}" + (f" of the reconciliation {name}" if name else ""))


def _usual(call: Call, run: TwoWayRun) -> str:
    """The format that the configuration names."""
    written = configuration(call.runtime, run.name).get("report")
    return "csv" if isinstance(written, str) and written.lower() == "csv" else "html"


def parameters(call: Call) -> Mapping[str, str]:
    """What stands behind the question mark, beyond the reserved parameters."""
    found: Mapping[str, str] = (call.context.get("http") or {}).get("parameters") or {}
    return found


def _file(report: Report, wanted: str, document: Json) -> Download:
    name = f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', f'{report.run.name}-{report.run.id}')[:150]}.{wanted}"
    if wanted == "csv":
        return Download.of(File(table.csv_lines(report), table.CONTENT_TYPE, name), **document)
    policy = {"content-security-policy": page.POLICY, "referrer-policy": "no-referrer"}
    shown = File(page.html(report), page.CONTENT_TYPE, name, is_shown=True, headers=policy)
    return Download.of(shown, **document)
