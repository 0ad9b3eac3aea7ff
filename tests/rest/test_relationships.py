"""References of an object as a collection."""

import pytest
import pytest_asyncio

from tests.rest.conftest import Server, user

pytestmark = pytest.mark.asyncio(loop_scope="module")
ADMIN_ROLE = "internal/role/openidm-admin"


@pytest_asyncio.fixture(loop_scope="module")
async def person(server: Server) -> str:
    await server.call("DELETE", "managed/user/ref")
    await server.put("managed/user/ref", user(userName="ref", mail="ref@example.com"))
    return "managed/user/ref/authzRoles"


async def test_references_are_added_listed_read_and_removed(server: Server, person: str) -> None:
    assert (await server.get(f"{person}?_queryFilter=true"))["result"] == []
    made = await server.call("POST", f"{person}?_action=create", {"_ref": ADMIN_ROLE})
    assert made.status_code == 201
    one = made.json()
    assert one["_ref"] == ADMIN_ROLE
    assert (one["_refResourceCollection"], one["_refResourceId"]) == ("internal/role", "openidm-admin")
    assert made.headers["location"].endswith(f"/{person}/{one['_id']}")
    await server.call("POST", person, {"_ref": "internal/role/openidm-reg", "_refProperties": {"why": "x"}})
    listed = (await server.get(f"{person}?_queryFilter=true&_sortKeys=_refResourceId"))["result"]
    assert [row["_refResourceId"] for row in listed] == ["openidm-admin", "openidm-reg"]
    assert listed[1]["_refProperties"] == {"why": "x"}
    found = await server.get(person, params={"_queryFilter": '_refResourceId eq "openidm-reg"'})
    assert found["resultCount"] == 1
    assert await server.get(f"{person}/{one['_id']}") | {"_rev": ""} == one | {"_rev": ""}
    whole = await server.get("managed/user/ref?_fields=authzRoles")
    assert [row["_ref"] for row in whole["authzRoles"]] == [ADMIN_ROLE, "internal/role/openidm-reg"]
    gone = await server.call("DELETE", f"{person}/{one['_id']}")
    assert (gone.status_code, gone.json()["_ref"]) == (200, ADMIN_ROLE)
    assert (await server.call("DELETE", f"{person}/{one['_id']}")).status_code == 404
    assert (await server.get(f"{person}?_queryFilter=true"))["resultCount"] == 1


async def test_a_reference_has_the_id_that_it_is_put_under(server: Server, person: str) -> None:
    put = await server.call("PUT", f"{person}/mine", {"_ref": ADMIN_ROLE})
    assert (put.status_code, put.json()["_id"]) == (201, "mine")
    again = await server.call("PUT", f"{person}/mine", {"_ref": "internal/role/openidm-reg"})
    assert (again.status_code, again.json()["_refResourceId"]) == (200, "openidm-reg")
    assert (await server.get(f"{person}?_queryFilter=true"))["resultCount"] == 1


async def test_members_of_the_object_behind_are_told_when_asked_for(server: Server, person: str) -> None:
    await server.call("POST", person, {"_ref": ADMIN_ROLE})
    (row,) = (await server.get(f"{person}?_queryFilter=true&_fields=name,_ref"))["result"]
    assert (row["name"], row["_ref"]) == ("openidm-admin", ADMIN_ROLE)


async def test_a_single_reference_is_read_and_removed(server: Server, person: str) -> None:
    boss = {"_ref": "managed/user/boss"}
    await server.put("managed/user/boss", user(userName="boss", mail="boss@example.com"))
    assert (await server.call("GET", "managed/user/ref/manager")).status_code == 404
    change = [{"operation": "replace", "field": "/manager", "value": boss}]
    assert (await server.call("PATCH", "managed/user/ref", change)).status_code == 200
    one = await server.get("managed/user/ref/manager")
    assert one["_refResourceId"] == "boss"
    assert (await server.call("POST", "managed/user/ref/manager", {"_ref": ADMIN_ROLE})).status_code == 400
    assert (await server.call("DELETE", f"managed/user/ref/manager/{one['_id']}")).status_code == 200
    assert (await server.call("GET", "managed/user/ref/manager")).status_code == 404


async def test_members_of_a_role(server: Server, person: str) -> None:
    path = "internal/role/openidm-tasks-manager/authzMembers"
    made = await server.call("POST", f"{path}?_action=create", {"_ref": "managed/user/ref"})
    assert made.status_code == 201, made.text
    (member,) = (await server.get(f"{path}?_queryFilter=true"))["result"]
    assert (member["_ref"], member["_id"]) == ("managed/user/ref", made.json()["_id"])
    (role,) = (await server.get(f"{person}?_queryFilter=true"))["result"]
    assert role["_refResourceId"] == "openidm-tasks-manager"
    assert (await server.call("DELETE", f"{path}/{member['_id']}")).status_code == 200
    assert (await server.get(f"{person}?_queryFilter=true"))["result"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "managed/user/ref/authzRoles", None, 400),
        ("GET", "managed/user/nobody/authzRoles?_queryFilter=true", None, 404),
        ("GET", "managed/user/ref/userName?_queryFilter=true", None, 404),
        ("GET", "managed/nosuch/ref/authzRoles?_queryFilter=true", None, 404),
        ("GET", "managed/user/ref/authzRoles?_queryFilter=nonsense", None, 400),
        ("GET", "managed/user/ref/authzRoles/nosuch", None, 404),
        ("POST", "managed/user/ref/authzRoles", {}, 400),
        ("POST", "managed/user/ref/authzRoles", {"_ref": 1}, 400),
        ("POST", "managed/user/ref/authzRoles", {"_ref": "internal/role/nosuch"}, 400),
        ("POST", "managed/user/ref/authzRoles", {"_ref": "nosuch/x"}, 400),
        ("PATCH", "managed/user/ref/authzRoles/x", [], 501),
        ("GET", "internal/role/nosuch/authzMembers?_queryFilter=true", None, 404),
        ("POST", "internal/role/openidm-admin/authzMembers", {"_ref": "managed/user/nobody"}, 400),
    ],
)
async def test_what_is_refused(
    server: Server, person: str, method: str, path: str, body: object, status: int
) -> None:
    assert (await server.call(method, path, body)).status_code == status


async def test_nobody_gives_himself_a_role(server: Server, person: str) -> None:
    own = {"X-OpenIDM-Username": "climber", "X-OpenIDM-Password": "Passw0rd"}
    body = user(_id="climber", userName="climber", mail="c@example.com", password="Passw0rd")
    await server.put("managed/user/climber", body)
    answer = await server.client.post(
        "/openidm/managed/user/climber/authzRoles?_action=create", json={"_ref": ADMIN_ROLE}, headers=own
    )
    assert answer.status_code == 403
    twice = {"_ref": ADMIN_ROLE}
    assert (await server.call("POST", person, twice)).status_code == 201
    assert (await server.call("POST", person, twice)).status_code == 412
