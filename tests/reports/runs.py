"""Runs as a nightly reconciliation leaves them."""

from collections.abc import Iterable
from typing import Any

import orjson

from conf.database import Database
from flows.store import two_way
from flows.store.two_way import TwoWayResult, TwoWayRun
from tests.rest.conftest import Server

BOTH = "IDM_EXISTS__SYS_EXISTS"
ONLY_IDM = "IDM_EXISTS__SYS_NOT_EXISTS"
ONLY_RESOURCE = "SYS_EXISTS__IDM_NOT_EXISTS"
DELETED = "IDM_DELETED__SYS_EXISTS"
STARTED = 1_767_312_000_000
HOSTILE = "<script>alert('x')</script>&\"'"

CONFIGURATION: dict[str, Any] = {
    "type": "User",
    "idmObject": "managed/user",
    "managedSystem": "system/hr/account",
    "idmRepositoryField": "userName",
    "sourceAttributeName": "login",
    "policyMap": [
        {"idm": "mail", "resource": "email"},
        {"idm": "sn", "resource": "sn"},
        {"idm": "telephoneNumber", "resource": "phone"},
        {"idm": "memberOf", "resource": "memberOf"},
    ],
}

RESULTS = [
    TwoWayResult(
        1,
        BOTH,
        "UPDATE_RES_FROM_IDM",
        "MATCH_FOUND_DIFFERENT",
        "bjensen",
        "6b1c-bjensen",
        "bjensen",
        idm_before={"mail": "bjensen@example.com", "sn": "Jensen", "telephoneNumber": "+1 408 555 1862"},
        idm_after={"mail": "bjensen@example.com", "sn": "Jensen", "telephoneNumber": "+1 408 555 1862"},
        resource_before={"email": "barbara@old.example.com", "sn": "Jensen", "phone": None},
        resource_after={"email": "bjensen@example.com", "sn": "Jensen", "phone": "+1 408 555 1862"},
    ),
    TwoWayResult(
        2,
        BOTH,
        "UPDATE_IDM_FROM_RES",
        "MATCH_FOUND_DIFFERENT",
        "scarter",
        "6b1c-scarter",
        "scarter",
        "FAILURE",
        "sn: the value is longer than the 64 characters that managed/user allows",
        idm_before={"mail": "scarter@example.com", "sn": "Carter", "memberOf": ["staff"]},
        resource_before={"email": "scarter@example.com", "sn": "Carter-" + "x" * 500, "memberOf": ["b", "a"]},
    ),
    TwoWayResult(
        3,
        ONLY_RESOURCE,
        "ADD_TO_IDM",
        "NOT_EXIST_IN_IDM_DB",
        HOSTILE,
        None,
        "=cmd|' /C calc'!A0",
        "PENDING",
        f"waits for managers {HOSTILE}",
        resource_before={"email": "+new@example.com", HOSTILE: [HOSTILE, HOSTILE], "sn": HOSTILE},
    ),
    TwoWayResult(
        4,
        DELETED,
        "DELETE_FROM_RES",
        "IDM_DELETED",
        "jdoe",
        "6b1c-jdoe",
        "jdoe",
        idm_before={"mail": "jdoe@example.com", "sn": "Doe"},
        resource_before={"email": "jdoe@example.com", "sn": "Doe"},
    ),
    TwoWayResult(
        5,
        BOTH,
        "NOTHING",
        "MATCH_FOUND",
        "quiet",
        "6b1c-quiet",
        "quiet",
        "NOTHING",
        "",
        {"sn": "Q"},
        None,
        {"sn": "Q"},
    ),
    TwoWayResult(
        6,
        ONLY_IDM,
        "ADD_TO_RES",
        "NOT_EXIST_IN_RESOURCE",
        "Zoë Ångström",
        "6b1c-zoe",
        "zoe",
        idm_before={"mail": "zoe@example.com", "sn": "Ångström"},
        idm_after={"mail": "zoe@example.com", "sn": "Ångström"},
        resource_after={"email": "zoe@example.com", "sn": "Ångström"},
    ),
    TwoWayResult(7, "", "", "BROKEN_CSV", "", None, None, "FAILURE", "line 7: 3 values for 6 columns"),
]


async def add_run(
    database: Database,
    id: str = "night-1",
    name: str = "hr",
    results: Iterable[TwoWayResult] = RESULTS,
    **columns: Any,
) -> TwoWayRun:
    """A run that has ended, with its results."""
    given: dict[str, Any] = {"status": "FINISHED", "started": STARTED, "ended": STARTED + 84_000}
    given["user_id"] = "openidm-admin"
    run = TwoWayRun(id, name, trigger="schedule", **given | columns)
    async with database.write() as tx:
        await two_way.add_run(tx, run)
        await two_way.add_results(tx, id, results)
        counts = await two_way.totals(tx, id)
        await two_way.update_run(tx, id, counts=counts)
        found = await two_way.read_run(tx, id)
    assert found is not None
    return found


async def mail_state(database: Database, id: str = "night-1") -> TwoWayRun:
    """The run as it stands now."""
    async with database.read() as tx:
        found = await two_way.read_run(tx, id)
    assert found is not None
    return found


def configure(server: Server, **members: Any) -> None:
    """Change the configuration, as somebody does who edits its file."""
    path = server.runtime.project.folder / "reconciliation-hr.json"
    path.write_bytes(orjson.dumps(CONFIGURATION | members))
    server.runtime.project.refresh()
