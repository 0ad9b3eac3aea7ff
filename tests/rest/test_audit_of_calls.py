"""What calls and logins leave in the audit, and how often somebody may guess."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from api.lockout import ATTEMPTS, SECONDS, Lockout
from conf.audit_topics import is_audited
from conf.project import DEFAULTS
from tests.rest.conftest import ADMIN, Server, serve, user

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def masked(
    tmp_path_factory: pytest.TempPathFactory, module_store: dict[str, str]
) -> AsyncIterator[Server]:
    """A server on which administrators may act as others."""
    folder: Path = tmp_path_factory.mktemp("masked")
    (folder / "conf").mkdir()
    document = orjson.loads((DEFAULTS / "authentication.json").read_bytes())
    module = document["serverAuthContext"]["authModules"][0]
    module["properties"]["runAsProperties"] = {
        "adminRoles": ["internal/role/openidm-admin"],
        "disallowedRunAsRoles": ["internal/role/openidm-admin"],
        "defaultRunAsRoles": ["internal/role/openidm-authorized"],
    }
    (folder / "conf" / "authentication.json").write_bytes(orjson.dumps(document))
    async with serve(folder, **module_store) as server:
        for name, more in (
            ("ada", {}),
            ("chief", {"authzRoles": [{"_ref": "internal/role/openidm-admin"}]}),
        ):
            body = user(userName=name, mail=f"{name}@example.com", password="Passw0rd", **more)
            await server.put(f"managed/user/{name}", body)
        yield server


async def events(server: Server, topic: str, filter: str) -> list[dict[str, Any]]:
    return list((await server.get(f"audit/{topic}", params={"_queryFilter": filter}))["result"])


# --- every call


async def test_every_call_is_on_the_record(server: Server) -> None:
    made = await server.call("PUT", "managed/src/seen", {"secret": "not this"})
    await server.call("GET", "managed/src/nobody?_fields=a&password=hidden")
    found = await events(server, "access", '/http/request/path co "managed/src/"')
    assert [(event["request"]["operation"], event["response"]["statusCode"]) for event in found] == [
        ("UPDATE", "201"),
        ("READ", "404"),
    ]
    first, second = found
    assert first["userId"] == "openidm-admin"
    assert first["roles"] == ["internal/role/openidm-admin", "internal/role/openidm-authorized"]
    assert first["http"]["request"]["method"] == "PUT"
    assert first["response"]["status"] == "SUCCESSFUL"
    assert second["response"]["status"] == "FAILED"
    assert second["http"]["request"]["queryParameters"] == {"_fields": ["a"], "password": ["***"]}
    assert "not this" not in str(found)
    assert "openidm-password" not in str(found).lower()
    activity = await events(server, "activity", 'objectId eq "managed/src/seen"')
    assert activity[0]["transactionId"] == first["transactionId"]
    assert made.status_code == 201


async def test_a_refused_caller_is_on_the_record_too(server: Server) -> None:
    wrong = {"X-OpenIDM-Username": "intruder", "X-OpenIDM-Password": "x"}
    await server.client.get("/openidm/managed/user?_queryFilter=true", headers=wrong)
    (event,) = await events(server, "access", '/response/statusCode eq "401"')
    assert (event["userId"], event["roles"]) == ("", [])
    (login,) = await events(server, "authentication", 'userId eq "intruder"')
    assert (login["result"], login["principal"]) == ("FAILED", ["intruder"])
    assert login["entries"][0]["reason"]["message"] == "wrong name or password"


async def test_a_login_is_on_the_record_once_a_minute(masked: Server) -> None:
    headers = {"X-OpenIDM-Username": "ada", "X-OpenIDM-Password": "Passw0rd"}
    headers["X-OpenIDM-NoSession"] = "true"
    for _ in range(3):
        assert (await masked.client.get("/openidm/info/login", headers=headers)).status_code == 200
    (login,) = await events(masked, "authentication", 'userId eq "ada"')
    assert (login["result"], login["context"]["component"]) == ("SUCCESSFUL", "managed/user")
    assert login["entries"] == [{"moduleId": "MANAGED_USER", "result": "SUCCESSFUL", "info": {}}]


async def test_a_refused_token_is_on_the_record(server: Server) -> None:
    await server.client.get("/openidm/info/login", headers={"Authorization": "Bearer x.y.z"})
    (login,) = await events(server, "authentication", 'method eq "BEARER"')
    assert (login["result"], login["userId"]) == ("FAILED", "")


HANDLER = {"class": "org.forgerock.audit.handlers.json.JsonAuditEventHandler"}


@pytest.mark.parametrize(
    ("document", "topic", "audited"),
    [
        (None, "access", True),
        ({}, "access", True),
        ({"eventHandlers": []}, "access", True),
        ({"eventHandlers": [{**HANDLER, "config": {"topics": ["access"]}}]}, "access", True),
        ({"eventHandlers": [{**HANDLER, "config": {"topics": ["activity"]}}]}, "access", False),
        ({"eventHandlers": [{**HANDLER, "config": {"topics": ["activity"]}}]}, "authentication", False),
        (
            {"eventHandlers": [{**HANDLER, "config": {"enabled": False, "topics": ["access"]}}]},
            "access",
            False,
        ),
        ({"eventHandlers": [{**HANDLER, "config": {"topics": []}}]}, "recon", True),
        ({"eventHandlers": ["nonsense", {"config": 1}]}, "access", False),
        ({"eventHandlers": 1}, "access", True),
    ],
)
async def test_topics_are_switched_by_their_handlers(
    document: dict[str, Any] | None, topic: str, *, audited: bool
) -> None:
    assert is_audited(document, topic) is audited


async def test_a_topic_can_be_switched_off_while_the_server_runs(server: Server) -> None:
    topics = {"eventHandlers": [{**HANDLER, "config": {"topics": ["activity"]}}]}
    await server.put("config/audit", topics)
    before = len(await events(server, "access", "true"))
    await server.get("info/ping")
    assert len(await events(server, "access", "true")) == before
    await server.call("DELETE", "config/audit")
    await server.get("info/ping")
    assert len(await events(server, "access", "true")) > before


async def test_old_calls_are_forgotten(server: Server) -> None:
    await server.get("info/ping")
    kept = len(await events(server, "access", "true"))
    activity = len(await events(server, "activity", "true"))
    runtime = server.runtime
    clock = runtime.clock
    try:
        runtime.clock = lambda: clock() + 29 * 86_400_000
        await server.crest.log.trim()
        assert len(await events(server, "access", "true")) >= kept
        runtime.clock = lambda: clock() + 31 * 86_400_000
        await server.crest.log.trim()
    finally:
        runtime.clock = clock
    assert len(await events(server, "access", "true")) < kept
    assert len(await events(server, "activity", "true")) == activity


# --- acting as somebody else


async def test_an_administrator_acts_as_somebody_else(masked: Server) -> None:
    who = await masked.get("info/login", headers={"X-OpenIDM-RunAs": "ada"})
    assert who["authenticationId"] == "ada"
    assert who["authorization"]["roles"] == ["internal/role/openidm-authorized"] or who["authorization"][
        "roles"
    ] == ["openidm-authorized"]
    answer = await masked.call("GET", "config/sync", headers={"X-OpenIDM-RunAs": "ada"})
    assert answer.status_code == 403
    change = [{"operation": "replace", "field": "/description", "value": "masked"}]
    own = await masked.call("PATCH", "managed/user/ada", change, headers={"X-OpenIDM-RunAs": "ada"})
    assert own.status_code == 200, own.text
    (event,) = await events(masked, "activity", 'objectId eq "managed/user/ada" and operation eq "PATCH"')
    assert (event["userId"], event["runAs"]) == ("openidm-admin", "ada")


@pytest.mark.parametrize(
    ("headers", "mask"),
    [
        (ADMIN, "chief"),
        (ADMIN, "nobody"),
        (ADMIN, ""),
        (ADMIN, "openidm-admin"),
        ({"X-OpenIDM-Username": "ada", "X-OpenIDM-Password": "Passw0rd"}, "ada"),
    ],
)
async def test_nobody_else_is_acted_as(masked: Server, headers: dict[str, str], mask: str) -> None:
    given = {**headers, "X-OpenIDM-RunAs": mask}
    assert (await masked.client.get("/openidm/info/login", headers=given)).status_code == 403


async def test_where_nothing_is_configured_nobody_acts_as_others(server: Server) -> None:
    answer = await server.call("GET", "info/login", headers={"X-OpenIDM-RunAs": "anonymous"})
    assert answer.status_code == 403


# --- guessing


async def test_guessing_is_slowed_down(masked: Server) -> None:
    async def tried(password: str) -> int:
        headers = {"X-OpenIDM-Username": "chief", "X-OpenIDM-Password": password}
        return (await masked.client.get("/openidm/info/login", headers=headers)).status_code

    for n in range(ATTEMPTS):
        assert await tried(f"guess{n}") == 401
    begun = time.monotonic()
    assert await tried("Passw0rd") == 401
    assert time.monotonic() - begun < 1
    failed = await events(masked, "authentication", 'userId eq "chief" and result eq "FAILED"')
    assert len(failed) == ATTEMPTS + 1
    assert "too many" in failed[-1]["entries"][0]["reason"]["message"]


async def test_a_name_is_locked_for_a_while_and_from_one_address() -> None:
    now = 0.0
    lockout = Lockout(clock=lambda: now)
    for n in range(ATTEMPTS):
        assert not lockout.is_locked("ada", "10.0.0.1")
        for _ in range(2):
            lockout.failed("ada", "10.0.0.1", b"%d" % n)
    assert lockout.is_locked("ada", "10.0.0.1")
    assert not lockout.is_locked("ada", "10.0.0.2")
    assert not lockout.is_locked("ben", "10.0.0.1")
    now = SECONDS + 1
    assert not lockout.is_locked("ada", "10.0.0.1")
    lockout.failed("ada", "10.0.0.1", b"x")
    lockout.succeeded("ada", "10.0.0.1")
    assert not lockout.is_locked("ada", "10.0.0.1")
