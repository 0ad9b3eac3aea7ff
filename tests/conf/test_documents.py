"""Types of managed objects, connectors, schedules, login and access: what their documents say."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from conf.access import read_access
from conf.authentication import read_authentication
from conf.document import Node, Reading
from conf.managed_schema import ManagedType, read_managed
from conf.provisioner import ConnectorConfig, read_connector
from conf.schedule import ScheduleConfig, read_schedule
from conf.substitution import Substitution


def node(document: Any) -> Node:
    return Node(document, Reading("doc"))


def problems(node: Node) -> str:
    return "\n".join(map(str, node.reading.problems))


def managed(**type_: Any) -> ManagedType:
    return read_managed(node({"objects": [{"name": "t", **type_}]}))["t"]


def test_a_type_without_a_schema_takes_anything() -> None:
    found = managed()
    assert (found.properties, found.required, found.unique, found.defaults) == ({}, (), (), {})


def test_a_property_tells_what_becomes_of_it() -> None:
    found = managed(
        schema={
            "required": ["a"],
            "properties": {
                "a": {"type": "string", "policies": [{"policyId": "unique"}]},
                "b": {"type": ["string", "null"], "required": True, "default": "x"},
                "secret": {"type": "string", "scope": "private", "secureHash": {"algorithm": "ARGON2"}},
                "friends": {"type": "array", "items": {"type": "relationship"}},
                "best": {"type": "relationship", "returnByDefault": True},
                "sum": {"type": "array", "isVirtual": True, "returnByDefault": True},
                "list": {"type": "array", "comparison": "unordered"},
            },
        },
        onCreate={"type": "text/javascript", "source": "1"},
        postDelete={"type": "text/javascript", "source": "2"},
    )
    assert found.required == ("a", "b")
    assert found.unique == ("a",)
    assert found.private == found.secrets == {"secret"}
    assert found.relationships == {"friends", "best"}
    assert found.hidden == {"friends"}
    assert found.defaults == {"b": "x", "sum": []}
    assert found.unordered == {"friends", "sum", "list"}
    assert found.hooks.keys() == {"onCreate", "postDelete"}


def test_the_older_place_of_property_settings_counts_too() -> None:
    found = managed(
        schema={"properties": {"password": {"type": "string"}}},
        properties={"password": {"encryption": {"key": "x"}, "scope": "private"}},
    )
    assert found.secrets == found.private == {"password"}
    assert found.properties["password"].types == ("string",)


def test_the_oldest_place_is_a_list_of_properties_by_name() -> None:
    root = node(
        {
            "objects": [
                {
                    "name": "user",
                    "onCreate": {"type": "text/javascript", "file": "ui/onCreate-user-set-default-fields.js"},
                    "postCreate": {"type": "text/javascript", "file": "own.js"},
                    "schema": {
                        "properties": {"password": {"type": "string"}, "accountStatus": {"type": "string"}}
                    },
                    "properties": [
                        {"name": "password", "encryption": {"key": "x"}, "scope": "private"},
                        {
                            "name": "effectiveRoles",
                            "type": "virtual",
                            "onRetrieve": {"type": "text/javascript", "file": "roles/effectiveRoles.js"},
                        },
                    ],
                }
            ]
        }
    )
    root.reading.has_script = lambda file: file == "own.js"
    user = read_managed(root)["user"]
    assert problems(root) == ""
    assert user.secrets == {"password"}
    assert user.virtual == user.hidden == {"effectiveRoles"}
    assert user.hooks.keys() == {"postCreate"}
    assert user.properties["effectiveRoles"].hooks == {}
    assert user.defaults == {"accountStatus": "active"}


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ([], "expected an object"),
        ({"objects": {}}, "objects: expected an array"),
        ({"objects": [{}]}, "objects[0]: 'name' is missing"),
        ({"objects": [{"name": "a/b"}]}, "objects[0].name: 'a/b' cannot name a type"),
        ({"objects": [{"name": "a"}, {"name": "a"}]}, "objects[1].name: there are two types named 'a'"),
        (
            {"objects": [{"name": "a", "schema": {"properties": {"x": 1}}}]},
            "objects[0].schema.properties.x: expected",
        ),
        (
            {"objects": [{"name": "a", "onCreate": {"type": "x"}}]},
            "objects[0].onCreate.type: 'x' is not a script",
        ),
    ],
)
def test_wrong_types_are_named(document: Any, problem: str) -> None:
    root = node(document)
    read_managed(root)
    assert problem in problems(root)


def connector(tmp_path: Path, **members: Any) -> tuple[ConnectorConfig, str]:
    root = node({"connectorRef": {"connectorName": "org.x.CSVFileConnector"}, **members})
    found = read_connector(root, "provisioner.openicf/hr", Substitution(tmp_path, {"CSV_DIR": "/data"}))
    assert found is not None
    return found, problems(root)


def test_a_connector_is_read_with_everything_put_in_place(tmp_path: Path) -> None:
    found, wrong = connector(
        tmp_path,
        configurationProperties={
            "csvFile": "&{project.location}/&{csv.dir}/&{no.such|x}.csv",
            "n": {"$int": "&{n|3}"},
        },
        objectTypes={
            "account": {
                "nativeType": "__ACCOUNT__",
                "properties": {
                    "uid": {"type": "string", "nativeName": "__NAME__", "required": True},
                    "mail": {"type": ["array", "null"], "flags": ["NOT_UPDATEABLE"]},
                },
            }
        },
        comment="kept",
    )
    assert wrong == ""
    assert (found.name, found.kind, found.enabled) == ("hr", "CSVFileConnector", True)
    assert found.properties == {"csvFile": f"{tmp_path}//data/x.csv", "n": 3}
    account = found.object_types["account"]
    assert (account.native_type, account.attributes["uid"].native_name) == ("__ACCOUNT__", "__NAME__")
    assert account.attributes["mail"].is_multivalued
    assert found.raw["comment"] == "kept"


def test_a_connector_without_a_reference_says_so(tmp_path: Path) -> None:
    assert "'connectorRef' is missing" in connector(tmp_path, connectorRef=None)[1]
    assert "connectorRef: 'connectorName' is missing" in connector(tmp_path, connectorRef={})[1]
    assert "objectTypes.a: expected an object" in connector(tmp_path, objectTypes={"a": 1})[1]


def test_unknown_places_stay_as_they_are_written(tmp_path: Path) -> None:
    substitution = Substitution(tmp_path, {})
    assert substitution.apply({"a": ["&{no.such}", "&{x|}"], "b": {"$bool": "&{b|TRUE}"}}) == {
        "a": ["&{no.such}", ""],
        "b": True,
    }
    assert substitution.apply({"$int": "many"}) == {"$int": "many"}
    assert substitution.apply({"$list": "a, b"}) == ["a", "b"]


def schedule(**members: Any) -> tuple[ScheduleConfig, str]:
    document = {
        "enabled": True,
        "type": "cron",
        "schedule": "0 0 2 * * ?",
        "invokeService": "sync",
        "invokeContext": {"action": "reconcile", "mapping": "m"},
        **members,
    }
    root = node(document)
    found = read_schedule(root, "nightly", "UTC")
    assert found is not None
    return found, problems(root)


def at(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)


def test_a_schedule_tells_when_and_what() -> None:
    found, wrong = schedule(timeZone="Europe/Berlin", invokeService="org.forgerock.openidm.sync")
    assert wrong == ""
    assert (found.service, found.mapping, found.misfire_policy, found.persisted) == (
        "sync",
        "m",
        "fireAndProceed",
        True,
    )
    assert found.next_times(at(2026, 11, 21, 9)) == [at(2026, 11, 22, 1)]
    assert schedule(enabled=False)[0].next_times(0) == []


def test_a_schedule_keeps_to_its_start_and_end() -> None:
    found, wrong = schedule(startTime="2026-12-01T00:00:00+01:00", endTime="2026-12-03T00:00:00")
    assert wrong == ""
    assert found.next_times(at(2026, 11, 21), 9) == [at(2026, 12, 1, 2), at(2026, 12, 2, 2)]


def test_a_simple_schedule_repeats_by_interval() -> None:
    found, wrong = schedule(
        type="simple", schedule=None, repeatInterval=60_000, repeatCount=2, startTime="2026-01-01T00:00:00Z"
    )
    assert wrong == ""
    start = at(2026, 1, 1)
    assert found.next_times(start - 1, 9) == [start, start + 60_000, start + 120_000]
    assert found.next_times(start, 1) == [start + 60_000]


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"schedule": "banana"}, "schedule: The schedule 'banana' has 1 fields"),
        ({"schedule": None}, "'schedule' is missing"),
        ({"type": "daily"}, "type: 'daily' is not a type of schedule"),
        (
            {"timeZone": "Europe/Berln"},
            "timeZone: 'Europe/Berln' is not a time zone. Did you mean Europe/Berlin?",
        ),
        ({"timeZone": "../etc/passwd"}, "is not a time zone"),
        ({"misfirePolicy": "skip"}, "misfirePolicy: 'skip' is not a misfire policy"),
        (
            {"invokeService": "synch"},
            "invokeService: 'synch' is not a service that can be scheduled. Did you mean sync?",
        ),
        (
            {"invokeContext": {"action": "fly", "mapping": "m"}},
            "Action 'fly' configured in schedule not supported",
        ),
        ({"invokeContext": {"action": "reconcile"}}, "invokeContext: 'mapping' is missing"),
        ({"invokeContext": None}, "'invokeContext' is missing"),
        ({"startTime": "tomorrow"}, "startTime: 'tomorrow' is not a time"),
        ({"enabled": "yes"}, "enabled: expected true or false"),
    ],
)
def test_wrong_schedules_are_named(members: dict[str, Any], problem: str) -> None:
    assert problem in schedule(**members)[1]


def test_modules_that_are_off_or_unknown_let_nobody_in(tmp_path: Path) -> None:
    user = {
        "username": "a",
        "password": "&{a.password|b}",
        "defaultUserRoles": ["internal/role/r", "repo/internal/role/s"],
    }
    modules = [
        {"name": "STATIC_USER", "properties": user},
        {"name": "STATIC_USER", "enabled": False, "properties": user | {"username": "off"}},
        {"name": "CLIENT_CERT", "properties": {}},
        {"name": "OPENID_CONNECT", "properties": {"issuer": "https://id.example.com", "scopes": ["x"]}},
    ]
    context = {"sessionModule": {"properties": {"maxTokenLifeMinutes": "60"}}, "authModules": modules}
    found = read_authentication(node({"serverAuthContext": context}), Substitution(tmp_path, {}))
    assert found.static_users.keys() == {"a"}
    assert (found.static_users["a"].password, found.static_users["a"].roles) == ("b", {"r", "s"})
    assert not found.has_default_password
    assert found.token_logins[0].issuer == "https://id.example.com"
    assert (found.session_minutes, found.session_idle_minutes) == (60, 30)


def test_accounts_whose_password_is_not_known_cannot_log_in(tmp_path: Path) -> None:
    passwords: list[Any] = ["&{no.such.password}", {"$crypto": {}}, "", None]
    modules = [
        {"name": "STATIC_USER", "properties": {"username": f"u{number}", "password": password}}
        for number, password in enumerate(passwords)
    ]
    found = read_authentication(node({"authModules": modules}), Substitution(tmp_path, {}))
    assert [user.password for user in found.static_users.values()] == [""] * 4


def test_older_files_lean_on_the_accounts_of_the_repository(tmp_path: Path) -> None:
    document = {
        "authModules": [{"name": "INTERNAL_USER", "properties": {"queryOnResource": "repo/internal/user"}}]
    }
    (tmp_path / "resolver").mkdir()
    found = read_authentication(node(document), Substitution(tmp_path, {}))
    assert found.static_users["openidm-admin"].password == "openidm-admin"
    assert found.has_default_password
    (tmp_path / "resolver/boot.properties").write_text("# secret\nopenidm.admin.password = s3cret\n")
    found = read_authentication(node(document), Substitution(tmp_path, {}))
    assert found.static_users["openidm-admin"].password == "s3cret"
    assert not found.has_default_password
    found = read_authentication(node(document), Substitution(tmp_path, {"OPENIDM_ADMIN_PASSWORD": "other"}))
    assert found.static_users["openidm-admin"].password == "other"


def test_access_rules_cover_by_pattern_method_action_and_role() -> None:
    (rule,) = read_access(
        node(
            {
                "configs": [
                    {
                        "pattern": "managed/*",
                        "roles": "internal/role/a, b",
                        "methods": "read,action",
                        "actions": "patch",
                        "customAuthz": " own() ",
                        "excludePatterns": "managed/role/*",
                    }
                ]
            }
        )
    )
    assert rule.covers("managed/user/x", "read", "", {"a"})
    assert rule.covers("managed/user", "action", "patch", {"b"})
    assert not rule.covers("managed/user", "action", "delete", {"b"})
    assert not rule.covers("managed/user", "delete", "", {"a"})
    assert not rule.covers("managed/role/x", "read", "", {"a"})
    assert not rule.covers("repo/managed/x", "read", "", {"a"})
    assert not rule.covers("managed/user", "read", "", {"c"})
    assert rule.custom == "own()"
