"""Logging in: headers, Basic, sessions, the key of the command line; and what ends a login."""

import asyncio
import base64

import pytest

from api import cli_token
from api.lockout import ATTEMPTS
from tests.rest.conftest import Server, user

pytestmark = pytest.mark.asyncio(loop_scope="module")
PASSWORD = "Passw0rd"


def login(name: str, password: str = PASSWORD, **more: str) -> dict[str, str]:
    return {"X-OpenIDM-Username": name, "X-OpenIDM-Password": password, **more}


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


async def status(server: Server, headers: dict[str, str], path: str = "info/login") -> int:
    return (await server.client.get(f"/openidm/{path}", headers=headers)).status_code


async def person(server: Server, name: str, **more: object) -> str:
    body = user(_id=name, userName=name, mail=f"{name}@example.com", password=PASSWORD, **more)
    answer = await server.call("PUT", f"managed/user/{name}", body)
    assert answer.status_code == 201, answer.text
    return name


async def test_every_failed_claim_gets_the_same_answer(server: Server) -> None:
    await person(server, "plain")
    for headers in (
        {},
        login("openidm-admin", "wrong"),
        login("nobody", "wrong"),
        login("plain", "wrong"),
        login("plain", ""),
        login("", PASSWORD),
        login("plain", PASSWORD[:-1]),
        login("x" * 5000, "y"),
        basic("openidm-admin", "no"),
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"nocolon").decode()},
        {"Authorization": "Bearer x"},
        {"Authorization": "Bearer recon-cli x"},
        {"Cookie": "session-jwt=x"},
        {"X-OpenIDM-Username": "openidm-admin"},
    ):
        answer = await server.client.get("/openidm/managed/user?_queryFilter=true", headers=headers)
        assert answer.status_code == 401
        assert answer.json() == {"code": 401, "reason": "Unauthorized", "message": "Access Denied"}
        assert "www-authenticate" not in answer.headers


async def test_two_names_are_nobody(server: Server) -> None:
    headers = [("X-OpenIDM-Username", "openidm-admin")] * 2 + [("X-OpenIDM-Password", "openidm-admin")]
    assert (await server.client.get("/openidm/info/login", headers=headers)).status_code == 401


async def test_without_credentials_only_ping_answers(server: Server) -> None:
    assert (await server.client.get("/openidm/info/ping")).status_code == 200
    for path in (
        "info/login",
        "info/version",
        "info/ping/x",
        "info/ping;x",
        "info/ping%2f..",
        "info//ping",
        "managed/user/x;health",
        "managed/user/x%3fping",
        "nosuch",
        "",
        "recon/../info/ping",
    ):
        answer = await server.client.get(f"http://localhost:8080/openidm/{path}")
        assert answer.status_code == 401 or answer.url.path == "/openidm/info/ping", path


async def test_managed_users_log_in_and_have_their_roles(server: Server) -> None:
    roles = [{"_ref": "internal/role/openidm-admin"}, {"_ref": "repo/internal/role/openidm-auditor"}]
    await person(server, "boss", authzRoles=roles)
    for headers in (login("boss"), login("BOSS"), basic("boss", PASSWORD)):
        answer = await server.client.get("/openidm/info/login", headers=headers)
        assert answer.status_code == 200
        found = answer.json()
        assert found["authenticationId"] == "boss"
        assert found["authorization"]["component"] == "managed/user"
        assert set(found["authorization"]["roles"]) == {
            "openidm-admin",
            "openidm-auditor",
            "openidm-authorized",
        }


async def test_names_and_passwords_beyond_ascii(server: Server) -> None:
    body = user(_id="fn", userName="müller", mail="m@example.com", password="Passw£rd1")
    await server.put("managed/user/fn", body)
    encoded = {"X-OpenIDM-Username": "UTF-8''m%C3%BCller", "X-OpenIDM-Password": "ISO-8859-1''Passw%A3rd1"}
    assert await status(server, encoded) == 200
    raw = [(b"X-OpenIDM-Username", "müller".encode()), (b"X-OpenIDM-Password", "Passw£rd1".encode())]
    assert (await server.client.get("/openidm/info/login", headers=raw)).status_code == 200
    latin = [(b"X-OpenIDM-Username", "müller".encode("latin-1")), (b"X-OpenIDM-Password", b"Passw\xa3rd1")]
    assert (await server.client.get("/openidm/info/login", headers=latin)).status_code == 200


async def test_a_change_of_the_account_counts_at_once(server: Server) -> None:
    await person(server, "moving")
    assert await status(server, login("moving")) == 200
    change = [{"operation": "replace", "field": "/password", "value": "Another1x"}]
    assert (await server.call("PATCH", "managed/user/moving", change)).status_code == 200
    assert await status(server, login("moving")) == 401
    assert await status(server, login("moving", "Another1x")) == 200
    change = [{"operation": "replace", "field": "/accountStatus", "value": "inactive"}]
    assert (await server.call("PATCH", "managed/user/moving", change)).status_code == 200
    assert await status(server, login("moving", "Another1x")) == 401
    await server.call("DELETE", "managed/user/moving")
    assert await status(server, login("moving", "Another1x")) == 401


async def test_a_cookie_is_given_at_login_only_and_ends_at_logout(server: Server) -> None:
    await person(server, "session")
    quiet = await server.client.get(
        "/openidm/info/login", headers=login("session", **{"X-OpenIDM-NoSession": "true"})
    )
    assert "set-cookie" not in quiet.headers
    answer = await server.client.post("/openidm/authentication?_action=login", headers=login("session"))
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    found = await server.client.get("/openidm/info/login")
    assert found.json()["authenticationId"] == "session"
    events = await server.get('audit/authentication?_queryFilter=userId eq "session"')
    assert [event["result"] for event in events["result"]] == ["SUCCESSFUL"] * 2
    rows = await _sessions(server)
    assert all(server.client.cookies["session-jwt"] not in str(row) for row in rows)
    bare = await server.client.post("/openidm/authentication?_action=logout")
    assert bare.status_code == 403
    requested = {"X-Requested-With": "test"}
    held = {"Cookie": f"session-jwt={server.client.cookies['session-jwt']}"}
    assert (
        await server.client.post("/openidm/authentication?_action=logout", headers=requested)
    ).status_code == 200
    server.client.cookies.clear()
    assert await status(server, held) == 401


async def _sessions(server: Server) -> list[tuple[object, ...]]:
    async with server.runtime.database.read() as tx:
        return await tx.fetch("select * from login_session")


AGAIN = "/openidm/authentication?_action=reauthenticate"


async def reauthenticated(server: Server, who: dict[str, str], **more: str) -> tuple[int, object]:
    shown = {f"X-OpenIDM-{name.title()}-Password": value for name, value in more.items()}
    answer = await server.client.post(AGAIN, headers={**who, **shown})
    return answer.status_code, answer.json().get("reauthenticated")


async def test_a_password_is_shown_again(server: Server) -> None:
    await person(server, "again")
    for who in (login("again"), login("openidm-admin", "openidm-admin")):
        assert await reauthenticated(server, who, reauth=who["X-OpenIDM-Password"]) == (200, True)
        assert await reauthenticated(server, who) == (403, None)
        assert await reauthenticated(server, who, reauth="") == (403, None)
        assert await reauthenticated(server, who, reauth="wrong") == (403, None)
    script = {"type": "text/javascript", "source": "openidm.action('authentication', 'reauthenticate')"}
    assert (await server.call("POST", "script?_action=eval", script)).status_code == 400


async def test_whoever_finds_a_session_open_cannot_guess_its_password(server: Server) -> None:
    await person(server, "guessed")
    session = {"X-Requested-With": "test"}
    await server.client.post("/openidm/authentication?_action=login", headers=login("guessed"))
    assert await reauthenticated(server, session, reauth=PASSWORD) == (200, True)
    for n in range(ATTEMPTS):
        assert await reauthenticated(server, session, reauth=f"guess {n}") == (403, None)
    assert await reauthenticated(server, session, reauth=PASSWORD) == (403, None)
    server.client.cookies.clear()
    entries = (await server.get('audit/authentication?_queryFilter=/principal eq "guessed"'))["result"]
    assert {"wrong password to reauthenticate", "too many wrong passwords; wait a minute"} <= {
        told.get("reason", {}).get("message") for entry in entries for told in entry["entries"]
    }


async def test_a_session_ends_with_the_account(server: Server) -> None:
    await person(server, "ending")
    for change in (
        {"operation": "replace", "field": "/accountStatus", "value": "inactive"},
        {"operation": "replace", "field": "/password", "value": "Another1x"},
        {"operation": "add", "field": "/authzRoles/-", "value": {"_ref": "internal/role/x"}},
    ):
        server.client.cookies.clear()
        await server.call(
            "PATCH",
            "managed/user/ending",
            [{"operation": "replace", "field": "/accountStatus", "value": "active"}],
        )
        password = "Another1x" if change["field"] == "/authzRoles/-" else PASSWORD
        assert (
            await server.client.get("/openidm/info/login", headers=login("ending", password))
        ).status_code == 200
        assert await status(server, {}) == 200
        assert (await server.call("PATCH", "managed/user/ending", [change])).status_code == 200
        assert await status(server, {}) == 401, change


async def test_a_session_grows_old(server: Server) -> None:
    await server.client.get("/openidm/info/login", headers=server.headers)
    assert await status(server, {}) == 200
    before = server.runtime.clock
    try:
        server.runtime.clock = lambda: before() + 31 * 60_000
        assert await status(server, {}) == 401
    finally:
        server.runtime.clock = before


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, False),
        ({"X-Requested-With": "x"}, True),
        ({"X-Requested-With": "x", "Origin": "http://localhost:8080"}, True),
        ({"X-Requested-With": "x", "Origin": "http://evil.example"}, False),
        ({"X-Requested-With": "x", "Origin": "null"}, False),
        ({"X-Requested-With": "x", "Sec-Fetch-Site": "cross-site"}, False),
        ({"X-Requested-With": "x", "Sec-Fetch-Site": "same-origin"}, True),
    ],
)
async def test_another_site_cannot_use_the_cookie(
    server: Server, headers: dict[str, str], allowed: bool
) -> None:
    await server.client.get("/openidm/info/login", headers=server.headers)
    answer = await server.client.put("/openidm/managed/src/csrf", json={}, headers=headers)
    assert (answer.status_code in (200, 201)) is allowed
    assert allowed or answer.status_code == 403
    assert (
        await server.client.get("/openidm/managed/src?_queryFilter=true", headers=headers)
    ).status_code == 200


async def test_headers_count_before_a_cookie(server: Server) -> None:
    await server.client.get("/openidm/info/login", headers=server.headers)
    assert await status(server, login("openidm-admin", "wrong")) == 401


async def test_the_command_line_acts_as_administrator_under_its_own_name(server: Server) -> None:
    token = cli_token.read(server.runtime.settings.data)
    file = server.runtime.settings.data / cli_token.FILE
    assert file.stat().st_mode & 0o777 == 0o600
    headers = {"Authorization": f"Bearer recon-cli {token}", "X-Recon-User": "jo"}
    found = (await server.client.get("/openidm/info/login", headers=headers)).json()
    assert found["authenticationId"] == "cli:jo"
    answer = await server.client.put("/openidm/managed/src/cli", json={"n": 1}, headers=headers)
    assert answer.status_code == 201
    events = await server.get('audit/activity?_queryFilter=objectId eq "managed/src/cli"')
    assert events["result"][0]["userId"] == "cli:jo"
    assert cli_token.create(server.runtime.settings.data) == token


async def test_the_key_of_the_command_line_opens_nothing_from_elsewhere() -> None:
    assert cli_token.caller_of("recon-cli abc", "abc", "jo", "10.0.0.7") is None
    assert cli_token.caller_of("recon-cli abc", "", "jo", "127.0.0.1") is None
    unnamed = cli_token.caller_of("recon-cli abc", "abc", "a\nb", "::1")
    assert unnamed is not None
    assert unnamed.id == "cli:unknown"


async def test_many_equal_claims_are_checked_once(server: Server) -> None:
    await person(server, "crowd")
    answers = await asyncio.gather(*(status(server, login("crowd")) for _ in range(30)))
    assert set(answers) == {200}
    wrong = await asyncio.gather(*(status(server, login("crowd", "wrong")) for _ in range(30)))
    assert set(wrong) == {401}


async def test_too_many_different_claims_wait_outside(server: Server) -> None:
    gate = server.crest.gate
    gate.queue, before = 3, gate.queue
    try:
        answers = await asyncio.gather(*(status(server, login("crowd", f"wrong{n}")) for n in range(12)))
    finally:
        gate.queue = before
    assert set(answers) == {401, 503}
