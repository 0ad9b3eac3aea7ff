"""Audit, links, scripts, endpoints, internal objects, policies, info."""

import pytest

from flows.store import links
from flows.store.links import NewLink
from tests.rest.conftest import Server, user

pytestmark = pytest.mark.asyncio(loop_scope="module")
JS = "text/javascript"


async def test_info(server: Server) -> None:
    assert await server.get("info/ping") == {"_id": "", "shortDesc": "OpenIDM ready", "state": "ACTIVE_READY"}
    assert set(await server.get("info/version")) == {"_id", "productVersion", "productRevision"}
    assert (await server.call("GET", "info/nosuch")).status_code == 404
    assert (await server.call("GET", "info")).status_code == 404


async def test_links_are_queried_read_and_removed(server: Server) -> None:
    async with server.runtime.database.write() as tx:
        await links.insert_many(tx, [NewLink("t", "default", str(n), f"x{n}") for n in range(3)])
    found = await server.get(
        "repo/link", params={"_queryFilter": '/linkType eq "t"', "_sortKeys": "-firstId"}
    )
    assert [row["firstId"] for row in found["result"]] == ["2", "1", "0"]
    assert set(found["result"][0]) == {"_id", "_rev", "linkType", "linkQualifier", "firstId", "secondId"}
    path = f"repo/link/{found['result'][0]['_id']}"
    assert (await server.get(path))["secondId"] == "x2"
    assert (await server.call("DELETE", path, headers={"If-Match": "9"})).status_code == 412
    assert (await server.call("DELETE", path)).status_code == 200
    assert (await server.call("GET", path)).status_code == 404
    first = await server.get("repo/link?_queryId=links-for-linkType&linkType=t&_pageSize=1")
    second = await server.get(
        f"repo/link?_queryFilter=true&_pageSize=1&_pagedResultsCookie={first['pagedResultsCookie']}"
    )
    assert [row["firstId"] for row in (*first["result"], *second["result"])] == ["0", "1"]
    assert (await server.call("GET", "repo/link?_queryId=nosuch")).status_code == 400
    assert (await server.call("POST", "repo/link?_action=create", {})).status_code == 501


async def test_audit_events_are_queried_and_read_but_not_written(server: Server) -> None:
    await server.put("managed/src/audited", {"n": 1})
    found = await server.get("audit/activity", params={"_queryFilter": 'objectId sw "managed/src/aud"'})
    event = found["result"][0]
    assert await server.get(f"audit/activity/{event['_id']}") == event
    assert (await server.call("GET", f"audit/recon/{event['_id']}")).status_code == 404
    assert (await server.call("GET", "audit/nosuch?_queryFilter=true")).status_code == 501
    assert (await server.call("PUT", "audit/activity/x", {})).status_code == 501
    assert (await server.call("POST", "audit?_action=availableHandlers")).status_code == 200
    assert (await server.call("POST", "audit?_action=nosuch")).status_code == 400


async def test_scripts_are_run_and_compiled(server: Server) -> None:
    async def run(source: str, action: str = "eval", **more: object) -> object:
        answer = await server.call("POST", f"script?_action={action}", {"type": JS, "source": source, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()

    await server.put("managed/src/scripted", {"n": 3})
    assert await run("x + 1", globals={"x": 2}) == 3
    assert await run("({a: [1, 2.5, null]})") == {"a": [1, 2.5, None]}
    assert await run("openidm.read('managed/src/scripted').n") == 3
    assert await run("openidm.read('managed/src/nobody')") is None
    assert await run("openidm.query('managed/src', {'_queryFilter': 'n eq 3'}, ['n']).result") == [{"n": 3}]
    assert await run("context.security.authenticationId") == "openidm-admin"
    assert await run("1", "compile") is True
    assert await run("openidm.create('managed/src', 'made', {n: 4})._id") == "made"
    assert (await server.get("managed/src/made"))["n"] == 4


@pytest.mark.parametrize(
    "body",
    [
        {"source": "1"},
        {"type": JS},
        {"type": "groovy", "source": "1"},
        {"type": "cobol", "source": "1"},
        {"type": "python", "source": "os:getcwd"},
        {"type": JS, "file": "no/such.js"},
        [1],
    ],
)
async def test_a_wrong_script_is_refused(server: Server, body: object) -> None:
    assert (await server.call("POST", "script?_action=eval", body)).status_code == 400
    assert (await server.call("POST", "script?_action=dance", body)).status_code == 400


async def test_an_endpoint_is_answered_by_its_script(server: Server) -> None:
    source = (
        "if (request.method === 'query') { [{_id: '1', f: request.queryFilter}] } "
        "else { ({method: request.method, path: request.resourcePath, content: request.content, "
        "extra: request.additionalParameters}) }"
    )
    await server.put("config/endpoint/echo", {"type": JS, "source": source})
    assert (await server.get("endpoint/echo/a/b"))["path"] == "a/b"
    assert (await server.get("endpoint/echo?_queryFilter=true"))["result"] == [{"_id": "1", "f": "true"}]
    acted = (await server.call("POST", "endpoint/echo?_action=go&x=1", {"y": 2})).json()
    assert (acted["method"], acted["content"], acted["extra"]) == ("action", {"y": 2}, {"x": "1"})
    assert (await server.call("POST", "endpoint/echo?_action=create", {"y": 2})).status_code == 201
    assert (await server.call("GET", "endpoint/nosuch")).status_code == 404


async def test_internal_roles(server: Server) -> None:
    names = {row["_id"] for row in (await server.get("internal/role?_queryFilter=true"))["result"]}
    assert {"openidm-admin", "openidm-authorized", "openidm-reg"} <= names
    assert (await server.get("repo/internal/role/openidm-admin"))["name"] == "openidm-admin"
    made = await server.call("PUT", "internal/role/approver", {"name": "approver"})
    assert made.status_code == 201
    assert (await server.get("internal/role/approver"))["name"] == "approver"
    assert (await server.call("PUT", "internal/role/approver", {"name": "a"})).status_code == 200
    assert (await server.call("DELETE", "internal/role/approver")).status_code == 200
    assert (await server.call("DELETE", "internal/role/openidm-admin")).status_code == 409
    assert (await server.call("PUT", "internal/role/openidm-admin", {})).status_code == 409
    assert (await server.call("GET", "internal/nosuch/x")).status_code == 404
    users = await server.get("internal/user?_queryFilter=true")
    assert "openidm-admin" in {row["_id"] for row in users["result"]}
    assert "password" not in str(users)
    assert (await server.call("PUT", "internal/user/x", {})).status_code == 501


async def test_policies_are_told_and_tried(server: Server) -> None:
    told = await server.get("policy/managed/user/*")
    mail = next(one for one in told["properties"] if one["name"] == "mail")
    assert {"REQUIRED", "VALID_EMAIL_ADDRESS_FORMAT"} <= set(mail["policyRequirements"])
    assert (await server.get("policy"))["resources"]

    async def tried(action: str, body: object, id: str = "*") -> dict[str, object]:
        answer = await server.call("POST", f"policy/managed/user/{id}?_action={action}", body)
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = answer.json()
        return found

    assert (await tried("validateObject", user(userName="fine")))["result"] is True
    assert (await tried("validateObject", {"userName": "x"}))["result"] is False
    assert (await tried("validateProperty", {"mail": "x"}))["failedPolicyRequirements"] == [
        {"policyRequirements": [{"policyRequirement": "VALID_EMAIL_ADDRESS_FORMAT"}], "property": "mail"}
    ]
    await server.put("managed/user/taken", user(userName="taken"))
    assert (await tried("validateProperty", {"userName": "Taken"}))["result"] is False
    assert (await tried("validateProperty", {"userName": "Taken"}, "taken"))["result"] is True
    assert (await tried("validateProperty", {"password": "Jensen123"}, "taken"))["result"] is False
    assert (
        await server.call("POST", "policy/managed/nosuch/*?_action=validateObject", {})
    ).status_code == 404
    assert (await server.call("POST", "policy/managed/user/*?_action=validateObject", [])).status_code == 400
