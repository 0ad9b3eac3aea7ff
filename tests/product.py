"""The product as processes: `recon up` on a copy of the sample project, calls to it, and the processes below it."""

from __future__ import annotations

import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Self

MAPPING = "systemCsvfileAccounts_managedUser"
PEOPLE = "csvConnectorData"
"""The sample's CSV file, without its suffix."""
ADMIN = ("openidm-admin", "openidm-admin")
HEADER = ("description", "uid", "username", "firstname", "lastname", "email", "mobileTelephoneNumber")
KINDS = (
    ("_child\0api", "api"),
    ("_child\0worker", "worker"),
    ("server\0start", "prefect"),
    ("\0up\0", "supervisor"),  # which may be told `--executor prefect`
)
"""What the command line of each kind of process holds."""

Json = dict[str, Any]


def free_port() -> int:
    """A port nobody listens on."""
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
    """What its processes are told beside what we are."""
    workers: int = 1
    patience: float = 90.0
    """Seconds to wait for anything."""
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.project, self.data = self.folder / "project", self.folder / "data"
        if not self.project.exists():
            with as_file(files("conf") / "samples" / "sync-asynchronous") as sample:
                shutil.copytree(sample, self.project)

    def write_people(self, ids: Iterable[str], name: str = PEOPLE) -> None:
        """Replace a CSV file; a rename, so that no reader sees half of it."""
        file = self.project / "data" / f"{name}.csv"
        new = file.with_suffix(".new")
        with new.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(HEADER)
            for id in ids:
                mail = f"{id}@example.com"
                writer.writerow(("made", id, mail, id, "Person", mail, "1234567"))
        new.rename(file)

    # processes

    def start(self) -> None:
        """Start and wait until it answers."""
        command = [sys.executable, "-P", "-c", "from api.cli import main; main()", "up"]
        command += ["-p", str(self.project), "--data", str(self.data), "--port", str(self.port)]
        command += ["--executor", self.executor, "--workers", str(self.workers)]
        if self.database is not None:
            command += ["--database", self.database]
        own = {"HOME": str(self.folder), "RECON_PREFECT_PORT": str(free_port())}
        with (self.folder / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env={**os.environ, **own, **self.environment},
                cwd=self.folder,
            )
        self.wait_until(lambda: self.call("GET", "info/ping")[0] == 200, "the server answers")

    def stop(self) -> None:
        """SIGTERM, and wait for the end of it."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def processes(self) -> Iterator[tuple[int, str]]:
        """Pid and kind (`api`, `worker`, `prefect`, `supervisor`) of all that runs for it now."""
        assert self.process is not None
        parents, lines = {}, {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                    lines[int(entry.name)] = (entry / "cmdline").read_text()
                except OSError:
                    continue
        for pid, line in lines.items():
            above = pid
            while above in parents and above != self.process.pid:
                above = parents[above]
            if above == self.process.pid:
                yield pid, _kind(line)

    # calls

    def call(
        self, method: str, path: str, body: Any = None, who: tuple[str, str] = ADMIN, timeout: float = 20
    ) -> tuple[int, Any]:
        """One call; 0 when nobody answered. A 503 says when to come again."""
        headers = {
            "X-OpenIDM-Username": who[0],
            "X-OpenIDM-Password": who[1],
            "X-OpenIDM-NoSession": "true",
            "Content-Type": "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}/openidm/{path}"
        request = urllib.request.Request(url, data, headers, method=method)
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

    def query(self, resource: str, flt: str = "true", fields: str = "", **more: str) -> list[Json]:
        """All that a filter finds, asked until somebody answers."""
        parameters = {"_queryFilter": flt} | ({"_fields": fields} if fields else {}) | more
        path = f"{resource}?{urllib.parse.urlencode(parameters)}"
        found: list[Any] = []

        def asked() -> bool:
            found[:] = [self.call("GET", path)]
            return bool(found[0][0] == 200)

        self.wait_until(asked, f"{resource} answers")
        return list(found[0][1]["result"])

    def launch(self, mapping: str = MAPPING) -> str:
        """Launch a run, whoever dies meanwhile; answers its id."""
        launched: list[str] = []

        def launch() -> bool:
            status, answer = self.call("POST", f"recon?_action=recon&mapping={mapping}")
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

    def recon(self, mapping: str = MAPPING) -> Json:
        """One run to its end, whatever dies meanwhile."""
        return self.wait_for_run(self.launch(mapping))

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Look again and again, for as long as anybody would."""
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            if holds():
                return
            time.sleep(0.1)
        log = (self.folder / "up.log").read_text(errors="replace")[-3000:]
        raise AssertionError(f"not within {self.patience:.0f} s: {what}\n{log}")


def _kind(line: str) -> str:
    found = next((kind for words, kind in KINDS if words in line), None)
    return found or ("prefect" if "prefect" in line else "supervisor")
