"""The product as processes, for benchmarks: `recon up` on a folder of its own, calls to it, and what its processes use."""

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
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

MAPPING = "systemCsvfileAccounts_managedUser"
LOAD = "load"
"""A mapping without approvals: a recon that runs while something else is measured."""
HEADER = ("description", "uid", "username", "firstname", "lastname", "email", "mobileTelephoneNumber")
PATIENCE_SECONDS = 600.0
_TICK = os.sysconf("SC_CLK_TCK")

Json = dict[str, Any]


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Product:
    """One `recon up` on the sample project."""

    folder: Path
    database: str | None = None
    executor: str = "prefect"
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.project, self.data = self.folder / "project", self.folder / "data"
        with as_file(files("conf") / "samples" / "sync-asynchronous") as sample:
            shutil.copytree(sample, self.project)

    # the project

    def write_people(self, ids: Iterable[str], name: str = "csvConnectorData") -> None:
        """Replace a CSV file; a rename, so that no reader sees half of it."""
        file = self.project / "data" / f"{name}.csv"
        with file.with_suffix(".new").open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(HEADER)
            for id in ids:
                mail = f"{id}@example.com"
                writer.writerow(("made", id, mail, id, "Person", mail, "1234567"))
        file.with_suffix(".new").rename(file)

    def add_load(self) -> None:
        """A second system and a mapping that creates its people without asking anybody."""
        conf = self.project / "conf"
        system = (conf / "provisioner.openicf-csvfile.json").read_text("utf-8")
        (conf / "provisioner.openicf-load.json").write_text(
            system.replace("csvConnectorData", LOAD).replace('"csvfile"', '"load"'), "utf-8"
        )
        sync = json.loads((conf / "sync.json").read_text("utf-8"))
        (mapping,) = sync["mappings"]
        policies = [
            {**policy, "action": "CREATE"} if policy["situation"] == "ABSENT" else policy
            for policy in mapping["policies"]
        ]
        load = {**mapping, "name": LOAD, "displayName": LOAD, "source": "system/load/account"}
        sync["mappings"].append({**load, "policies": policies, "runTargetPhase": False})
        (conf / "sync.json").write_text(json.dumps(sync, indent=2), "utf-8")

    # processes

    def start(self) -> None:
        """Start and wait until it answers."""
        command = [sys.executable, "-P", "-c", "from api.cli import main; main()", "up"]
        command += ["-p", str(self.project), "--data", str(self.data), "--port", str(self.port)]
        command += ["--executor", self.executor]
        if self.database is not None:
            command += ["--database", self.database]
        environment = {**os.environ, "HOME": str(self.folder), "RECON_PREFECT_PORT": str(free_port())}
        with (self.folder / "up.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=self.folder)
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

    def seconds_of_processor(self) -> dict[str, float]:
        """Processor time used so far, by kind of process."""
        return self._by_kind(lambda entry: _ticks(entry) / _TICK)

    def mebibytes(self) -> dict[str, float]:
        """Resident memory now, by kind of process."""
        return self._by_kind(_mebibytes)

    def _by_kind(self, measure: Callable[[Path], float]) -> dict[str, float]:
        assert self.process is not None
        parents, kinds = {}, {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                kinds[int(entry.name)] = _kind((entry / "cmdline").read_text())
            except OSError:
                continue
        found: dict[str, float] = {}
        for pid, kind in kinds.items():
            above = pid
            while above in parents and above != self.process.pid:
                above = parents[above]
            if above == self.process.pid:
                found[kind] = found.get(kind, 0) + measure(Path("/proc") / str(pid))
        return found

    # calls

    def call(self, method: str, path: str, body: Any = None, timeout: float = 120) -> tuple[int, Any]:
        """One call as the administrator; 0 when nobody answered."""
        headers = {
            "X-OpenIDM-Username": "openidm-admin",
            "X-OpenIDM-Password": "openidm-admin",
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
                return refused.code, json.loads(refused.read() or b"null")
        except (OSError, ValueError):
            return 0, None

    def query(self, resource: str, filter: str = "true", **more: str) -> list[Json]:
        """All that a filter finds."""
        asked = urllib.parse.urlencode({"_queryFilter": filter, **more})
        status, body = self.call("GET", f"{resource}?{asked}")
        assert status == 200, (status, body)
        return list(body["result"])

    def launch(self, mapping: str = MAPPING) -> str:
        """Start a run; answers its id."""
        status, answer = self.call("POST", f"recon?_action=recon&mapping={mapping}")
        assert status == 200, (status, answer)
        return str(answer["_id"])

    def ended(self, run: str) -> bool:
        """Whether a run is over; a failed one is an error."""
        status, answer = self.call("GET", f"recon/{run}")
        assert status == 200, (status, answer)
        assert answer["state"] in ("ACTIVE", "SUCCESS"), answer
        return bool(answer["state"] == "SUCCESS")

    def recon(self, mapping: str = MAPPING) -> float:
        """One run to its end; answers its seconds."""
        begun = time.perf_counter()
        run = self.launch(mapping)
        self.wait_until(lambda: self.ended(run), f"run {run} ends")
        return time.perf_counter() - begun

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Look again and again, for as long as anybody would."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            if holds():
                return
            time.sleep(0.1)
        log = (self.folder / "up.log").read_text(errors="replace")[-3000:]
        raise SystemExit(f"not within {PATIENCE_SECONDS:.0f} s: {what}\n{log}")


def _kind(line: str) -> str:
    for words, kind in (("_child\0api", "api"), ("_child\0worker", "worker"), ("server\0start", "prefect")):
        if words in line:
            return kind
    return "prefect" if "prefect" in line else "supervisor"


def _ticks(entry: Path) -> int:
    try:
        fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _mebibytes(entry: Path) -> float:
    try:
        lines = (entry / "status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))
