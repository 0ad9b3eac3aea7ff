"""Passwords are checked by a bind as the entry."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from flows.connectors.authenticating import Authenticates
from flows.connectors.base import SourceUnreadable
from tests.connectors.conftest import ACCOUNTS, OpenLdap, account
from tests.rest.conftest import serve
from tests.slapd import PASSWORD, SYNC, Slapd, entry

pytestmark = pytest.mark.services

SECRET = "Pässw0rd (*) \\ "


def people(branch: str) -> str:
    below: dict[str, Any] = {"objectClass": [*ACCOUNTS, "simpleSecurityObject"]}
    return "".join(
        entry(f"uid={uid},{branch}", below | {"uid": uid, "cn": cn, "userPassword": password})
        for uid, cn, password in (("a", "Ann", SECRET), ("b", "Twin", SECRET), ("c", "Twin", SECRET))
    ) + entry(f"uid=d*,{branch}", {"objectClass": ACCOUNTS, "uid": "d*", "cn": "No password"})


@pytest.mark.parametrize(
    ("username", "password", "id"),
    [
        ("a", SECRET, "a"),
        ("A", SECRET, "a"),
        ("Ann", SECRET, "a"),
        ("a", SECRET.lower(), None),
        ("a", "", None),
        ("a", "\0", None),
        ("nobody", SECRET, None),
        ("Twin", SECRET, None),
        ("*", SECRET, None),
        ("a)(uid=*", SECRET, None),
        ("", SECRET, None),
        ("", "", None),
        ("d*", "x", None),
        ("d*", "", None),
        ("b", SECRET, "b"),
    ],
)
async def test_only_the_right_password_of_one_entry_is_accepted(
    open_ldap: OpenLdap, slapd: Slapd, branch: str, username: str, password: str, id: str | None
) -> None:
    slapd.add(people(branch))
    connector = open_ldap({"account": account()}, accountUserNameAttributes=["uid", "cn"])
    assert isinstance(connector, Authenticates)
    assert await connector.authenticate("account", username, password) == id
    # our own connection is still ours
    assert sorted(await connector.read_many("account", ["a"])) == ["a"]


async def test_the_name_of_an_entry_is_its_id_where_the_file_says_so(
    open_ldap: OpenLdap, slapd: Slapd, branch: str
) -> None:
    slapd.add(people(branch))
    connector = open_ldap(uidAttribute="dn")
    assert await connector.authenticate("account", "a", SECRET) == f"uid=a,{branch}"
    # outside of the branch nobody is known
    assert await connector.authenticate("account", "u1", SECRET) is None


async def test_a_directory_that_is_away_is_no_wrong_password(open_ldap: OpenLdap) -> None:
    with pytest.raises(SourceUnreadable, match="cannot be reached"):
        await open_ldap(port=1).authenticate("account", "a", "b")
    with pytest.raises(SourceUnreadable, match="did not let"):
        await open_ldap(credentials="wrong").authenticate("account", "a", "b")


async def test_a_password_is_checked_by_rest(slapd: Slapd, branch: str, library: str, tmp_path: Path) -> None:
    slapd.add(people(branch))
    (tmp_path / "conf").mkdir()
    document = {
        "connectorRef": {"connectorName": "org.identityconnectors.ldap.LdapConnector"},
        "configurationProperties": slapd.properties(
            SYNC,
            baseContexts=[branch],
            accountObjectClasses=ACCOUNTS,
            uidAttribute="uid",
            ldapLibrary=library,
            credentials=PASSWORD,
        ),
        "objectTypes": {"account": account()},
    }
    async with serve(tmp_path) as server:
        await server.put("config/provisioner.openicf/ldap", document)

        tried = partial(server.authenticate, "system/ldap/account")
        assert await tried("a", SECRET) == (200, "a")
        assert await tried("a", "wrong") == (401, None)
        assert await tried("nobody", SECRET) == (401, None)
        assert await tried("a", "") == (401, None)
        assert await tried("a", None) == (400, None)
        by_parameter = await server.call(
            "POST", "system/ldap/account?_action=authenticate&username=a&password=x"
        )
        assert by_parameter.status_code == 401
