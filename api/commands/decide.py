"""`recon approve` and `recon reject`: decisions, one or a thousand, each with its own outcome."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
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
ONE_BY_ONE = 20
"""So many named tasks are decided each by a call of its own, more of them together."""
PAGE = 1000
NOT_YET = "the outcome is not known yet"
REFUSED = frozenset({404, 409, 412})
"""Decided already, or the situation is no longer what the task says."""

Outcome = dict[str, str]
Listed = Mapping[str, Any] | None
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
    tasks = _tasks(server, ids, choice)
    verb = "approve" if yes else "reject"
    if not tasks:
        note(f"Nothing to {verb}.")
        return Exit.DONE
    if choice.every and not choice.yes and not _agreed(f"{verb.capitalize()} {counted(len(tasks), 'task')}?"):
        raise CommandFailed("Nothing was decided.", Exit.INTERRUPTED)
    tally: Counter[str] = Counter()
    for outcome in _outcomes(_Desk(server, choice.comment, yes=yes), tasks):
        tally[outcome["outcome"]] += 1
        if choice.output == "json":
            say_json(outcome)
        else:
            reason = f": {outcome['message']}" if "message" in outcome else ""
            say(f"{outcome['task']}  {outcome['outcome']}{reason}")
    if len(tasks) > 1:
        note(", ".join(f"{count:,} {word}" for word, count in tally.items()))
    return Exit.FAILED if tally["failed"] else Exit.REFUSED if tally["refused"] else Exit.DONE


def _outcomes(desk: _Desk, tasks: Mapping[str, Listed]) -> Iterator[Outcome]:
    """Decide one after the other, or, when there are many, a thousand at once of those whose form is the same."""
    forms: dict[tuple[str, str], list[str]] = defaultdict(list)
    single = [task for task, listed in tasks.items() if listed is None]
    for task, listed in tasks.items():
        if listed is not None:
            forms[str(listed["processDefinitionId"]), str(listed["taskDefinitionKey"])].append(task)
    for (definition, key), group in forms.items():
        for start in range(0, len(group), PAGE):
            yield from desk.decide_many(definition, key, group[start : start + PAGE])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(desk.decide, single)


@dataclass
class _Desk:
    """Decides one task after the other, reading each kind of form once."""

    server: Server
    comment: str | None
    yes: bool = field(kw_only=True)
    _definitions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def decide_many(self, definition: str, key: str, tasks: Sequence[str]) -> list[Outcome]:
        """What came of each of these tasks, which have the same form."""
        try:
            form = self._form(definition, key)
            answer = self.server.act("workflow/taskinstance", "complete", {**form, "ids": list(tasks)})
        except (ReconError, CommandFailed) as error:
            return [{"task": task, "outcome": "failed", "message": str(error)} for task in tasks]
        return [self._told(result) for result in answer["result"]]

    def _told(self, result: Mapping[str, Any]) -> Outcome:
        task, message = str(result["_id"]), result.get("message")
        if result["outcome"] == "already decided":
            decided = f"{result.get('verdict')} by {result.get('by')} at {result.get('at')}"
            return {
                "task": task,
                "outcome": "refused",
                "message": decided if result.get("by") else str(message),
            }
        if result["outcome"] != "done":
            word = "refused" if result.get("code") in REFUSED else "failed"
            return {"task": task, "outcome": word, "message": str(message)}
        match result.get("effect"):
            case None | "applied":
                return {"task": task, "outcome": self._verdict}
            case "pending":
                return {"task": task, "outcome": self._verdict, "message": NOT_YET}
            case _:
                return {"task": task, "outcome": "refused", "message": str(result.get("effectMessage"))}

    @property
    def _verdict(self) -> str:
        return "approved" if self.yes else "rejected"

    def _form(self, definition: str, key: str) -> dict[str, str]:
        form = answers(self._definition(definition), key, yes=self.yes)
        return form if self.comment is None else {**form, "_comment": self.comment}

    def decide(self, task: str) -> Outcome:
        """What came of it: approved, rejected, pending, refused or failed."""
        try:
            found = self.server.read(f"workflow/taskinstance/{task}")
            form = self._form(str(found["processDefinitionId"]), str(found["taskDefinitionKey"]))
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
        if answer.get("outcome") == "pending":
            return {"task": task, "outcome": self._verdict, "message": NOT_YET}
        return {"task": task, "outcome": self._verdict}

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


def _tasks(server: Server, ids: tuple[str, ...], choice: Choice) -> dict[str, Listed]:
    """The tasks that are meant; of those that are to be decided together, what the list of open tasks tells."""
    if choice.filter is not None and not choice.every:
        raise CommandFailed("--filter narrows --all; name both, or task ids.", Exit.USAGE)
    if bool(ids) == choice.every:
        raise CommandFailed("Name tasks by their ids, or - for standard input, or --all.", Exit.USAGE)
    if choice.every:
        return {
            str(task["_id"]): task for task in server.query("workflow/taskinstance", choice.filter or "true")
        }
    named: dict[str, Listed] = {}
    for id in ids:
        lines = [line.strip() for line in sys.stdin] if id == "-" else [id]
        named |= dict.fromkeys(filter(None, lines))
    if len(named) > ONE_BY_ONE:
        listed = {str(task["_id"]): task for task in server.query("workflow/taskinstance")}
        named = {task: listed.get(task) for task in named}
    return named


def _agreed(question: str) -> bool:
    """Ask on a terminal; without one the command line has said it all."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
