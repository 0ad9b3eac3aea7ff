"""Managed objects: ids, defaults, secrets, relationships, uniqueness, policies, audit."""

from typing import Any

import pytest

from flows.call import Caller
from tests.rest.conftest import Server, user

pytestmark = pytest.mark.asyncio(loop_scope="module")
INSIDE = Caller("system", via="script", roles=frozenset({"openidm-admin"}))


async def create(server: Server, **more: Any) -> dict[str, Any]:
    answer = await server.call("POST", "managed/user?_action=create", user(**more))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def activities(server: Server, path: str) -> list[dict[str, Any]]:
    found = await server.get("audit/activity", params={"_queryFilter": f'objectId eq "{path}"'})
    events: list[dict[str, Any]] = found["result"]
    return events


async def test_the_approver_of_the_sample_is_created_as_its_document_tells(server: Server) -> None:
    body = {
        "userName": "async.admin",
        "givenName": "async",
        "sn": "admin",
        "password": "Passw0rd",
        "displayName": "async admin",
        "mail": "async.admin@example.com",
        "authzRoles": [{"_ref": "internal/role/openidm-admin"}, {"_ref": "internal/role/openidm-authorized"}],
        "_id": "asyncadmin",
    }
    answer = await server.call("POST", "managed/user?_action=create", body)
    made = answer.json()
    assert answer.status_code == 201
    assert len(made.pop("_rev")) == 16
    assert made == {
        "_id": "asyncadmin",
        "userName": "async.admin",
        "givenName": "async",
        "sn": "admin",
        "displayName": "async admin",
        "mail": "async.admin@example.com",
        "accountStatus": "active",
        "effectiveRoles": [],
        "effectiveAssignments": [],
    }


async def test_secrets_and_relationships_are_not_answered_unless_asked_for(server: Server) -> None:
    made = await create(
        server, _id="s1", userName="s1", password="Passw0rd", authzRoles=[{"_ref": "internal/role/x"}]
    )
    path = f"managed/user/{made['_id']}"
    assert not {"password", "authzRoles"} & set(await server.get(path))
    for fields in ("authzRoles", "*,*_ref", "*_ref", "authzRoles/*"):
        found = await server.get(path, params={"_fields": fields})
        assert found["authzRoles"] == [
            {
                "_ref": "internal/role/x",
                "_refResourceCollection": "internal/role",
                "_refResourceId": "x",
                "_refProperties": {},
            }
        ]
        assert "password" not in found
    assert "password" not in await server.get(path, params={"_fields": "password"})
    listed = await server.get(
        "managed/user", params={"_queryFilter": '_id eq "s1"', "_fields": "password,userName"}
    )
    assert set(listed["result"][0]) == {"_id", "_rev", "userName"}


async def test_nothing_private_can_be_found_out_by_searching(server: Server) -> None:
    filters = ("password pr", "!(password[true])")
    for query in (
        *({"_queryFilter": text} for text in filters),
        {"_queryFilter": "true", "_sortKeys": "password"},
    ):
        answer = await server.call("GET", "managed/user", params=query)
        assert answer.status_code == 403
        assert "private" in answer.json()["message"]


async def test_people_are_found_by_what_a_list_of_theirs_holds(server: Server) -> None:
    role = {"_ref": "internal/role/openidm-admin"}
    await create(server, _id="held", userName="held", authzRoles=[role])
    await create(server, _id="plain", userName="plain")
    wanted = f"""/authzRoles[/_ref eq "{role["_ref"]}"] and userName in '["held", "plain"]'"""
    found = await server.get("managed/user", params={"_queryFilter": wanted})
    assert [row["_id"] for row in found["result"]] == ["held"]


async def test_what_an_answer_hides_survives_a_put_of_that_answer(server: Server) -> None:
    role = {"_ref": "internal/role/openidm-admin"}
    made = await create(server, _id="s2", userName="s2", password="Passw0rd", authzRoles=[role])
    changed = await server.call("PUT", "managed/user/s2", {**made, "sn": "Other"}, headers={"If-Match": "*"})
    assert changed.json()["sn"] == "Other"
    found = await server.get("managed/user/s2", params={"_fields": "authzRoles,effectiveRoles"})
    assert found["authzRoles"][0]["_ref"] == role["_ref"]
    login = {"X-OpenIDM-Username": "s2", "X-OpenIDM-Password": "Passw0rd"}
    assert (await server.client.get("/openidm/info/login", headers=login)).status_code == 200
    server.client.cookies.clear()
    cleared = await server.call("PUT", "managed/user/s2", {**made, "password": None, "authzRoles": []})
    assert cleared.status_code == 200
    assert (await server.client.get("/openidm/info/login", headers=login)).status_code == 401
    assert (await server.get("managed/user/s2", params={"_fields": "authzRoles"}))["authzRoles"] == []


async def test_a_patch_can_set_and_remove_a_secret(server: Server) -> None:
    await create(server, _id="s3", userName="s3", password="Passw0rd")
    login = {"X-OpenIDM-Username": "s3", "X-OpenIDM-Password": "Another1x"}

    async def patch(**operation: Any) -> int:
        return (await server.call("PATCH", "managed/user/s3", [operation])).status_code

    assert await patch(operation="replace", field="/password", value="short") == 403
    assert await patch(operation="replace", field="/password", value="Another1x") == 200
    assert (await server.client.get("/openidm/info/login", headers=login)).status_code == 200
    server.client.cookies.clear()
    assert await patch(operation="remove", field="/password") == 200
    assert (await server.client.get("/openidm/info/login", headers=login)).status_code == 401


async def test_an_unchanged_object_keeps_its_revision_and_leaves_no_trace(server: Server) -> None:
    made = await create(server, _id="u1", userName="u1", password="Passw0rd")
    same = await server.call(
        "PUT", "managed/user/u1", user(userName="u1", accountStatus="active", password="Passw0rd")
    )
    patched = await server.call("PATCH", "managed/user/u1", [])
    assert same.json()["_rev"] == patched.json()["_rev"] == made["_rev"]
    assert [event["operation"] for event in await activities(server, "managed/user/u1")] == ["CREATE"]


async def test_the_type_of_a_value_counts(server: Server) -> None:
    first = await server.put("managed/src/t1", {"n": 1})
    second = await server.put("managed/src/t1", {"n": True})
    third = await server.put("managed/src/t1", {"n": 1.0})
    assert len({first["_rev"], second["_rev"], third["_rev"]}) == 3


@pytest.mark.parametrize("name", ["unique1", "UNIQUE1", "  Unique1 "])
async def test_a_user_name_belongs_to_one(server: Server, name: str) -> None:
    await server.call("PUT", "managed/user/first", user(userName="unique1"))
    answer = await server.call("POST", "managed/user?_action=create", user(userName=name))
    assert (answer.status_code, answer.json()["message"]) == (403, "Policy validation failed")
    assert answer.json()["detail"] == {
        "result": False,
        "failedPolicyRequirements": [
            {"policyRequirements": [{"policyRequirement": "UNIQUE"}], "property": "userName"}
        ],
    }


async def test_a_user_can_be_renamed_but_not_to_a_taken_name(server: Server) -> None:
    await create(server, _id="r1", userName="r1")
    await create(server, _id="r2", userName="r2")
    rename = [{"operation": "replace", "field": "/userName", "value": "r2"}]
    assert (await server.call("PATCH", "managed/user/r1", rename)).status_code == 403
    rename[0]["value"] = "R1"
    assert (await server.call("PATCH", "managed/user/r1", rename)).json()["userName"] == "R1"
    rename[0]["value"] = "r3"
    assert (await server.call("PATCH", "managed/user/r1", rename)).status_code == 200
    assert (await create(server, _id="r4", userName="r1"))["_id"] == "r4"


@pytest.mark.parametrize(
    ("change", "property_", "requirement"),
    [
        ({"mail": "nobody"}, "mail", "VALID_EMAIL_ADDRESS_FORMAT"),
        ({"sn": None}, "sn", "REQUIRED"),
        ({"givenName": ""}, "givenName", "REQUIRED"),
        ({"userName": "openidm-admin"}, "userName", "VALID_USERNAME"),
        ({"userName": "a/b"}, "userName", "VALID_USERNAME"),
        ({"password": "Passw0r"}, "password", "MIN_LENGTH"),
        ({"password": "jensenA1x"}, "password", "CANNOT_CONTAIN_OTHERS"),
        ({"sn": 5}, "sn", "VALID_TYPE"),
    ],
)
async def test_policies_refuse_a_create(
    server: Server, change: dict[str, Any], property_: str, requirement: str
) -> None:
    body = {
        name: value for name, value in user(**{"userName": "policy", **change}).items() if value is not None
    }
    answer = await server.call("POST", "managed/user?_action=create", body)
    assert answer.status_code == 403, answer.text
    failed = answer.json()["detail"]["failedPolicyRequirements"]
    names = {one["property"]: [r["policyRequirement"] for r in one["policyRequirements"]] for one in failed}
    assert requirement in names[property_]


async def test_policies_refuse_an_update_too(server: Server) -> None:
    await create(server, _id="pu", userName="pu")
    answer = await server.call("PUT", "managed/user/pu", {"userName": "pu"})
    assert answer.status_code == 403
    found = await server.get("managed/user/pu")
    assert found["sn"] == "Jensen"


async def test_a_relationship_is_a_reference(server: Server) -> None:
    for value in ("internal/role/x", [{"ref": "x"}], ["x"], {"_ref": 5}):
        answer = await server.call(
            "POST", "managed/user?_action=create", user(userName="rel", authzRoles=value)
        )
        assert answer.status_code == 400, value


async def test_another_servers_encrypted_password_is_refused(server: Server) -> None:
    answer = await server.call(
        "POST", "managed/user?_action=create", user(userName="c", password={"$crypto": {}})
    )
    assert answer.status_code in (400, 403)


async def test_the_id_of_an_object_stays(server: Server) -> None:
    await server.put("managed/src/i1", {"n": 1})
    assert (await server.call("PUT", "managed/src/i1", {"_id": "i2"})).status_code == 400
    assert (await server.call("PUT", "managed/src/i3", {"_id": "i4"})).status_code == 400
    rename = [{"operation": "replace", "field": "/_id", "value": "i2"}]
    assert (await server.call("PATCH", "managed/src/i1", rename)).status_code == 400


async def test_every_write_is_in_the_audit_with_its_changed_members(server: Server) -> None:
    await create(server, _id="a1", userName="a1")
    await server.call("PATCH", "managed/user/a1", [{"operation": "add", "field": "/city", "value": "Oslo"}])
    await server.call(
        "PATCH", "managed/user/a1", [{"operation": "add", "field": "/password", "value": "Passw0rd"}]
    )
    await server.call("DELETE", "managed/user/a1")
    events = await activities(server, "managed/user/a1")
    assert [event["operation"] for event in events] == ["CREATE", "PATCH", "PATCH", "DELETE"]
    assert events[1]["changedFields"] == ["/city"]
    assert (events[1]["passwordChanged"], events[2]["passwordChanged"]) == (False, True)
    assert {event["userId"] for event in events} == {"openidm-admin"}
    assert len({event["transactionId"] for event in events}) == 4
    assert "Oslo" not in str(events)


async def test_patch_by_post_and_by_query(server: Server) -> None:
    await server.put("managed/src/q1", {"name": "Patch Me"})
    change = [{"operation": "replace", "field": "/name", "value": "Done"}]
    assert (await server.call("POST", "managed/src/q1?_action=patch", change)).json()["name"] == "Done"
    by_query = {"_action": "patch", "_queryFilter": 'name eq "Done"'}
    change[0]["value"] = "Again"
    assert (await server.call("POST", "managed/src", change, params=by_query)).json()["name"] == "Again"
    assert (await server.call("POST", "managed/src", change, params=by_query)).status_code == 409
    assert (await server.call("POST", "managed/src?_action=patch", change)).status_code == 400
    assert (await server.call("POST", "managed/src/q1?_action=dance", {})).status_code == 400
    assert (await server.call("POST", "managed/src/q1?_action=patch", {})).status_code == 400


async def test_stored_queries_by_name(server: Server) -> None:
    await create(server, _id="st", userName="Stored")
    found = await server.get("managed/user", params={"_queryId": "for-userName", "uid": "Stored"})
    assert [row["_id"] for row in found["result"]] == ["st"]
    assert (await server.call("GET", "managed/user?_queryId=for-userName")).status_code == 400
    by_login = "managed/user?_queryId=credential-query&username="
    assert (await server.get(f"{by_login}Stored"))["resultCount"] == 1
    assert (await server.get(f"{by_login}nobody"))["resultCount"] == 0
    await server.call(
        "PATCH", "managed/user/st", [{"operation": "replace", "field": "/accountStatus", "value": "inactive"}]
    )
    assert (await server.get(f"{by_login}Stored"))["resultCount"] == 0


async def test_a_patch_can_run_a_script(server: Server) -> None:
    await server.put("managed/src/tr", {"name": "ada", "n": 1})
    script = {"script": {"type": "text/javascript", "source": "content.name.toUpperCase() + content.n"}}
    change = [{"operation": "transform", "field": "/name", "value": script}]
    assert (await server.call("PATCH", "managed/src/tr", change)).json()["name"] == "ADA1"
    script["script"]["source"] = "content.object.name"
    answer = await server.call("PATCH", "managed/src/tr", change)
    assert answer.status_code == 400
    assert (await server.get("managed/src/tr"))["name"] == "ADA1"


async def test_calls_from_inside_see_private_properties_and_never_secrets(server: Server) -> None:
    document = await server.get("config/managed")
    note = {"type": "string", "scope": "private"}
    document["objects"].append(
        {"name": "noted", "schema": {"properties": {"note": note, "name": {"type": "string"}}}}
    )
    await server.put("config/managed", document)
    await server.put("managed/noted/x", {"name": "a", "note": "b"})
    assert "note" not in await server.get("managed/noted/x")
    assert "note" not in await server.get("managed/noted/x?_fields=note")
    inside = await server.runtime.router.read(server.runtime.call(INSIDE), "managed/noted/x")
    assert inside["note"] == "b"
    await server.put("managed/noted/x", {"name": "c"})
    inside = await server.runtime.router.read(server.runtime.call(INSIDE), "managed/noted/x")
    assert (inside["name"], inside["note"]) == ("c", "b")


async def test_implicit_synchronisation_is_told_in_the_same_transaction(server: Server) -> None:
    told: list[Any] = []

    async def notify(call: Any, type: str, id: str, old: Any, new: Any) -> None:
        told.append((call.transaction is not None, type, id, old and old["n"], new and new["n"]))

    before = server.runtime.extras["implicit_sync"]
    server.runtime.extras["implicit_sync"] = notify
    try:
        await server.put("managed/src/im", {"n": 1})
        await server.put("managed/src/im", {"n": 1})
        await server.put("managed/src/im", {"n": 2})
        await server.call("DELETE", "managed/src/im")
    finally:
        server.runtime.extras["implicit_sync"] = before
    assert told == [
        (True, "src", "im", None, 1),
        (True, "src", "im", 1, 2),
        (True, "src", "im", 2, None),
    ]
