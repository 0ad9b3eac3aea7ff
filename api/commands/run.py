"""`recon run`: start a reconciliation and follow it."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from api.commands.options import Output, Reach
from api.commands.outcome import Exit
from api.commands.printing import counted, note, say, say_json
from api.commands.run_report import report_run
from api.commands.server import reach
from api.commands.watch import watch

CURRENT = Reach()


def run(
    mapping: str,
    /,
    *,
    id: Annotated[str | None, Parameter(help="Only the source object of this id.")] = None,
    analyze: Annotated[
        bool, Parameter(negative=(), help="Find out what would be done, and do nothing.")
    ] = False,
    target_phase: Annotated[
        bool | None, Parameter(help="Whether targets that no source led to are visited too.")
    ] = None,
    wait: Annotated[bool | None, Parameter(help="Wait for the end; default: on a terminal only.")] = None,
    output: Output = "text",
    reached: Reach = CURRENT,
) -> int:
    """Start a reconciliation of MAPPING and follow it.

    Exit codes: 0 done, 1 the run or some of its entries failed, 4 with --wait: tasks wait for a person.
    """
    server = reach(reached)
    options = {"mapping": mapping}
    if id is not None:
        options["id"] = id
    if analyze:
        options |= {"analyze": "true", "persistAssociations": "true"}
    body = {} if target_phase is None else {"runTargetPhase": target_phase}
    started = server.act("recon", "recon" if id is None else "reconById", body, **options)
    if not (sys.stderr.isatty() if wait is None else wait):
        if output == "json":
            say_json(started)
        else:
            say(started["_id"])
            note(f"Started. See it with: recon runs show {started['_id']}")
        return Exit.DONE
    finished = watch(server, str(started["_id"]))
    waiting = server.open_tasks_of(mapping)
    if output == "json":
        say_json({**finished, "openTasks": waiting})
    else:
        report_run(finished)
        if waiting:
            verb = "waits" if waiting == 1 else "wait"
            say(f"{counted(waiting, 'task')} of this mapping {verb} for a person: recon tasks list")
    if finished["state"] != "SUCCESS" or finished.get("statusSummary", {}).get("FAILURE"):
        return Exit.FAILED
    return Exit.WAITING if wait and waiting else Exit.DONE
