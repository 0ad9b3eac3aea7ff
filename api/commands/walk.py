"""The approval sample, step by step over REST, each step with the curl line that does the same."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from api.commands.outcome import CommandFailed
from api.commands.server import Server

MAPPING = "systemCsvfileAccounts_managedUser"
APPROVER: dict[str, Any] = {
    "userName": "async.admin",
    "givenName": "async",
    "sn": "admin",
    "password": "Passw0rd",
    "displayName": "async admin",
    "mail": "async.admin@example.com",
    "authzRoles": [{"_ref": "internal/role/openidm-admin"}, {"_ref": "internal/role/openidm-authorized"}],
    "_id": "asyncadmin",
}
WAIT_SECONDS = 60.0
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Step:
    """One step that was taken."""

    title: str
    curl: str
    found: str
    """What the answer tells, in words."""
    answer: dict[str, Any]
    seconds: float


@dataclass
class Account:
    """Somebody's calls, with the curl line of the last one."""

    url: str
    name: str
    password: str
    curl: str = ""
    server: Server = field(init=False)

    def __post_init__(self) -> None:
        headers = {"X-OpenIDM-Username": self.name, "X-OpenIDM-Password": self.password}
        self.server = Server(self.url, headers)

    def act(self, path: str, action: str, body: Any = None, **parameters: str) -> dict[str, Any]:
        self.curl = self._line("POST", path, body, {"_action": action, **parameters})
        return self.server.act(path, action, body, **parameters)

    def query(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        self.curl = self._line("GET", path, None, {"_queryFilter": "true", **parameters})
        return list(self.server.query(path, **parameters))

    def _line(self, method: str, path: str, body: Any, parameters: dict[str, str]) -> str:
        headers = {
            "X-OpenIDM-Username": self.name,
            "X-OpenIDM-Password": self.password,
            "Accept-API-Version": "resource=1.0",
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        words = ["curl", *(f'--header "{name}: {value}"' for name, value in headers.items())]
        words.append(f"--request {method}")
        if body is not None:
            words.append(f"--data {shlex.quote(json.dumps(body))}")
        words.append(f'"{self.url}/openidm/{path}?{urlencode(parameters, safe="/,")}"')
        return " ".join(words)


class Walk:
    """The steps, one after the other; a step that finds something else than it should ends the walk."""

    def __init__(self, url: str) -> None:
        self.admin = Account(url, "openidm-admin", "openidm-admin")
        self.approver = Account(url, str(APPROVER["userName"]), str(APPROVER["password"]))
        self._tasks: list[dict[str, Any]] = []

    def steps(self) -> Iterator[Step]:
        """Take the steps."""
        yield self._step("Create the approver", self.admin, self._create_approver)
        yield self._step("Reconcile the two people of the CSV file", self.admin, self._first_run)
        yield self._step("Two tasks wait for the approver", self.admin, self._list_tasks)
        yield self._step("Approve the first", self.approver, lambda: self._decide(0, "true"))
        yield self._step("Reject the second", self.approver, lambda: self._decide(1, "false"))
        yield self._step("Exactly one new user is there", self.admin, self._users)
        yield self._step("Reconcile again: nothing to do", self.admin, self._second_run)

    def _step(self, title: str, who: Account, take: Callable[[], tuple[str, dict[str, Any]]]) -> Step:
        begun = time.monotonic()
        found, answer = take()
        return Step(title, who.curl, found, answer, time.monotonic() - begun)

    def _create_approver(self) -> tuple[str, dict[str, Any]]:
        answer = self.admin.act("managed/user", "create", APPROVER)
        return f"{answer['userName']} is there, as managed/user/{answer['_id']}", answer

    def _first_run(self) -> tuple[str, dict[str, Any]]:
        run = self._run()
        _expect(run["situationSummary"]["ABSENT"] == 2, "two people ABSENT", run["situationSummary"])
        _expect(_written(run) == 0, "nothing written before anybody approved", run["progress"])
        return "both are ABSENT, so nobody was created: each waits for a person", run

    def _list_tasks(self) -> tuple[str, dict[str, Any]]:
        self._tasks = self.admin.query("workflow/taskinstance", _fields="_id,processDefinitionId")
        _expect(len(self._tasks) == 2, "two tasks", self._tasks)
        found = ", ".join(f"task {task['_id']} about {self._about(task)}" for task in self._tasks)
        return found, {"result": self._tasks}

    def _about(self, task: dict[str, Any]) -> str:
        read = self.admin.server.read(f"workflow/taskinstance/{task['_id']}")
        return str(read["variables"]["sourceId"])

    def _decide(self, number: int, approved: str) -> tuple[str, dict[str, Any]]:
        task = self._tasks[number]
        person = self._about(task)
        answer = self.approver.act(
            f"workflow/taskinstance/{task['_id']}", "complete", {"requestApproved": approved}
        )
        if approved != "true":
            return f"{person} is rejected: nothing is created", answer
        if answer.get("outcome") == "pending":  # a busy machine; the answer waits for five seconds only
            _until(lambda: person in self._ids(), f"{person} to be created")
        return f"{person} is approved and created", answer

    def _ids(self) -> list[str]:
        return [str(user["_id"]) for user in self.admin.server.query("managed/user", _fields="_id")]

    def _users(self) -> tuple[str, dict[str, Any]]:
        users = self.admin.query("managed/user", _fields="_id")
        new = [str(user["_id"]) for user in users if user["_id"] != APPROVER["_id"]]
        _expect(len(new) == 1 and len(users) == 2, "the approver and one new user", users)
        return f"managed/user/{new[0]}", {"result": users}

    def _second_run(self) -> tuple[str, dict[str, Any]]:
        run = self._run()
        _expect(run["situationSummary"]["CONFIRMED"] == 1, "one person CONFIRMED", run["situationSummary"])
        _expect(_written(run) == 0, "nothing written", run["progress"])
        left = list(self.admin.server.query("workflow/taskinstance"))
        _expect(not left, "no new task", left)
        return "the approved one is CONFIRMED, the rejected one is remembered and not asked about again", run

    def _run(self) -> dict[str, Any]:
        started = self.admin.act("recon", "recon", mapping=MAPPING)
        path = f"recon/{started['_id']}"
        _until(lambda: self.admin.server.read(path)["state"] != "ACTIVE", "the run to end")
        run = self.admin.server.read(path)
        _expect(
            run["state"] == "SUCCESS",
            "a run that succeeds",
            {"state": run["state"], "reason": run.get("reason")},
        )
        return run


def _written(run: dict[str, Any]) -> int:
    progress = run["progress"]
    counts = [progress["target"].get(word) or 0 for word in ("created", "updated", "deleted")]
    return sum(counts) + int(progress["links"].get("created") or 0)


def _until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        _expect(time.monotonic() < deadline, what, f"nothing of it after {WAIT_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)


def _expect(holds: bool, what: str, found: object) -> None:
    if not holds:
        raise CommandFailed(f"The demo expected {what}, and found {json.dumps(found, default=str)}.")
