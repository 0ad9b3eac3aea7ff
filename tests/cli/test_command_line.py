"""The console script: help, usage, exit codes; without a server."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest

from api import address_file
from api.commands.throwaway import RECON
from api.folder_lock import FolderLock
from tests.cli.conftest import Recon, caller


def test_help_names_every_command(recon: Recon) -> None:
    done = recon("--help")
    assert done.returncode == 0
    for name in ("demo", "up", "worker", "run", "runs", "tasks", "approve", "reject", "doctor", "init"):
        assert f" {name} " in done.stdout
    assert "_child" not in done.stdout


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom api.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "heavy = {'prefect', 'fastapi', 'sqlalchemy', 'sqlmodel', 'pydantic', 'httpx', 'httpx2', 'asyncio'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))\n"
    )
    for arguments in (["--help"], ["tasks", "--help"], ["tasks", "list", "--help"], ["approve", "--help"]):
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, *arguments], capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-1] == "HEAVY []", arguments


@pytest.mark.parametrize(
    "command", ["demo", "up", "worker", "run", "doctor", "init", "runs show", "runs cancel", "tasks claim"]
)
def test_every_command_has_help(command: str, recon: Recon) -> None:
    done = recon(*command.split(), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: recon {command}")


def test_prefect_is_not_imported_by_any_module_of_the_command_line() -> None:
    folder = Path(__file__).parents[2] / "api" / "commands"
    modules = [f"api.commands.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__"]
    code = f"import sys, importlib\nfor name in {modules!r}: importlib.import_module(name)\nprint('prefect' in sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_wrong_usage_exits_with_2_and_suggests(recon: Recon) -> None:
    done = recon("aprove")
    assert done.returncode == 2
    assert 'Did you mean "approve"' in done.stderr
    assert done.stdout == ""
    assert (
        recon("approve", RECON_URL="http://127.0.0.1:9", RECON_USER="a", RECON_PASSWORD="b").returncode == 2
    )


@pytest.mark.parametrize("arguments", [["runs", "list"], ["tasks", "list"], ["run", "m"], ["approve", "1"]])
def test_without_a_server_it_says_how_to_start_one(arguments: list[str], recon: Recon) -> None:
    done = recon(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("recon: No server is running on ")
    assert "recon up" in done.stderr


def test_a_server_that_is_starting_is_waited_for(recon: Recon, tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    starting = Timer(1.5, lambda: address_file.publish(tmp_path, "127.0.0.1", 9))
    starting.start()
    done = recon("runs", "list", "--data", str(tmp_path), "--user", "x", RECON_PASSWORD="y")
    starting.join()
    lock.release()
    assert done.returncode == 1
    assert done.stderr.startswith("The server is starting; waiting for it.\nrecon: No server answers at")
    assert recon("runs", "list", "--data", str(tmp_path / "another")).stderr.startswith("recon: No server is")


def test_a_server_that_does_not_answer_is_named(recon: Recon) -> None:
    done = recon("runs", "list", "--url", "http://127.0.0.1:9", "--user", "x", RECON_PASSWORD="y")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "recon: No server answers at http://127.0.0.1:9. Start one with `recon up`, or name one with --url.\n"
    )


def test_without_key_or_account_it_asks_who_you_are(recon: Recon) -> None:
    done = recon("runs", "list", "--url", "https://recon.example.com")
    assert done.returncode == 1
    assert "Name an account with --user" in done.stderr


def test_init_writes_a_project_that_the_doctor_finds_sound(recon: Recon, tmp_path: Path) -> None:
    done = recon("init", "here", "-o", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "format": 1,
        "project": str(tmp_path / "here"),
        "sample": "sync-asynchronous",
    }
    examined = recon("doctor", "-p", "here", "-o", "json")
    findings = [json.loads(line) for line in examined.stdout.splitlines()]
    assert [finding for finding in findings if finding["health"] == "failed"] == []
    assert {"Python", "Packages", "Project", "system/csvfile", "Database"} <= {f["subject"] for f in findings}
    assert examined.returncode == 0


def test_the_doctor_names_what_is_wrong_and_what_to_do(recon: Recon, tmp_path: Path) -> None:
    recon("init", "here")
    (tmp_path / "here" / "data" / "csvConnectorData.csv").unlink()
    done = recon("doctor", "-p", "here")
    assert done.returncode == 1
    assert "FAIL  system/csvfile: " in done.stdout
    assert "csvConnectorData.csv: No such file" in done.stdout


def test_an_empty_project_is_a_valid_one(recon: Recon, tmp_path: Path) -> None:
    assert recon("init", "mine", "--sample", "empty").returncode == 0
    assert caller(tmp_path / "mine")("doctor").returncode == 0


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    command = f"{shlex.join(RECON)} --help | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
