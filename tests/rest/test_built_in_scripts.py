"""Built-in scripts of roles and policies, run over a server's own objects."""

from typing import Any

import pytest
import pytest_asyncio

from conf.script_config import BUILT_IN_SCRIPTS
from flows.scripts.modules import built_in
from tests.rest.conftest import Server, user

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def run(server: Server, file: str, **variables: Any) -> Any:
    body = {"type": "text/javascript", "file": file, "globals": variables}
    answer = await server.call("POST", "script?_action=eval", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def roles(server: Server) -> Server:
    """Two roles with assignments, one of them over, and one for whoever works in sales."""
    for id in ("mail", "door"):
        await server.put(f"managed/assignment/{id}", {"name": id, "description": id, "mapping": "m"})
    for id, more in {
        "staff": {"assignments": [{"_ref": "managed/assignment/mail"}, {"_ref": "managed/assignment/door"}]},
        "guest": {
            "assignments": [{"_ref": "managed/assignment/door"}],
            "temporalConstraints": [{"duration": "2001-01-01T00:00:00.000Z/2002-01-01T00:00:00.000Z"}],
        },
        "sales": {"condition": '/description eq "sales"'},
    }.items():
        await server.put(f"managed/role/{id}", {"name": id, "description": id, **more})
    held = [{"_ref": f"managed/role/{id}"} for id in ("staff", "guest")]
    await server.put(
        "managed/user/held", user(userName="held", mail="h@example.com", roles=held, description="sales")
    )
    return server


async def test_every_name_has_its_script() -> None:
    assert [name for name in BUILT_IN_SCRIPTS if built_in(name) is None] == []


async def test_roles_in_force_and_what_they_bring_along(roles: Server) -> None:
    person = await roles.get("managed/user/held?_fields=roles")
    effective = await run(roles, "roles/effectiveRoles.js", object=person)
    assert [role["_ref"] for role in effective] == ["managed/role/staff"]
    found = await run(roles, "roles/effectiveAssignments.js", object={"effectiveRoles": effective})
    assert [one["_id"] for one in found] == ["mail", "door"]
    assert await run(roles, "roles/effectiveAssignments.js", object=person) == found


async def test_roles_come_and_go_with_their_condition(roles: Server) -> None:
    async def update() -> Any:
        return await run(roles, "roles/conditionalRoles.js", resourceName="managed/user/held")

    async def held() -> list[str]:
        found = await roles.get("managed/user/held?_fields=roles")
        return [one["_refResourceId"] for one in found["roles"]]

    assert await update() == {"granted": ["managed/role/sales"], "revoked": []}
    assert await held() == ["staff", "guest", "sales"]
    assert await update() == {"granted": [], "revoked": []}
    change = [{"operation": "replace", "field": "/description", "value": "purchase"}]
    await roles.call("PATCH", "managed/user/held", change)
    assert await update() == {"granted": [], "revoked": ["managed/role/sales"]}
    assert await held() == ["staff", "guest"]


@pytest.mark.parametrize(
    ("operation", "value", "after"),
    [
        ("mergeWithTarget", ["b"], {"value": ["a", "b"]}),
        ("replaceTarget", ["b"], {"value": ["b"]}),
        ("removeFromTarget", ["a"], {"value": []}),
        ("noOp", ["b"], {"value": ["a"]}),
    ],
)
async def test_operations_of_assignments(server: Server, operation: str, value: Any, after: Any) -> None:
    variables = {"targetObject": {"groups": ["a"]}, "attributeName": "groups", "attributeValue": value}
    assert await run(server, f"roles/{operation}.js", **variables) == after


async def test_policies_by_their_script(server: Server) -> None:
    request = {"resourcePath": "managed/user/*", "action": "validateProperty", "content": {"mail": "x"}}
    found = await run(server, "policy.js", request=request)
    assert found["result"] is False


async def test_a_file_of_the_project_takes_the_place_of_a_built_in_one(server: Server) -> None:
    file = server.runtime.settings.project / "script" / "roles" / "noOp.js"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("'ours'")
    assert await run(server, "roles/noOp.js") == "ours"
    file.unlink()
