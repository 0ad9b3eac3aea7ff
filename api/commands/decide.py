"""`recon approve` and `recon reject`: decisions, one or a thousand, each with its own outcome."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Annotated, Any

from cyclopts import Parameter

from api.commands.forms import answers
from api.commands.options import Output, Reach
from api.commands.outcome import CommandFailed, Exit
from api.commands.printing import counted, note, say, say_json
from api.commands.server import Server, reach
from conf.errors import ReconError

AT_ONCE = 8
REFUSED = frozenset({404, 409, 412})
"""Decided already, or the situation is no longer what the task says."""

Ids = Annotated[str, Parameter(allow_leading_hyphen=True, help="Tasks; - reads them from standard input.")]


@Parameter(name="*")
@dataclass(frozen=True)
class Choice:
    """Which tasks, and how."""

    every: Annotated[
        bool, Parameter(name="--all", negative=(), help="All open tasks that --filter finds.")
    ] = False
    filter: Annotated[str | None, Parameter(help="Query filter for --all, as 'priority gt 50'.")] = None
    comment: Annotated[str | None, Parameter(name=["--comment", "-m"], help="Why, for the audit.")] = None
    yes: Annotated[
        bool, Parameter(name=["--yes", "-y"], negative=(), help="Do not ask on a terminal before --all.")
    ] = False
    output: Output = "text"


CHOICE = Choice()
CURRENT = Reach()


def approve(*ids: Ids, choice: Choice = CHOICE, reached: Reach = CURRENT) -> int:
    """Approve tasks, and tell of each what came of it.

    Exit codes: 0 all approved, 5 some were decided already or their situation has changed, 1 some failed.
    """
    return _decide(reach(reached), ids, choice, yes=True)


def reject(*ids: Ids, choice: Choice = CHOICE, reached: Reach = CURRENT) -> int:
    """Reject tasks, and tell of each what came of it.

    Exit codes: 0 all rejected, 5 some were decided already, 1 some failed.
    """
    return _decide(reach(reached), ids, choice, yes=False)


def _decide(server: Server, ids: tuple[str, ...], choice: Choice, *, yes: bool) -> int:
    tasks = list(dict.fromkeys(_tasks(server, ids, choice)))
    verb = "approve" if yes else "reject"
    if not tasks:
        note(f"Nothing to {verb}.")
        return Exit.DONE
    if choice.every and not choice.yes and not _agreed(f"{verb.capitalize()} {counted(len(tasks), 'task')}?"):
        raise CommandFailed("Nothing was decided.", Exit.INTERRUPTED)
    desk = _Desk(server, choice.comment, yes=yes)
    tally: Counter[str] = Counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for outcome in pool.map(desk.decide, tasks):
            tally[outcome["outcome"]] += 1
            if choice.output == "json":
                say_json(outcome)
            else:
                reason = f": {outcome['message']}" if "message" in outcome else ""
                say(f"{outcome['task']}  {outcome['outcome']}{reason}")
    if len(tasks) > 1:
        note(", ".join(f"{count:,} {word}" for word, count in tally.items()))
    return Exit.FAILED if tally["failed"] else Exit.REFUSED if tally["refused"] else Exit.DONE


@dataclass
class _Desk:
    """Decides one task after the other, reading each kind of form once."""

    server: Server
    comment: str | None
    yes: bool = field(kw_only=True)
    _definitions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def decide(self, task: str) -> dict[str, str]:
        """What came of it: approved, rejected, pending, refused or failed."""
        try:
            found = self.server.read(f"workflow/taskinstance/{task}")
            definition = self._definition(str(found["processDefinitionId"]))
            form = answers(definition, str(found["taskDefinitionKey"]), yes=self.yes)
            if self.comment is not None:
                form["_comment"] = self.comment
            answer = self.server.act(f"workflow/taskinstance/{task}", "complete", form)
        except ReconError as error:
            refused = error.status in REFUSED
            return {
                "task": task,
                "outcome": "refused" if refused else "failed",
                "message": _because(error),
            }
        except CommandFailed as failed:
            return {"task": task, "outcome": "failed", "message": str(failed)}
        decided = "approved" if self.yes else "rejected"
        if answer.get("outcome") == "pending":
            return {"task": task, "outcome": decided, "message": "the outcome is not known yet"}
        return {"task": task, "outcome": decided}

    def _definition(self, id: str) -> Mapping[str, Any]:
        with self._lock:
            if id not in self._definitions:
                self._definitions[id] = self.server.read(f"workflow/processdefinition/{id}")
            return self._definitions[id]


def _because(error: ReconError) -> str:
    detail = error.detail
    if isinstance(detail, dict) and detail.get("verdict") and detail.get("by"):
        return f"{detail['verdict']} by {detail['by']} at {detail.get('at')}"
    return error.message


def _tasks(server: Server, ids: tuple[str, ...], choice: Choice) -> Iterator[str]:
    if choice.filter is not None and not choice.every:
        raise CommandFailed("--filter narrows --all; name both, or task ids.", Exit.USAGE)
    if bool(ids) == choice.every:
        raise CommandFailed("Name tasks by their ids, or - for standard input, or --all.", Exit.USAGE)
    if choice.every:
        for task in server.query("workflow/taskinstance", choice.filter or "true"):
            yield str(task["_id"])
    for id in ids:
        if id == "-":
            yield from (line.strip() for line in sys.stdin if line.strip())
        else:
            yield id


def _agreed(question: str) -> bool:
    """Ask on a terminal; without one the command line has said it all."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
