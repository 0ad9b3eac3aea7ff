"""A run in words: what was found, what was done, how long it took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from api.commands.printing import counted, say
from api.commands.watch import duration


def report_run(document: Mapping[str, Any]) -> None:
    """Print a run document for a person."""
    for line in lines(document):
        say(line)


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The lines of the report."""
    kind = " (analysis, nothing was written)" if str(document.get("isAnalysis")).lower() == "true" else ""
    took = max(float(document.get("duration") or 0), 0) / 1000
    yield f"{document.get('mapping')}  {document.get('state')} after {duration(took)}{kind}"
    yield f"  run         {document.get('_id')}"
    if document.get("state") == "ACTIVE":
        yield f"  stage       {document.get('stageDescription')}"
    if reason := document.get("reason") or document.get("message"):
        yield f"  reason      {reason}"
    situations = document.get("situationSummary") or {}
    found = [f"{name} {count:,}" for name, count in situations.items() if count]
    yield f"  situations  {', '.join(found) or 'none'}"
    yield f"  done        {done(document)}"
    if failed := (document.get("statusSummary") or {}).get("FAILURE"):
        yield f"  failed      {counted(failed, 'entry', 'entries')}"


def done(document: Mapping[str, Any]) -> str:
    """`2 created, 2 linked`, or `nothing`."""
    progress = document.get("progress") or {}
    target = progress.get("target") or {}
    counts = [(target.get(word) or 0, word) for word in ("created", "updated", "deleted")]
    counts.append(((progress.get("links") or {}).get("created") or 0, "linked"))
    return ", ".join(f"{count:,} {word}" for count, word in counts if count) or "nothing"
