"""Who may do what: administrators everything, others what access.json allows, nobody else anything."""

from typing import Any

import pytest
import pytest_asyncio

from conf.access import AccessRule
from conf.errors import Forbidden
from flows.access import permit
from flows.call import Caller
from flows.router import Found, Resource
from tests.rest.conftest import Server, user

pytestmark = pytest.mark.asyncio(loop_scope="module")
ANONYMOUS = {"X-OpenIDM-Username": "anonymous", "X-OpenIDM-Password": "anonymous"}
PERSON = {"X-OpenIDM-Username": "person", "X-OpenIDM-Password": "Passw0rd"}
AUDITOR = {"X-OpenIDM-Username": "auditor", "X-OpenIDM-Password": "Passw0rd"}


@pytest_asyncio.fixture(loop_scope="module")
async def people(server: Server) -> Server:
    roles = [{"_ref": "internal/role/openidm-auditor"}]
    for name, more in (("person", {}), ("auditor", {"authzRoles": roles})):
        body = user(userName=name, mail=f"{name}@example.com", password="Passw0rd", **more)
        body["accountStatus"] = "active"
        assert (await server.call("PUT", f"managed/user/{name}", body)).status_code in (200, 201)
    return server


@pytest.mark.parametrize(
    ("method", "path", "body", "anonymous", "person", "auditor"),
    [
        ("GET", "info/ping", None, 200, 200, 200),
        ("GET", "info/login", None, 200, 200, 200),
        ("POST", "authentication?_action=login", None, 200, 200, 200),
        ("GET", "recon", None, 403, 403, 200),
        ("POST", "recon?_action=recon&mapping=x", None, 403, 403, 403),
        ("GET", "audit/recon?_queryFilter=true", None, 403, 403, 200),
        ("GET", "repo/link?_queryFilter=true", None, 403, 403, 403),
        ("GET", "config/sync", None, 403, 403, 403),
        ("PUT", "config/sync", {"mappings": []}, 403, 403, 403),
        ("POST", "script?_action=eval", {"type": "text/javascript", "source": "1"}, 403, 403, 403),
        ("GET", "managed/user/person", None, 403, 200, 403),
        ("GET", "managed/user/auditor", None, 403, 403, 200),
        ("GET", "reconciliation/history?_queryFilter=true", None, 403, 403, 200),
        ("GET", "reconciliation/hr/report", None, 403, 403, 404),
        ("DELETE", "reconciliation/history/x", None, 403, 403, 403),
        ("GET", "managed/user/nosuch", None, 403, 403, 403),
        ("GET", "managed/user?_queryFilter=true", None, 403, 403, 403),
        ("PATCH", "managed/user/person", [], 403, 200, 403),
        ("PUT", "managed/user/person", {}, 403, 403, 403),
        ("DELETE", "managed/user/person", None, 403, 403, 403),
        ("GET", "workflow/taskinstance?_queryFilter=true", None, 403, 200, 200),
        ("GET", "workflow/processdefinition?_queryFilter=true", None, 403, 200, 200),
        ("DELETE", "workflow/taskinstance/1", None, 403, 403, 403),
        ("GET", "scheduler/job?_queryFilter=true", None, 403, 403, 403),
        ("GET", "internal/role/openidm-admin", None, 403, 403, 403),
        ("GET", "system?_queryFilter=true", None, 403, 403, 403),
        ("GET", "nosuch", None, 403, 403, 403),
    ],
)
async def test_the_matrix(
    people: Server, method: str, path: str, body: Any, anonymous: int, person: int, auditor: int
) -> None:
    for headers, expected in ((ANONYMOUS, anonymous), (PERSON, person), (AUDITOR, auditor)):
        more = {} if body is None else {"json": body}
        answer = await people.client.request(method, f"/openidm/{path}", headers=headers, **more)
        people.client.cookies.clear()
        assert answer.status_code == expected, (headers["X-OpenIDM-Username"], answer.text)
        if expected == 403:
            assert answer.json() == {"code": 403, "reason": "Forbidden", "message": "Access denied"}


async def test_a_refused_call_has_changed_nothing(people: Server) -> None:
    await people.client.request("DELETE", "/openidm/managed/user/person", headers=PERSON)
    assert (await people.call("GET", "managed/user/person")).status_code == 200


def rule(custom: str) -> AccessRule:
    return AccessRule(
        "managed/user/*", frozenset({"r"}), frozenset({"read", "patch", "update"}), frozenset(), custom=custom
    )


@pytest.mark.parametrize(
    ("custom", "verb", "id", "allowed"),
    [
        ("", "read", "x", True),
        ("", "delete", "x", False),
        ("ownDataOnly()", "read", "me", True),
        ("ownDataOnly()", "read", "x", False),
        ("ownDataOnly() && whoKnows()", "read", "me", False),
        ("whoKnows()", "read", "me", False),
        ("not a call", "read", "me", False),
        ("ownDataOnly() && onlyEditableManagedObjectProperties('user')", "read", "me", True),
        ("ownDataOnly() && onlyEditableManagedObjectProperties('user')", "patch", "me", True),
        ("ownDataOnly() && onlyEditableManagedObjectProperties('user')", "update", "me", True),
    ],
)
async def test_conditions_of_rules(custom: str, verb: str, id: str, allowed: bool) -> None:
    caller = Caller("me", "managed/user", "me", frozenset({"r"}))
    found = Found(Resource(), {"type": "user"}, id, "managed/{type}")
    try:
        permit((rule(custom),), caller, verb, found, f"managed/user/{id}", None)
    except Forbidden:
        assert not allowed
    else:
        assert allowed


@pytest.mark.parametrize(
    ("operation", "allowed"),
    [
        ({"operation": "replace", "field": "/givenName", "value": "Pia"}, True),
        ({"operation": "remove", "field": "telephoneNumber"}, True),
        ({"operation": "replace", "field": "/accountStatus", "value": "active"}, False),
        (
            {"operation": "add", "field": "/authzRoles/-", "value": {"_ref": "internal/role/openidm-admin"}},
            False,
        ),
        ({"operation": "add", "field": "/effectiveRoles/-", "value": {"_ref": "x/y"}}, False),
        ({"operation": "add", "field": "/whatever", "value": 1}, False),
        ({"operation": "copy", "from": "/authzRoles", "field": "/givenName"}, False),
        ({"operation": "transform", "field": "/givenName", "value": {"script": {}}}, False),
        ({"operation": "replace", "field": "/password", "value": "Another1x"}, False),
    ],
)
async def test_people_change_only_what_is_theirs_to_change(
    people: Server, operation: dict[str, Any], allowed: bool
) -> None:
    answer = await people.client.patch("/openidm/managed/user/person", json=[operation], headers=PERSON)
    assert answer.status_code == (200 if allowed else 403), answer.text


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({}, True),
        ({"givenName": "Pius", "telephoneNumber": "1"}, True),
        ({"telephoneNumber": ...}, True),
        ({"accountStatus": "inactive"}, False),
        ({"accountStatus": ...}, False),
        ({"authzRoles": [{"_ref": "internal/role/openidm-admin"}]}, False),
        ({"authzRoles": None}, False),
        ({"whatever": 1}, False),
        ({"password": "Another1x"}, False),
    ],
)
async def test_people_replace_themselves_within_what_is_theirs(
    people: Server, change: dict[str, Any], allowed: bool
) -> None:
    path = "/openidm/managed/user/person"
    before = (await people.client.get(path, headers=PERSON)).json()
    given = {name: value for name, value in (before | change).items() if value is not ...}
    answer = await people.client.put(path, json=given, headers=PERSON)
    assert answer.status_code == (200 if allowed else 403), answer.text
    roles = (await people.get("managed/user/person?_fields=authzRoles")).get("authzRoles")
    assert roles is None


async def test_people_replace_the_revision_that_they_saw(people: Server) -> None:
    path = "/openidm/managed/user/person"
    before = (await people.client.get(path, headers=PERSON)).json()
    for condition, status in (
        ({"If-Match": "0000000000000001"}, 412),
        ({"If-None-Match": "*"}, 412),
        ({"If-Match": before["_rev"]}, 200),
        ({"If-Match": "*"}, 200),
    ):
        answer = await people.client.put(path, json=before, headers=PERSON | condition)
        assert answer.status_code == status, condition


async def test_a_password_put_in_place_needs_the_old_one(people: Server) -> None:
    body = user(userName="chris", mail="chris@example.com", password="Passw0rd")
    await people.put("managed/user/chris", body)
    chris = {"X-OpenIDM-Username": "chris", "X-OpenIDM-Password": "Passw0rd"}
    path = "/openidm/managed/user/chris"
    given = (await people.client.get(path, headers=chris)).json() | {"password": "Another1x"}
    for reauth, status in (("", 403), ("wrong", 403), ("Passw0rd", 200)):
        answer = await people.client.put(
            path, json=given, headers={**chris, "X-OpenIDM-Reauth-Password": reauth}
        )
        assert answer.status_code == status, answer.text
    assert (await people.client.get(path, headers=chris)).status_code == 401


OWN = "ownDataOnly() && "
EDITABLE = "onlyEditableManagedObjectProperties('user', []) && "
AGAIN = "reauthIfProtectedAttributeChange()"


@pytest.mark.parametrize(
    ("custom", "change", "statuses"),
    [
        (OWN + AGAIN, {"description": "x"}, (200, 200)),
        (OWN + AGAIN, {"password": "Another1x"}, (403, 200)),
        (AGAIN, {"description": "y"}, (200, 200)),
        (OWN + EDITABLE + AGAIN, {"accountStatus": "inactive"}, (403, 403)),
    ],
)
async def test_a_rule_of_the_project_asks_for_the_password_again(
    people: Server, custom: str, change: dict[str, Any], statuses: tuple[int, int]
) -> None:
    rule = {"pattern": "*", "roles": "internal/role/openidm-authorized", "methods": "read,update,patch"}
    await people.put("config/access", {"configs": [{**rule, "customAuthz": custom}]})
    await people.put("managed/user/dana", user(userName="dana", mail="dana@example.com", password="Passw0rd"))
    dana = {"X-OpenIDM-Username": "dana", "X-OpenIDM-Password": "Passw0rd"}
    path = "/openidm/managed/user/dana"
    operations = [{"operation": "replace", "field": name, "value": value} for name, value in change.items()]
    try:
        for elsewhere in ("system/nosuch/account/x", "managed/nosuch/x", "managed/user", "internal/role/x"):
            for method, body in (("PUT", {}), ("PATCH", [])):
                refused = await people.call(method, elsewhere, body, headers=dana)
                assert refused.status_code in (400, 403, 404), refused.text
        for reauth, status in zip(("", "Passw0rd"), statuses, strict=True):
            headers = {**dana, "X-OpenIDM-Reauth-Password": reauth}
            patched = await people.client.patch(path, json=operations, headers=headers)
            assert patched.status_code == status, patched.text
            if "password" not in change:
                whole = (await people.client.get(path, headers=dana)).json() | change
                assert (await people.client.put(path, json=whole, headers=headers)).status_code == status
    finally:
        await people.call("DELETE", "config/access")


async def test_a_new_password_needs_the_old_one(people: Server) -> None:
    change = [{"operation": "replace", "field": "/password", "value": "Another1x"}]
    wrong = {**PERSON, "X-OpenIDM-Reauth-Password": "wrong"}
    right = {**PERSON, "X-OpenIDM-Reauth-Password": PERSON["X-OpenIDM-Password"]}
    path = "/openidm/managed/user/person"
    assert (await people.client.patch(path, json=change, headers=wrong)).status_code == 403
    assert (await people.client.patch(path, json=change, headers=right)).status_code == 200
    assert (await people.client.get(path, headers=PERSON)).status_code == 401
