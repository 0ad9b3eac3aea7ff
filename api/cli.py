"""The console script `recon`. Commands are loaded when they are called, so that help is there at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import App

from api.commands.outcome import CommandFailed, Exit
from conf.errors import ReconError

COMMANDS = (
    (
        "demo",
        "demo:demo",
        "Walk through the approval sample from start to end, on its own, in half a minute.",
    ),
    ("up", "up:up", "Run the server: API, worker and Prefect; Ctrl-C stops all."),
    ("worker", "worker:worker", "Run one more worker for a server that runs elsewhere."),
    ("run", "run:run", "Start a reconciliation and follow it."),
    ("report", "report:report", "Report of a two-way run: in the terminal, as HTML or as CSV."),
    (
        "history",
        "history:history",
        "Two-way runs of the past, their objects, and one object before and after.",
    ),
    ("approve", "decide:approve", "Approve tasks."),
    ("reject", "decide:reject", "Reject tasks."),
    ("doctor", "doctor:doctor", "Check this installation, the project and the server."),
    ("backup", "backup:backup", "Save the store to a file, while it is in use."),
    ("restore", "backup:restore", "Put a saved store in place of the present one."),
    ("init", "init:init", "Write a project folder that runs as it is."),
)
RUNS = (
    ("list", "runs:listed", "All runs, the latest last."),
    ("show", "runs:show", "One run: its state, situations and counts."),
    ("cancel", "runs:cancel", "Stop a run at its next page; what was done stays."),
)
MAPPINGS = (
    ("list", "mapping:listed", "The mappings of the project, in processing order."),
    ("validate", "mapping:validate", "What is wrong with the mappings; exits with 1 when something is."),
    ("explain", "mapping:explain", "Why an object has its situation and action; nothing is written."),
)
RECONCILIATIONS = (
    ("list", "reconciliation:listed", "The two-way configurations and their last runs."),
    ("status", "reconciliation:status", "One of them: when it runs, and what came of its last run."),
    ("start", "reconciliation:start", "Start a two-way run and follow it."),
    ("stop", "reconciliation:stop", "Stop the run under way within a page; what was done stays."),
    ("pause", "reconciliation:pause", "Let its schedule rest."),
    ("resume", "reconciliation:resume", "Let its schedule go on."),
)
TASKS = (
    ("list", "tasks:listed", "Open tasks."),
    ("show", "tasks:show", "One task and what it asks."),
    ("claim", "tasks:claim", "Take a task, or give it to somebody."),
)
TOKENS = (("create", "token:create", "Sign a bearer token for this installation."),)


def build() -> App:
    """The commands, each named by the place of its function."""
    app = App(
        name="recon",
        help="Identity reconciliation with human approval.",
        version=_version,
        help_format="plaintext",
        result_action="return_value",
    )
    for name, place, help in COMMANDS:
        app.command(f"api.commands.{place}", name=name, help=help)
    for name, help, commands in (
        ("runs", "Reconciliation runs.", RUNS),
        ("mapping", "Mappings: what they are, and what they make of one object.", MAPPINGS),
        ("reconciliation", "Two-way reconciliation.", RECONCILIATIONS),
        ("tasks", "What waits for a person.", TASKS),
        ("token", "Bearer tokens.", TOKENS),
    ):
        group = App(name=name, help=help, default_command=None)
        for inner, place, inner_help in commands:
            group.command(f"api.commands.{place}", name=inner, help=inner_help)
        app.command(group)
    app.command("api.commands.child:child", name="_child", show=False)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit code."""
    try:
        code = build()(arguments)
        sys.stdout.flush()
    except CommandFailed as failed:
        _complain(str(failed))
        code = failed.code
    except ReconError as error:
        _complain(error.message)
        code = Exit.FAILED
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has seen enough; the interpreter must not complain about it on its way out
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = Exit.DONE
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str) -> None:
    sys.stderr.write(f"recon: {message}\n")


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - a tenth of the time that help may take

    return version("reconvene")
