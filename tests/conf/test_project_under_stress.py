"""The project folder under stress: any document, full disks, read-only folders, several processes, kills."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conf.errors import BadRequest, Conflict, Unavailable
from conf.project import open_project

MEMBERS = [
    "mappings objects configs serverAuthContext authModules name source target links type file schema properties",
    "policies situation action condition correlationQuery linkQualifiers items connectorRef connectorName objectTypes",
    "schedule invokeService invokeContext mapping enabled timeZone startTime pattern roles methods required flags globals",
]
MEMBERS = [word for line in MEMBERS for word in line.split()]


def document(name: str) -> dict[str, Any]:
    return {"mappings": [{"name": name, "source": "managed/src", "target": "managed/dst"}]}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-10, 10)
    | st.sampled_from(["", "x", "text/javascript", "a eq 1", "/", "é"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5),
    max_leaves=25,
)


@pytest.mark.parametrize(
    "id", ["sync", "mapping/m", "managed", "authentication", "access", "schedule/s", "provisioner.openicf/p"]
)
def test_any_document_is_taken_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, id: str
) -> None:
    root = tmp_path_factory.mktemp("project")
    project = open_project(root)

    @given(st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=6))
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def put(document: dict[str, Any]) -> None:
        try:
            project.put(id, document)
        except BadRequest:
            return
        assert project.documents[id] == document
        assert project.snapshot.problems.get(id) is None

    put()
    assert open_project(root).documents.get(id) == project.documents.get(id)


def test_a_full_disk_changes_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = open_project(root)
    project.put("sync", document("a"))

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(Unavailable, match="No space left"):
            project.put("sync", document("b"))
    assert [mapping.name for mapping in project.mappings] == ["a"]
    assert [mapping.name for mapping in open_project(root).mappings] == ["a"]
    assert [path.name for path in (root / "conf").iterdir()] == ["sync.json"]


def test_a_folder_that_cannot_be_written_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = open_project(root)

    def refuse(*_arguments: object, **_more: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(Conflict, match="Make the project folder writable"):
        project.put("sync", document("a"))


WRITER = """
import sys, itertools
from pathlib import Path
from conf.project import open_project
root, name, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
project = open_project(root)
print("ready", flush=True)
for number in range(rounds) if rounds else itertools.count():
    project.put(f"mapping/{name}", {"source": f"managed/{number}", "target": "managed/b", "pad": "x" * 20000})
    project.put("shared", {"by": name, "number": number})
"""


def writer(root: Path, name: str, rounds: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(root), name, str(rounds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def test_two_processes_write_without_losing_each_others_changes(root: Path) -> None:
    writers = [writer(root, name, 30) for name in ("a", "b")]
    assert [process.wait(60) for process in writers] == [0, 0]
    for process in writers:
        assert process.stdout is not None
        process.stdout.close()
    project = open_project(root)
    assert project.problems == ()
    assert [mapping.source for mapping in project.mappings] == ["managed/29", "managed/29"]
    assert project.documents["shared"]["number"] == 29


def test_a_writer_killed_at_any_moment_leaves_whole_files(root: Path) -> None:
    for pause in (0.0, 0.003, 0.011, 0.024):
        process = writer(root, "a", 0)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(pause)  # the moment of the kill, not a wait for anything
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        process.stdout.close()
        assert open_project(root).problems == ()
        assert not list((root / "conf").glob("*.tmp"))
        assert not list((root / "conf").glob(".*"))
