"""The asynchronous sample, as its document tells it, and the defaults that it shares."""

import csv
import json
from pathlib import Path

import pytest

import conf
from conf.project import DEFAULTS, LiveProject, open_project
from conf.script_config import ScriptConfig
from conf.terms import Action, Situation

SAMPLE = Path(conf.__file__).parent / "samples" / "sync-asynchronous"
MAPPING = "systemCsvfileAccounts_managedUser"


@pytest.fixture(scope="module")
def project() -> LiveProject:
    return open_project(SAMPLE)


def test_the_sample_has_no_problem(project: LiveProject) -> None:
    assert project.problems == ()
    assert project.mapping(MAPPING).problems == ()


def test_absent_launches_the_workflow_as_the_document_prints_it(project: LiveProject) -> None:
    (policy,) = project.mapping(MAPPING).policies_for(Situation.ABSENT)
    assert isinstance(policy.action, ScriptConfig)
    assert policy.action.raw == {
        "workflowName": "managedUserApproval",
        "type": "text/javascript",
        "file": "workflow/triggerWorkflowFromSync.js",
    }
    assert policy.action.variables == {"workflowName": "managedUserApproval"}


def test_nobody_is_deleted_or_created_without_being_asked(project: LiveProject) -> None:
    actions = {policy.situation: policy.action for policy in project.mapping(MAPPING).policies}
    assert actions.pop(Situation.CONFIRMED) is Action.UPDATE
    actions.pop(Situation.ABSENT)
    assert set(actions.values()) == {Action.IGNORE}
    assert actions.keys() >= {
        Situation.UNASSIGNED,
        Situation.UNQUALIFIED,
        Situation.SOURCE_MISSING,
        Situation.FOUND,
    }


def test_the_csv_has_the_header_and_the_rows_of_the_document() -> None:
    raw = (SAMPLE / "data/csvConnectorData.csv").read_text()
    assert raw.startswith('"description", "uid", "username", "firstname", "lastname", "email", "mobile')
    header, *rows = csv.reader(raw.splitlines(), skipinitialspace=True, strict=True)
    assert [row[:6] for row in rows] == [
        ["Created ...", "bjensen", "bjensen@example.com", "Barbara", "Jensen", "bjensen@example.com"],
        ["Created ...", "scarter", "scarter@example.com", "Steven", "Carter", "scarter@example.com"],
    ]
    assert all(row[6].startswith("1234") for row in rows)
    assert header[6] == "mobileTelephoneNumber"


def test_the_mapping_reads_the_columns_of_the_csv_and_no_others(project: LiveProject) -> None:
    attributes = project.connectors["csvfile"].object_types["account"].attributes
    header = (SAMPLE / "data/csvConnectorData.csv").read_text().splitlines()[0]
    assert {name.strip(' "') for name in header.split(",")} == attributes.keys()
    sources = {found.source[0] for found in project.mapping(MAPPING).properties if found.source}
    assert sources - {"_id"} <= attributes.keys()
    assert all(not found.has_default for found in project.mapping(MAPPING).properties)


def test_every_required_property_of_a_user_is_mapped(project: LiveProject) -> None:
    targets = {found.target[0] for found in project.mapping(MAPPING).properties}
    assert targets >= {"_id", *project.managed_types["user"].required}
    assert targets <= project.managed_types["user"].properties.keys()


def test_the_file_lies_in_the_project_folder(project: LiveProject) -> None:
    assert Path(project.connectors["csvfile"].properties["csvFile"]) == SAMPLE / "data/csvConnectorData.csv"


def test_the_nightly_run_is_ready_and_off(project: LiveProject) -> None:
    nightly = project.schedules["nightly"]
    assert (nightly.enabled, nightly.mapping, nightly.service) == (False, MAPPING, "sync")
    assert nightly.cron is not None
    assert nightly.cron.words == "At 02:00 every day"
    assert nightly.next_times(0) == []


@pytest.mark.parametrize("file", ["managed.json", "authentication.json"])
def test_the_sample_keeps_to_the_defaults(file: str) -> None:
    assert json.loads((SAMPLE / "conf" / file).read_text()) == json.loads((DEFAULTS / file).read_text())


def test_the_default_user_is_pingidms(project: LiveProject) -> None:
    user = project.managed_types["user"]
    assert user.required == ("userName", "givenName", "sn", "mail")
    assert user.unique == ("userName",)
    assert user.secrets == {"password"}
    assert "password" in user.private
    assert {"authzRoles", "roles", "manager"} <= user.relationships & user.hidden
    assert user.defaults == {"accountStatus": "active", "effectiveRoles": [], "effectiveAssignments": []}


def test_the_default_accounts_log_in_with_their_names_on_this_machine_only(project: LiveProject) -> None:
    admin = project.authentication.static_users["openidm-admin"]
    assert admin.password == "openidm-admin"
    assert admin.roles == {"openidm-admin", "openidm-authorized"}
    assert project.authentication.has_default_password
    (managed,) = project.authentication.managed_logins
    assert (managed.component, managed.name_property, managed.password_property) == (
        "managed/user",
        "userName",
        "password",
    )
    assert managed.default_roles == {"openidm-authorized"}
