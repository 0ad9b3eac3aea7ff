"""`recon runs`: runs of the past and the present."""

from __future__ import annotations

from collections import deque
from typing import Annotated

from cyclopts import Parameter

from api.commands.options import Output, Reach
from api.commands.outcome import Exit
from api.commands.printing import note, say, say_json, say_json_lines, say_table
from api.commands.run_report import done, report_run
from api.commands.server import reach
from api.commands.watch import duration, watch

CURRENT = Reach()


def listed(
    *,
    mapping: Annotated[str | None, Parameter(help="Only runs of this mapping.")] = None,
    last: Annotated[int, Parameter(help="How many, counted from the latest; 0 for all.")] = 20,
    output: Output = "text",
    reached: Reach = CURRENT,
) -> int:
    """All runs, the latest last."""
    found = reach(reached).read("recon")["reconciliations"]
    runs = deque(
        (run for run in found if mapping in (None, run.get("mapping"))), maxlen=last if last > 0 else None
    )
    if output == "json":
        say_json_lines(runs)
    elif not runs:
        note("No run yet. Start one with: recon run MAPPING")
    else:
        say_table(
            ("STARTED", "RUN", "MAPPING", "STATE", "TOOK", "DONE"),
            (
                (
                    run.get("started"),
                    run["_id"],
                    run.get("mapping"),
                    run.get("state"),
                    duration(max(float(run.get("duration") or 0), 0) / 1000),
                    done(run),
                )
                for run in runs
            ),
        )
    return Exit.DONE


def show(
    run: str,
    /,
    *,
    watched: Annotated[bool, Parameter(name="--watch", negative=(), help="Follow it until it ends.")] = False,
    output: Output = "text",
    reached: Reach = CURRENT,
) -> int:
    """One run: its state, situations and counts. Exits with 1 when it failed."""
    server = reach(reached)
    document = watch(server, run) if watched else server.read(f"recon/{run}")
    if output == "json":
        say_json(document)
    else:
        report_run(document)
    return Exit.FAILED if document.get("state") == "FAILED" else Exit.DONE


def cancel(run: str, /, *, output: Output = "text", reached: Reach = CURRENT) -> int:
    """Stop a run at its next page; what was done stays."""
    answer = reach(reached).act(f"recon/{run}", "cancel")
    if output == "json":
        say_json(answer)
    else:
        say(f"{run} is being cancelled; it ends at its next page.")
    return Exit.DONE
