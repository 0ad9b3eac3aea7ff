"""The commands against a running server, in the order in which a person uses them."""

import json
import os
import pty
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from api.commands.throwaway import RECON, Throwaway
from tests.cli.conftest import Recon

MAPPING = "systemCsvfileAccounts_managedUser"


def json_lines(text: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    assert all(line.pop("format") == 1 for line in found)
    return found


def test_a_run_is_followed_to_its_end_and_tells_that_tasks_wait(there: Recon) -> None:
    done = there("run", MAPPING, "--wait")
    assert done.returncode == 4, done.stderr
    assert f"{MAPPING}  SUCCESS after " in done.stdout
    assert "situations  ABSENT 2" in done.stdout
    assert "done        nothing" in done.stdout
    assert "2 tasks of this mapping wait for a person" in done.stdout


def test_without_a_terminal_a_run_is_only_started(there: Recon) -> None:
    done = there("run", MAPPING)
    assert done.returncode == 0
    run_id = done.stdout.strip()
    shown = there("runs", "show", run_id, "--watch", "-o", "json")
    (document,) = json_lines(shown.stdout)
    assert (document["_id"], document["state"]) == (run_id, "SUCCESS")
    (last,) = json_lines(there("runs", "list", "--last", "1", "-o", "json").stdout)
    assert last["_id"] == run_id
    assert run_id in there("runs", "list").stdout


def test_the_situation_of_an_object_is_explained(there: Recon) -> None:
    done = there("mapping", "explain", MAPPING, "bjensen")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ABSENT -> ASYNC  (system/csvfile/account/bjensen)\n")
    assert "it asks for the process managedUserApproval, and a person decides" in done.stdout
    assert "Once approved (CREATE), it would create managed/user/bjensen" in done.stdout
    assert "* userName " in done.stdout
    (answer,) = json_lines(there("mapping", "explain", MAPPING, "bjensen", "-o", "json").stdout)
    assert answer["explanations"][0]["situation"] == "ABSENT"
    assert there("mapping", "explain", MAPPING, "nobody").returncode == 1


def test_an_unknown_mapping_and_an_unknown_run_are_named(there: Recon) -> None:
    done = there("run", "martian")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("recon: ")
    assert "martian" in done.stderr
    shown = there("runs", "show", "nosuchrun")
    assert (shown.returncode, shown.stdout) == (1, "")
    assert "nosuchrun" in shown.stderr


def test_tasks_are_listed_with_what_they_are_about(there: Recon) -> None:
    done = there("tasks", "list")
    assert done.returncode == 0
    title, *lines = done.stdout.splitlines()
    assert title.split() == ["TASK", "NAME", "ASSIGNEE", "SITUATION", "OBJECT", "MAPPING", "SINCE"]
    assert {word for line in lines for word in line.split()} >= {
        "bjensen",
        "scarter",
        "ABSENT",
        "async.admin",
    }
    tasks = json_lines(there("tasks", "list", "-o", "json").stdout)
    assert sorted(task["variables"]["sourceId"] for task in tasks) == ["bjensen", "scarter"]
    shown = there("tasks", "show", tasks[0]["_id"])
    assert "Evaluate request" in shown.stdout
    assert "requestApproved" in shown.stdout


def test_an_analysis_writes_nothing(there: Recon) -> None:
    (found,) = json_lines(there("run", MAPPING, "--analyze", "--wait", "-o", "json").stdout)
    assert found["situationSummary"]["ABSENT"] == 2
    assert found["openTasks"] == 2


def test_everything_is_asked_about_first_with_its_count(there: Recon, server: Throwaway) -> None:
    for answer in ("n\n", "\n"):
        status, seen = on_a_terminal(server.project, answer, "approve", "--all", "--filter", "priority ge 0")
        assert "Approve 2 tasks? [y/N]" in seen
        assert "Nothing was decided" in seen
        assert status not in (0, 1)
    assert len(json_lines(there("tasks", "list", "-o", "json").stdout)) == 2


def test_a_filter_without_all_is_wrong_usage(there: Recon) -> None:
    done = there("approve", "--filter", "true")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--all" in done.stderr


def on_a_terminal(folder: Path, typed: str, *arguments: str) -> tuple[int, str]:
    """Exit code and what a person sees who types that."""
    keyboard, terminal = pty.openpty()
    own = {name: value for name, value in os.environ.items() if not name.startswith("RECON_")}
    with subprocess.Popen(
        [*RECON, *arguments], cwd=folder, env=own, stdin=terminal, stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        os.write(keyboard, typed.encode())
        seen = b""
        # Linux says with an error that nobody writes any more
        with suppress(OSError):
            while piece := os.read(keyboard, 4096):
                seen += piece
    os.close(keyboard)
    return process.returncode, seen.decode()


def test_one_is_approved_and_one_rejected_each_with_its_outcome(there: Recon) -> None:
    tasks = {
        t["variables"]["sourceId"]: t["_id"] for t in json_lines(there("tasks", "list", "-o", "json").stdout)
    }
    one = '/variables/sourceId eq "bjensen"'
    approved = there("approve", "--all", "--filter", one, "--yes", "-m", "known to HR", "-o", "json")
    assert json_lines(approved.stdout) == [{"task": tasks["bjensen"], "outcome": "approved"}]
    assert approved.returncode == 0
    rejected = there("reject", "-", stdin=f"{tasks['scarter']}\n\n")
    assert (rejected.returncode, rejected.stdout) == (0, f"{tasks['scarter']}  rejected\n")
    again = there("reject", tasks["bjensen"], "nosuchtask")
    assert again.returncode == 5
    assert f"{tasks['bjensen']}  refused: approved by cli:" in again.stdout


def test_nothing_is_left_to_decide(there: Recon) -> None:
    done = there("approve", "--all", "--filter", 'assignee eq "async.admin"')
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "Nothing to approve.\n")
    listed = there("tasks", "list")
    assert (listed.returncode, listed.stdout, listed.stderr) == (0, "", "Nothing waits for a person.\n")
    assert there("run", MAPPING, "--wait").returncode == 0


def test_an_account_with_its_password(there: Recon) -> None:
    wrong = there("runs", "list", "--user", "openidm-admin", RECON_PASSWORD="wrong")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    right = there("runs", "list", "--user", "openidm-admin", RECON_PASSWORD="openidm-admin")
    assert right.returncode == 0


def test_a_wrong_filter_says_where(there: Recon) -> None:
    done = there("tasks", "list", "--filter", "name eq")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("recon: ")


def test_the_doctor_sees_the_server(there: Recon, server: Throwaway) -> None:
    done = there("doctor")
    assert done.returncode == 0, done.stdout
    assert f"ok    Server: {server.url} answers" in done.stdout
