"""Calls of workflow resources that are wrong or need a right, and processes that a person starts."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from conf.errors import Forbidden, ReconError
from flows.call import Runtime
from flows.router import Router
from tests.approvals.conftest import ADMIN, STRANGER
from tests.approvals.resources import DEFINITION, PROCESS, TASK, YES, opened


@pytest.mark.parametrize(
    ("verb", "path", "content", "status"),
    [
        ("action", f"{TASK}/1", ("nosuch", {}), 400),
        ("action", f"{TASK}/1", ("Complete", {}), 400),
        ("action", TASK, ("complete", {}), 400),
        ("action", f"{TASK}/99999", ("complete", YES), 404),
        ("action", f"{TASK}/abc", ("claim", {"userId": "x"}), 404),
        ("action", f"{TASK}/1", ("claim", None), 400),
        ("action", f"{TASK}/1", ("claim", {"userId": "scarter"}), 409),
        ("action", f"{TASK}/1", ("complete", []), 400),
        ("action", f"{TASK}/1", ("complete", {"_comment": 5, **YES}), 400),
        ("delete", f"{TASK}/1", None, 409),
        ("delete", f"{TASK}/99999", None, 404),
        ("patch", f"{TASK}/1", None, 501),
        ("create", TASK, {"name": "x"}, 501),
        ("update", f"{TASK}/1", {"priority": 3}, 400),
        ("create", PROCESS, {}, 400),
        ("create", PROCESS, {"_key": None}, 400),
        ("create", PROCESS, {"_key": 5}, 400),
        ("create", PROCESS, {"_key": "nosuch"}, 404),
        ("create", PROCESS, {"_processDefinitionId": "nosuch:1:1"}, 404),
        ("create", f"{PROCESS}/4711", {"_key": "open"}, 405),
        ("create", f"{PROCESS}/history", {"_key": "open"}, 501),
        ("delete", f"{PROCESS}/99999", None, 404),
        ("update", f"{PROCESS}/1", {}, 501),
        ("delete", f"{DEFINITION}/nosuch:1:1", None, 404),
        ("read", f"{TASK}/99999", None, 404),
        ("read", f"{PROCESS}/x", None, 404),
        ("read", TASK, None, 400),
    ],
)
async def test_wrong_calls(
    router: Router, runtime: Runtime, verb: str, path: str, content: Any, status: int
) -> None:
    await opened(runtime, "bjensen")
    call = runtime.call(ADMIN)
    verbs: dict[str, Callable[[], Awaitable[Any]]] = {
        "action": lambda: router.action(call, path, content[0], content[1], {}),
        "delete": lambda: router.delete(call, path, None),
        "patch": lambda: router.patch(call, path, None, []),
        "create": lambda: router.create(call, path, None, content),
        "update": lambda: router.update(call, path, None, content),
        "read": lambda: router.read(call, path),
    }
    with pytest.raises(ReconError) as error:
        await verbs[verb]()
    assert error.value.status == status
    assert error.value.message


async def test_a_process_started_by_hand(router: Router, runtime: Runtime) -> None:
    body = {
        "_key": "managedUserApproval",
        "_businessKey": "by hand",
        "mapping": "systemCsvfileAccounts_managedUser",
        "action": "CREATE",
        "situation": "ABSENT",
        "sourceId": "bjensen",
        "note": {"deep": [1]},
    }
    started = await router.create(runtime.call(ADMIN), PROCESS, None, body)
    assert list(started) == ["_id", "processInstanceId", "processDefinitionId", "businessKey", "status"]
    assert (started["businessKey"], started["status"]) == ("by hand", "suspended")
    read = await router.read(runtime.call(ADMIN), f"{PROCESS}/{started['_id']}")
    assert read["variables"]["note"] == {"deep": [1]}
    # a run, or a script, that asks for the same finds it
    again = await router.create(runtime.call(ADMIN), PROCESS, None, {**body, "_businessKey": "another"})
    assert again == started
    ended = await router.delete(runtime.call(ADMIN), f"{PROCESS}/{started['_id']}", None)
    assert (ended["_id"], ended["endTime"]) == (started["_id"], None)
    history = await router.read(runtime.call(ADMIN), f"{PROCESS}/history/{started['_id']}")
    assert (history["outcome"], history["deleteReason"]) == ("deleted", "Deleted by openidm-admin")


async def test_starting_a_process_needs_the_right(router: Router, runtime: Runtime) -> None:
    with pytest.raises(Forbidden, match="may not start the process 'open'"):
        await router.create(runtime.call(STRANGER), PROCESS, None, {"_key": "open"})
    runtime.project.put(
        "process/access",
        {
            "workflowAccess": [
                {
                    "propertiesCheck": {
                        "property": "key",
                        "matches": "op.*",
                        "requiresRole": "internal/role/openidm-authorized",
                    }
                }
            ]
        },
    )
    assert (await router.create(runtime.call(STRANGER), PROCESS, None, {"_key": "open"}))[
        "status"
    ] == "suspended"
    with pytest.raises(Forbidden):
        await router.create(runtime.call(STRANGER), PROCESS, None, {"_key": "managedUserApproval"})
    with pytest.raises(Forbidden):
        await router.delete(runtime.call(STRANGER), f"{PROCESS}/1", None)
