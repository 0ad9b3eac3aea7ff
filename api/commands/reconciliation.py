"""`recon reconciliation`: two-way configurations, started, watched and stopped."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

from cyclopts import Parameter

from api.commands.options import Output, Reach
from api.commands.outcome import Exit
from api.commands.printing import note, say, say_json, say_json_lines, say_table
from api.commands.server import Server, reach

CURRENT = Reach()


def listed(*, output: Output = "text", reached: Reach = CURRENT) -> int:
    """The two-way configurations, with the state of the last run of each."""
    found = reach(reached).read("reconciliation")["reconciliations"]
    if output == "json":
        say_json_lines(found)
    elif not found:
        note("The project has no conf/reconciliation-NAME.json. docs/two-way.md says how to write one.")
    else:
        say_table(
            ("NAME", "TYPE", "RESOURCE", "STATUS", "FREQUENCY", "LAST RUN", "RESULT"),
            (
                (
                    one["name"],
                    one["type"],
                    one["managedSystem"],
                    "out of service" if one.get("problems") else one["status"],
                    f"{one['frequency']}{' (paused)' if one['isPaused'] else ''}",
                    one["lastExecutionTime"] or "never",
                    one["executionStatus"] or "",
                )
                for one in found
            ),
        )
    return Exit.DONE


def status(name: str, /, *, output: Output = "text", reached: Reach = CURRENT) -> int:
    """One configuration: when it runs, and what came of its last run."""
    found = reach(reached).read(f"reconciliation/{name}")
    if output == "json":
        say_json(found)
        return Exit.DONE
    say(f"{found['name']}: {found['type']}, {found['idmObject']} and {found['managedSystem']}")
    say(f"  {found['status']}, {found['frequency']}{', paused' if found['isPaused'] else ''}")
    if found["nextRun"]:
        say(f"  next run: {found['nextRun']}")
    for problem in found.get("problems", ()):
        say(f"  {problem}")
    if found["lastRun"] is None:
        say("  it has not run yet")
    else:
        show(found["lastRun"])
    return Exit.DONE


def start(
    name: str,
    /,
    *,
    updated_since: Annotated[
        str | None,
        Parameter(help="Only what changed since this time; `last`: since the last run; `none`: all."),
    ] = None,
    allow: Annotated[
        str | None, Parameter(help="Destructive responses that the guard lets pass this time, with commas.")
    ] = None,
    allow_empty: Annotated[
        bool, Parameter(negative=(), help="An empty side is no failure this time.")
    ] = False,
    wait: Annotated[bool | None, Parameter(help="Wait for the end; default: on a terminal only.")] = None,
    output: Output = "text",
    reached: Reach = CURRENT,
) -> int:
    """Start a run of the two-way configuration NAME.

    Exit codes: 0 done, 1 the run or some of its objects failed, 4 with --wait: some wait for a decision.
    """
    server = reach(reached)
    body: dict[str, Any] = {}
    if updated_since is not None:
        body["updatedSince"] = updated_since
    if allow is not None:
        body["allow"] = [part.strip() for part in allow.split(",") if part.strip()]
    if allow_empty:
        body["allowEmpty"] = True
    run = server.act(f"reconciliation/{name}", "start", body)
    if not (sys.stderr.isatty() if wait is None else wait):
        if output == "json":
            say_json(run)
        else:
            say(run["_id"])
            note(f"Started. See it with: recon reconciliation status {name}")
        return Exit.DONE
    ended = _followed(server, run)
    if output == "json":
        say_json(ended)
    else:
        show(ended)
    totals = ended.get("statusSummary", {})
    if ended["status"] != "FINISHED" or totals.get("FAILURE"):
        return Exit.FAILED
    return Exit.WAITING if totals.get("PENDING") else Exit.DONE


def stop(name: str, /, *, reached: Reach = CURRENT) -> int:
    """Stop the run of NAME that is under way, within a page; what was done stays."""
    run = reach(reached).act(f"reconciliation/{name}", "stop", {})
    say(f"{run['_id']}: {run['status']}")
    return Exit.DONE


def pause(name: str, /, *, reached: Reach = CURRENT) -> int:
    """Let the schedule of NAME rest."""
    reach(reached).act(f"reconciliation/{name}", "pause", {})
    say(f"{name} is paused; `recon reconciliation resume {name}` ends that")
    return Exit.DONE


def resume(name: str, /, *, reached: Reach = CURRENT) -> int:
    """Let the schedule of NAME go on."""
    found = reach(reached).act(f"reconciliation/{name}", "resume", {})
    say(f"{name} runs next at {found['nextRun']}")
    return Exit.DONE


def show(run: dict[str, Any]) -> None:
    """A run in a few lines."""
    say(f"  run {run['_id']}: {run['status']}")
    say(f"  {run['message']}")
    for situation, responses in run["counts"].items():
        for response, statuses in responses.items():
            told = ", ".join(f"{number} {status}" for status, number in statuses.items())
            say(f"    {situation or '-'} {response}: {told}".rstrip())


def _followed(server: Server, run: dict[str, Any]) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = server.read(f"reconciliation/history/{run['_id']}")
        if found["ended"]:
            return found
        time.sleep(0.2)
