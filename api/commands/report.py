"""`recon report`: what a two-way run found and did, for a person, a browser or a spreadsheet."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter

from api.commands.options import Reach
from api.commands.outcome import CommandFailed, Exit
from api.commands.printing import note, say, say_table
from api.commands.run_report import report_run
from api.commands.server import Server, reach
from conf.errors import ReconError
from flows.reports import words
from flows.reports.cells import written

CURRENT = Reach()
Format = Literal["text", "html", "csv"]
ENTRY: Final = (
    "situation",
    "action",
    "status",
    "sourceObjectId",
    "targetObjectId",
    "linkQualifier",
    "reconciling",
    "message",
    "taskId",
    "approver",
    "timestamp",
)
"""Members of an audit entry that a run of a mapping is told by."""


def report(
    run: str,
    /,
    *,
    format: Annotated[
        Format | None, Parameter(help="Default: what the name of --output ends in, else text.")
    ] = None,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="File to write; default: standard output.")
    ] = None,
    nothing: Annotated[
        bool | None, Parameter(help="Whether objects with nothing to do are listed; default: as configured.")
    ] = None,
    filter: Annotated[
        str | None, Parameter(help="Only these objects, as 'case eq \"MATCH_FOUND_DIFFERENT\"'.")
    ] = None,
    reached: Reach = CURRENT,
) -> int:
    """What the two-way run RUN found and did; of a mapping's run its state, situations and counts, or its entries.

    HTML is one file that needs nothing else; print it or send it as it is. Exits with 1 when the run failed.
    """
    server = reach(reached)
    wanted = format or _by_name(output)
    document = _find(server, run)
    if "counts" not in document:
        _report_mapping(server, document, wanted, output, filter)
    elif wanted == "text" and output is None:
        report_two_way(document)
    else:
        options = {"run": run, "format": "html" if wanted == "text" else wanted}
        if nothing is not None:
            options["doNothing"] = str(nothing).lower()
        if filter is not None:
            options["filter"] = filter
        _write(output, server.fetch(f"reconciliation/{document['name']}/report", **options))
    return Exit.FAILED if "FAILED" in (document.get("status"), document.get("state")) else Exit.DONE


def _report_mapping(
    server: Server, document: Mapping[str, Any], wanted: Format, output: Path | None, filter: str | None
) -> None:
    """A run of a mapping: in words, or its entries as the audit has them."""
    if wanted == "text" and output is None:
        report_run(document)
    elif wanted == "csv":
        chosen = f'reconId eq {json.dumps(document["_id"])} and entryType eq "entry"'
        entries = server.query("audit/recon", f"{chosen} and ({filter})" if filter else chosen)
        _write(output, _entries(entries))
    else:
        raise CommandFailed(
            f"{document['_id']} is a run of the mapping {document.get('mapping')}: there is --format csv of it."
        )


def _entries(entries: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    yield written([[name.upper() for name in ENTRY]])
    for entry in entries:
        yield written([["" if entry.get(name) is None else str(entry[name]) for name in ENTRY]])


def report_two_way(document: Mapping[str, Any]) -> None:
    """Print the document of a two-way run for a person."""
    # a run that did not finish says so in its result already
    told = "" if document["status"] in document["result"] else f"  {document['status']}"
    say(f"{document['name']}{told}  {document['result']}")
    say(f"  run         {document['_id']}, by {document['userId'] or 'the product'} ({document['trigger']})")
    say(f"  time        {document['started']} to {document['ended'] or 'now'}")
    if message := document.get("message"):
        say(f"  message     {message}")
    if sent := document.get("notification"):
        say(f"  told        {sent.get('state')}")
    counts = document["counts"]
    if counts:
        _table(counts)


def _table(counts: Mapping[str, Mapping[str, Mapping[str, int]]]) -> None:
    occurring = {status for found in counts.values() for numbers in found.values() for status in numbers}
    statuses = words.in_order(occurring, words.STATUSES)
    rows = [
        (
            words.situation(situation),
            words.response(response),
            f"{sum(counts[situation][response].values()):,}",
            *(f"{counts[situation][response].get(status, 0):,}" for status in statuses),
        )
        for situation in words.in_order(counts, words.SITUATIONS)
        for response in words.in_order(counts[situation], words.RESPONSES)
    ]
    say_table(
        ("SITUATION", "RESPONSE", "OBJECTS", *(words.status(status).upper() for status in statuses)), rows
    )


def _find(server: Server, run: str) -> dict[str, Any]:
    """A two-way run, or any other."""
    try:
        return server.read(f"reconciliation/history/{run}")
    except ReconError as error:
        if error.status != 404:
            raise
    return server.read(f"recon/{run}")


def _by_name(output: Path | None) -> Format:
    if output is None:
        return "text"
    match output.suffix.lower():
        case ".csv":
            return "csv"
        case ".html" | ".htm":
            return "html"
    raise CommandFailed(f"Should {output} be HTML or CSV? Name it .html or .csv, or add --format.")


def _write(output: Path | None, pieces: Iterable[bytes]) -> None:
    if output is None:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.flush()
        return
    part = output.with_name(f".{output.name}.part")
    try:
        with part.open("wb") as file:
            file.writelines(pieces)
        part.replace(output)
    except OSError as failure:
        raise CommandFailed(f"{output} cannot be written: {failure.strerror}.") from failure
    finally:
        part.unlink(missing_ok=True)
    note(f"Written: {output}")
