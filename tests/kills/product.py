"""The product as processes: `recon up` on a project of our own, its children by name, and calls that survive a kill."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing, suppress
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

MAPPING = "systemCsvfileAccounts_managedUser"
ADMIN = ("openidm-admin", "openidm-admin")
APPROVER = ("async.admin", "Passw0rd")
HEADER = ("description", "uid", "username", "firstname", "lastname", "email", "mobileTelephoneNumber")
PATIENCE_SECONDS = 90.0

Json = dict[str, Any]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Product:
    """One `recon up` and what it was told to serve."""

    folder: Path
    database: str | None = None
    executor: str = "prefect"
    port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict)
    """What its processes are told beside what the test is."""
    workers: int = 1
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.project, self.data = self.folder / "project", self.folder / "data"
        if not self.project.exists():
            with as_file(files("conf") / "samples" / "sync-asynchronous") as sample:
                shutil.copytree(sample, self.project)

    # people

    def write_people(self, ids: list[str]) -> None:
        """Replace the CSV; a rename, so that no reader sees half a file."""
        file = self.project / "data" / "csvConnectorData.csv"
        new = file.with_suffix(".new")
        with new.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(HEADER)
            for id in ids:
                writer.writerow(
                    ("made", id, f"{id}@example.com", id, "Person", f"{id}@example.com", "1234567")
                )
        new.rename(file)

    # processes

    def start(self) -> None:
        """Start and wait until it answers."""
        command = [
            sys.executable,
            "-P",
            "-c",
            "from api.cli import main; main()",
            "up",
            "-p",
            str(self.project),
        ]
        command += ["--data", str(self.data), "--port", str(self.port), "--executor", self.executor]
        command += ["--workers", str(self.workers)]
        if self.database is not None:
            command += ["--database", self.database]
        environment = {**os.environ, "HOME": str(self.folder), "RECON_PREFECT_PORT": str(free_port())}
        environment |= self.environment
        log = (self.folder / "up.log").open("ab")
        self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=self.folder)
        log.close()
        self.wait_until(lambda: self.call("GET", "info/ping")[0] == 200, "the server answers")

    def __enter__(self) -> Product:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """SIGTERM, and wait for the end of it."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def children(self, name: str) -> list[int]:
        """Pids of the supervisor's descendants of that kind: `api`, `worker` or `prefect`."""
        assert self.process is not None
        words = {"api": "_child\0api", "worker": "_child\0worker", "prefect": "server\0start"}[name]
        parents, lines = {}, {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                    lines[int(entry.name)] = (entry / "cmdline").read_text()
                except OSError:
                    continue
        return [pid for pid, line in lines.items() if words in line and self._descends(pid, parents)]

    def _descends(self, pid: int, parents: dict[int, int]) -> bool:
        assert self.process is not None
        while pid in parents and pid != self.process.pid:
            pid = parents[pid]
        return pid == self.process.pid

    def kill(self, *names: str) -> int:
        """`kill -9` of these children; answers how many were there."""
        killed = 0
        for name in names:
            for pid in self.children(name):
                try:
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
                except ProcessLookupError:
                    continue
        return killed

    def die(self) -> None:
        """All of it at once, as when a machine loses its power."""
        assert self.process is not None
        pids = [pid for name in ("worker", "api", "prefect") for pid in self.children(name)]
        for pid in (self.process.pid, *pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    # calls

    def call(
        self, method: str, path: str, body: Any = None, who: tuple[str, str] = ADMIN, timeout: float = 20
    ) -> tuple[int, Any]:
        """One call; 0 when nobody answered. A 503 says when to come again."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/openidm/{path}",
            None if body is None else json.dumps(body).encode(),
            {
                "X-OpenIDM-Username": who[0],
                "X-OpenIDM-Password": who[1],
                "X-OpenIDM-NoSession": "true",
                "Content-Type": "application/json",
            },
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            with refused:
                if refused.code == 503 and not refused.headers["Retry-After"]:
                    raise AssertionError("503 without Retry-After") from refused
                return refused.code, json.loads(refused.read() or b"null")
        except (OSError, ValueError):
            return 0, None

    def query(self, resource: str, flt: str = "true", fields: str = "") -> list[Json]:
        """All that a filter finds, asked until somebody answers."""
        parameters = {"_queryFilter": flt} | ({"_fields": fields} if fields else {})
        path = f"{resource}?{urllib.parse.urlencode(parameters)}"
        found: list[Any] = []

        def asked() -> bool:
            found[:] = [self.call("GET", path)]
            return bool(found[0][0] == 200)

        self.wait_until(asked, f"{resource} answers")
        return list(found[0][1]["result"])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the store says, which must be SQLite in the data folder."""
        with closing(sqlite3.connect(self.store, timeout=30)) as store:
            return store.execute(sql).fetchall()

    @property
    def store(self) -> Path:
        return self.data / "reconvene.db"

    def create_approver(self) -> None:
        body = {
            "_id": "asyncadmin",
            "userName": APPROVER[0],
            "givenName": "async",
            "sn": "admin",
            "mail": "async.admin@example.com",
            "password": APPROVER[1],
            "authzRoles": [
                {"_ref": "internal/role/openidm-admin"},
                {"_ref": "internal/role/openidm-authorized"},
            ],
        }
        status, answer = self.call("POST", "managed/user?_action=create", body)
        assert status == 201, answer

    def recon(self) -> Json:
        """One run to its end, whatever dies meanwhile."""
        return self.wait_for_run(self.launch())

    def launch(self) -> str:
        """Launch a run, whoever dies meanwhile; answers its id."""
        launched: list[str] = []

        def launch() -> bool:
            status, answer = self.call("POST", f"recon?_action=recon&mapping={MAPPING}")
            if status == 200:
                launched.append(answer["_id"])
            return status == 200

        self.wait_until(launch, "a run is launched")
        return launched[0]

    def wait_for_run(self, run: str) -> Json:
        """The status of a run once it has ended."""
        seen: list[Json] = []

        def ended() -> bool:
            status, answer = self.call("GET", f"recon/{run}")
            seen[:] = [answer] if status == 200 else []
            return bool(seen) and seen[0]["state"] != "ACTIVE"

        self.wait_until(ended, f"run {run} ends")
        return seen[0]

    def wait_until(self, holds: Any, what: str) -> None:
        """Look again and again, for as long as anybody would."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            if holds():
                return
            time.sleep(0.1)
        log = (self.folder / "up.log").read_text(errors="replace")[-3000:]
        raise AssertionError(f"not within {PATIENCE_SECONDS:.0f} s: {what}\n{log}")
