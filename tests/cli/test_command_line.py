"""The console script: help, usage, exit codes; without a server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RECON = [sys.executable, "-P", "-c", "from api.cli import main; main()"]


def recon(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("RECON_", "XDG_"))}
    own |= {"XDG_DATA_HOME": str(folder / "share"), "COLUMNS": "200", **environment}
    return subprocess.run(
        [*RECON, *arguments], cwd=folder, env=own, capture_output=True, text=True, timeout=60, check=False
    )


def test_help_names_every_command(tmp_path: Path) -> None:
    done = recon("--help", folder=tmp_path)
    assert done.returncode == 0
    for name in ("demo", "up", "worker", "run", "runs", "tasks", "approve", "reject", "doctor", "init"):
        assert f" {name} " in done.stdout
    assert "_child" not in done.stdout


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
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
def test_every_command_has_help(command: str, tmp_path: Path) -> None:
    done = recon(*command.split(), "--help", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: recon {command}")


def test_prefect_is_not_imported_by_any_module_of_the_command_line() -> None:
    folder = Path(__file__).parents[2] / "api" / "commands"
    modules = [f"api.commands.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__"]
    code = f"import sys, importlib\nfor name in {modules!r}: importlib.import_module(name)\nprint('prefect' in sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_wrong_usage_exits_with_2_and_suggests(tmp_path: Path) -> None:
    done = recon("aprove", folder=tmp_path)
    assert done.returncode == 2
    assert 'Did you mean "approve"' in done.stderr
    assert done.stdout == ""
    assert (
        recon(
            "approve", folder=tmp_path, RECON_URL="http://127.0.0.1:9", RECON_USER="a", RECON_PASSWORD="b"
        ).returncode
        == 2
    )


@pytest.mark.parametrize("arguments", [["runs", "list"], ["tasks", "list"], ["run", "m"], ["approve", "1"]])
def test_without_a_server_it_says_how_to_start_one(arguments: list[str], tmp_path: Path) -> None:
    done = recon(*arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("recon: No server is running on ")
    assert "recon up" in done.stderr


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    done = recon(
        "runs", "list", "--url", "http://127.0.0.1:9", "--user", "x", folder=tmp_path, RECON_PASSWORD="y"
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "recon: No server answers at http://127.0.0.1:9. Start one with `recon up`, or name one with --url.\n"
    )


def test_without_key_or_account_it_asks_who_you_are(tmp_path: Path) -> None:
    done = recon("runs", "list", "--url", "https://recon.example.com", folder=tmp_path)
    assert done.returncode == 1
    assert "Name an account with --user" in done.stderr


def test_init_writes_a_project_that_the_doctor_finds_sound(tmp_path: Path) -> None:
    done = recon("init", "here", "-o", "json", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "format": 1,
        "project": str(tmp_path / "here"),
        "sample": "sync-asynchronous",
    }
    examined = recon("doctor", "-p", "here", "-o", "json", folder=tmp_path)
    findings = [json.loads(line) for line in examined.stdout.splitlines()]
    assert [finding for finding in findings if finding["health"] == "failed"] == []
    assert {"Python", "Packages", "Project", "system/csvfile", "Database"} <= {f["subject"] for f in findings}
    assert examined.returncode == 0


def test_the_doctor_names_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    recon("init", "here", folder=tmp_path)
    (tmp_path / "here" / "data" / "csvConnectorData.csv").unlink()
    done = recon("doctor", "-p", "here", folder=tmp_path)
    assert done.returncode == 1
    assert "FAIL  system/csvfile: " in done.stdout
    assert "csvConnectorData.csv: No such file" in done.stdout


def test_an_empty_project_is_a_valid_one(tmp_path: Path) -> None:
    assert recon("init", "mine", "--sample", "empty", folder=tmp_path).returncode == 0
    assert recon("doctor", folder=tmp_path / "mine").returncode == 0


def test_a_reader_who_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    command = f"{' '.join(RECON[:2])} -c '{RECON[3]}' --help | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
