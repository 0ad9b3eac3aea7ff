"""What came out of a run, as a page that Prefect shows beside its flow run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flows.recon.status import status_document
from flows.shell import Report

if TYPE_CHECKING:
    from conf.settings import Settings
    from flows.store.run_rows import RunRow


def report_of(run: RunRow, address: str) -> Report:
    """State, times, and how many objects were found in which situation; counts only, no object is named."""
    document = status_document(run, run.ended_at or 0)
    situations = document.get("situationSummary") or {}
    found = [f"| {situation} | {count} |" for situation, count in situations.items() if count]
    table = ["| Situation | Objects |", "|---|---:|", *found] if found else ["No object was looked at."]
    told = [f"**{run.state}**: {run.reason or run.stage.description}", ""]
    if run.started_at is not None and run.ended_at is not None:
        seconds = (run.ended_at - run.started_at) / 1000
        told += [f"{_when(run.started_at)} to {_when(run.ended_at)}, {seconds:.1f} s; by {run.user_id}", ""]
    return Report(f"Reconciliation of {run.mapping}", "\n".join([*told, *table]), f"{address}/recon/{run.id}")


def rest_address(settings: Settings) -> str:
    """Where REST answers people: the public address, else where we listen."""
    if settings.public_url:
        return settings.public_url.rstrip("/").removesuffix("/openidm") + "/openidm"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}/openidm"


def _when(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
