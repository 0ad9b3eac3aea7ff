"""`recon report` and `recon history` against a server."""

import asyncio
import csv
import json
from collections.abc import Iterator

import pytest

from api.commands.throwaway import Throwaway
from conf.database import Database
from tests.cli.conftest import Recon
from tests.reports.runs import STARTED, add_run

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", autouse=True)
def _runs(server: Throwaway, module_store: dict[str, str]) -> Iterator[None]:
    """Two nights of a two-way configuration."""

    async def add() -> None:
        own = f"sqlite:///{server.project / '.recon' / 'reconvene.db'}"
        database = await Database.open(module_store.get("database", own))
        await add_run(database)
        await add_run(
            database, "night-2", started=STARTED + 86_400_000, results=(), status="FAILED", message="away"
        )
        await database.close()

    asyncio.run(add())
    return


def test_a_report_in_the_terminal(there: Recon) -> None:
    found = there("report", "night-1")
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines()[0] == "hr  FINISHED  3 done, 2 failed, 1 waiting of 7"
    row = next(line for line in found.stdout.splitlines() if "Delete from Resource" in line)
    assert row.startswith("IDM (deleted) and Resource (exists)")
    failed = there("report", "night-2")
    assert failed.returncode == 1
    assert failed.stdout.startswith("hr  FAILED, no object was looked at\n")
    assert "message     away" in failed.stdout


def test_a_report_as_a_file(there: Recon, server: Throwaway) -> None:
    assert there("report", "night-1", "-o", "night.html").returncode == 0
    assert "<title>hr: 3 done" in (server.project / "night.html").read_text("utf-8")
    options = ("--output", "night.csv", "--nothing", "--filter", 'attribute/sn eq "Q"')
    assert there("report", "night-1", *options).returncode == 0
    with (server.project / "night.csv").open(encoding="utf-8", newline="") as file:
        assert [row["PRINCIPAL"] for row in csv.DictReader(file)] == ["quiet"]
    assert there("report", "night-1", "--format", "csv").stdout.startswith("CASE,SITUATION,")


def test_a_run_of_a_mapping_has_its_entries_as_csv(there: Recon) -> None:
    started = json.loads(there("run", "systemCsvfileAccounts_managedUser", "--wait", "-o", "json").stdout)
    assert "ABSENT 2" in there("report", started["_id"]).stdout
    found = there("report", started["_id"], "--format", "csv", "--filter", 'situation eq "ABSENT"')
    rows = list(csv.DictReader(found.stdout.splitlines()))
    assert [(row["SITUATION"], row["ACTION"]) for row in rows] == [("ABSENT", "ASYNC")] * 2
    assert "there is --format csv of it" in there("report", started["_id"], "--format", "html").stderr


def test_what_cannot_be_reported(there: Recon) -> None:
    for arguments, said in (
        (("night-3",), "Reconciliation with id night-3 not found."),
        (("night-1", "-o", "night.pdf"), "Name it .html or .csv, or add --format."),
        (("night-1", "-o", "no/such/folder.csv"), "cannot be written"),
        (("night-1", "--filter", "case is", "--format", "csv"), "case is"),
    ):
        found = there("report", *arguments)
        assert (found.returncode, said in found.stderr) == (1, True), found.stderr
        assert "Traceback" not in found.stderr


def test_history_goes_from_runs_to_objects_to_one_object(there: Recon) -> None:
    assert [line.split()[1] for line in there("history").stdout.splitlines()[1:]] == ["night-2", "night-1"]
    found = there("history", "--value", "status=FAILED", "--json").stdout.splitlines()
    assert [json.loads(line)["_id"] for line in found] == ["night-2"]
    some = there(
        "history", "night-1", "--case", "match_found_different", "--value", "email=scarter@example.com"
    )
    assert some.stdout.splitlines()[-1].split()[:3] == ["2", "MATCH_FOUND_DIFFERENT", "scarter"]
    first = there("history", "night-1", "--sort", "-principal", "--limit", "1", "--json")
    assert json.loads(first.stdout)["principal"] == "scarter"
    one = there("history", "night-1", "1").stdout
    assert "* mail / email" not in one  # the configuration is not in this project, so names are not paired
    assert "barbara@old.example.com" in one
    assert "* email" in one
