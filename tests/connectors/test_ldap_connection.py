"""Reaching a directory: encrypted and verified, with plain words for whatever stands in between."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from conf.errors import ConfigError, Unavailable
from flows.connectors.base import SourceUnreadable
from flows.connectors.ldap import LdapDirectory
from tests import slapd as directory
from tests.connectors.conformance import enumerate_all, read_all
from tests.connectors.conftest import OpenLdap
from tests.connectors.relay import relaying
from tests.slapd import PASSWORD, Slapd

pytestmark = pytest.mark.services


@pytest.mark.parametrize("how", ["ssl", "startTLS"])
async def test_an_encrypted_connection_works_when_the_authority_is_known(
    open_ldap: OpenLdap, slapd: Slapd, how: str
) -> None:
    connector = encrypted(open_ldap, slapd, how, caFile=str(slapd.authority))
    await connector.test()
    assert await read_all(connector, "account") == []


@pytest.mark.parametrize("how", ["ssl", "startTLS"])
@pytest.mark.parametrize(
    ("properties", "why"),
    [
        pytest.param(
            {"caFile": ""}, "certificate is not trusted: .*(self-signed|local issuer)", id="unknown authority"
        ),
        pytest.param({"host": "127.0.0.2"}, "certificate is not trusted: .*127.0.0.2", id="another host"),
    ],
)
async def test_a_certificate_that_proves_nothing_is_refused(
    open_ldap: OpenLdap, slapd: Slapd, how: str, properties: dict[str, Any], why: str
) -> None:
    port = slapd.tls_port if how == "ssl" else slapd.port
    with relaying(port, host=properties.get("host", "127.0.0.1")) as relay:
        given = {"caFile": str(slapd.authority), "port": relay.port} | properties
        with pytest.raises(SourceUnreadable, match=why) as caught:
            await encrypted(open_ldap, slapd, how, **given).test()
    assert caught.value.detail == {"reason": "TLS"}


@pytest.mark.parametrize("how", ["ssl", "startTLS"])
async def test_an_expired_certificate_is_named_as_such(open_ldap: OpenLdap, how: str) -> None:
    with directory.running(expired=True) as server:
        connector = encrypted(open_ldap, server, how, caFile=str(server.authority))
        for ask in (
            connector.test(),
            enumerate_all(connector, "account"),
            connector.create("account", {"_id": "a"}),
        ):
            with pytest.raises(SourceUnreadable, match=r"not trusted: certificate has expired\. Renew it"):
                await ask


async def test_a_file_of_authorities_that_is_none_is_named(
    open_ldap: OpenLdap, slapd: Slapd, tmp_path: Path
) -> None:
    for file, why in (("missing.pem", "No such file"), ("empty.pem", "it holds no certificates")):
        if file == "empty.pem":
            (tmp_path / file).write_text("nothing")
        with pytest.raises(ConfigError, match=f"caFile: .*{file} cannot be read: {why}"):
            await encrypted(open_ldap, slapd, "ssl", caFile=file).test()


async def test_encryption_is_not_spoken_on_a_plain_port(open_ldap: OpenLdap, slapd: Slapd) -> None:
    with pytest.raises(SourceUnreadable, match=r"no TLS is spoken there|cannot be reached"):
        await open_ldap(ssl=True, caFile=str(slapd.authority)).test()


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        pytest.param(
            {"credentials": "wrong"},
            "did not let cn=sync,.* in. Check .*principal and credentials",
            id="password",
        ),
        pytest.param({"principal": "cn=nobody,dc=example,dc=com"}, "did not let cn=nobody,.* in", id="name"),
        pytest.param(
            {"principal": "somebody"}, "principal is not a distinguished name: 'somebody'", id="no DN"
        ),
        pytest.param({"port": 1}, "ldap://127.0.0.1:1 cannot be reached .*host and port right", id="port"),
        pytest.param({"host": "no.such.host.invalid"}, "cannot be reached.*Is the server running", id="host"),
    ],
)
async def test_a_connection_that_does_not_come_about_says_why(
    open_ldap: OpenLdap, properties: dict[str, Any], why: str
) -> None:
    connector = open_ldap(**properties)
    begun = time.monotonic()
    for ask in (connector.test(), enumerate_all(connector, "account"), connector.read_many("account", ["a"])):
        with pytest.raises(SourceUnreadable, match=why):
            await ask
    with pytest.raises(SourceUnreadable, match=why):
        await connector.create("account", {"_id": "a"})
    assert time.monotonic() - begun < 10


async def test_a_caller_without_a_name_is_let_in_where_the_directory_does(open_ldap: OpenLdap) -> None:
    connector = open_ldap(principal="", credentials=None)
    with pytest.raises(SourceUnreadable, match="does not exist, or our name may not see it"):
        await connector.test()


async def test_another_server_is_taken_when_the_first_is_away(open_ldap: OpenLdap, slapd: Slapd) -> None:
    connector = open_ldap(port=1, failover=[f"ldap://127.0.0.1:{slapd.port}"])
    await connector.test()


async def test_a_password_comes_from_the_environment_or_a_file(
    open_ldap: OpenLdap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = open_ldap(credentials={"$env": "LDAP_PASSWORD"})
    with pytest.raises(ConfigError, match="credentials: The environment variable LDAP_PASSWORD is not set"):
        await connector.test()
    monkeypatch.setenv("LDAP_PASSWORD", PASSWORD)
    await connector.test()
    await open_ldap(credentials="&{ldap.password}").test()
    connector = open_ldap(credentials={"$file": "password"})
    with pytest.raises(ConfigError, match="password cannot be read: No such file"):
        await connector.test()
    (tmp_path / "password").write_text(PASSWORD + "\n")
    await connector.test()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="closed at once"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="HTTP"),
        pytest.param(b"0\x84\xff\xff\xff\xff", id="an endless message"),
        pytest.param(bytes(range(256)) * 10, id="garbage"),
    ],
)
async def test_a_server_that_speaks_something_else_is_not_understood(
    open_ldap: OpenLdap, answer: bytes
) -> None:
    with relaying(None) as relay:
        relay.answer = answer
        with pytest.raises(SourceUnreadable, match=f"127.0.0.1:{relay.port} (cannot be reached|refused)"):
            await open_ldap(port=relay.port, connectTimeout=500).test()


async def test_a_server_that_says_nothing_is_given_up(open_ldap: OpenLdap) -> None:
    with relaying(None) as relay:
        begun = time.monotonic()
        for more in ({}, {"startTLS": True}, {"ssl": True}):
            with pytest.raises(SourceUnreadable, match=r"did not answer in time|cannot be reached"):
                await open_ldap(port=relay.port, connectTimeout=300, **more).test()
        assert time.monotonic() - begun < 6


async def test_an_answer_that_never_comes_ends_the_reading(
    open_ldap: OpenLdap, slapd: Slapd, branch: str
) -> None:
    slapd.add("".join(directory.person(f"p{number}", number, branch) for number in range(100)))
    with relaying(slapd.port) as relay:
        connector = open_ldap(
            port=relay.port,
            accountObjectClasses=["person"],
            timeouts={"SEARCH": 400},
            blockSize=10,
            readSchema=False,
        )
        pages = connector.pages("account", page_size=10)
        assert not (await anext(pages)).complete
        relay.limit = 5000

        async def go_on() -> None:
            async for page in pages:
                assert not page.complete

        with pytest.raises(
            SourceUnreadable, match=r"did not answer in time while account was read, after [1-9]"
        ):
            await go_on()


async def test_a_write_whose_answer_is_lost_says_that_it_may_have_been_done(
    open_ldap: OpenLdap, slapd: Slapd, branch: str
) -> None:
    with relaying(slapd.port) as relay:
        connector = open_ldap(port=relay.port)
        await connector.test()
        relay.forget = b"\x68"
        with pytest.raises(Unavailable, match="may or may not have been done"):
            await connector.create("account", {"_id": "a", "sn": "x"})
    assert (await open_ldap().read_many("account", ["a"]))["a"]["sn"] == "x"


async def test_a_connection_that_died_while_idle_is_not_noticed(open_ldap: OpenLdap, slapd: Slapd) -> None:
    with relaying(slapd.port) as relay:
        connector = open_ldap(port=relay.port)
        await connector.create("account", {"_id": "a", "sn": "x"})
        relay.cut()
        assert (await connector.read_many("account", ["a"]))["a"]["sn"] == "x"
        relay.cut()
        assert (await connector.update("account", "a", {"sn": "y"}))["sn"] == "y"
        await connector.close()


def encrypted(open_ldap: OpenLdap, server: Slapd, how: str, **properties: Any) -> LdapDirectory:
    port = server.tls_port if how == "ssl" else server.port
    return open_ldap(server=server, **{how: True, "port": port} | properties)
