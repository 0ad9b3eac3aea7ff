"""What changed in a directory since a moment."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conf.errors import BadRequest
from flows.connectors.base import BrokenRow
from tests.connectors.conftest import ACCOUNTS, OpenLdap, account, many
from tests.slapd import PEOPLE, Slapd, entry

pytestmark = pytest.mark.services

TYPES = {"account": account(groups=many("ldapGroups"))}


def people(branch: str, *names: str, **more: Any) -> str:
    return "".join(
        entry(f"uid={name},{branch}", {"objectClass": ACCOUNTS, "uid": name, "sn": name} | more)
        for name in names
    )


def changing(branch: str, *names: str) -> str:
    return "".join(f"dn: uid={name},{branch}\nchangetype: modify\nreplace: sn\nsn: new\n\n" for name in names)


async def test_a_token_tells_what_changed_since_it_was_given(
    open_ldap: OpenLdap, slapd: Slapd, branch: str
) -> None:
    slapd.add(people(branch, "a", "b", "c"))
    connector = open_ldap(TYPES)
    rows, token = await connector.changes("account", None)
    assert rows == []
    assert token.startswith("sync:")
    assert await connector.changes("account", token) == ([], token)
    slapd.change(changing(branch, "b"))
    slapd.add(people(branch, "d"))
    slapd.add(
        entry(f"cn=g,{branch}", {"objectClass": "groupOfNames", "cn": "g", "member": f"uid=d,{branch}"})
    )
    rows, after = await connector.changes("account", token)
    assert sorted((row["_id"], row["sn"], tuple(row.get("groups", ()))) for row in rows) == [
        ("b", "new", ()),
        ("d", "d", (f"cn=g,{branch}",)),
    ]
    assert after != token
    assert (await connector.changes("account", after))[0] == []
    await connector.delete("account", "a")
    assert (await connector.changes("account", after))[0] == []


async def test_a_time_will_do_as_a_token(open_ldap: OpenLdap, slapd: Slapd, branch: str) -> None:
    slapd.add(people(branch, "a", "b"))
    connector = open_ldap(TYPES)
    since = datetime.now(UTC) - timedelta(minutes=1)
    for token in (
        since.isoformat(),
        since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        since.strftime("time:%Y%m%d%H%M%SZ"),
    ):
        rows, after = await connector.changes("account", token)
        assert sorted(row["_id"] for row in rows) == ["a", "b"]
        assert all(set(row) == {"_id", "sn"} for row in rows)
        assert after > since.strftime("time:%Y%m%d%H%M%SZ")
    await asyncio.sleep(1.1)
    slapd.change(changing(branch, "b"))
    rows, later = await connector.changes("account", after)
    assert "b" in {row["_id"] for row in rows}  # and those of the token's own second
    assert later > after
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert await connector.changes("account", tomorrow) == (
        [],
        "time:" + tomorrow[:19].translate({45: "", 58: "", 84: ""}) + "Z",
    )


async def test_few_changes_among_many_are_found_at_once(open_ldap: OpenLdap, slapd: Slapd) -> None:
    connector = open_ldap(
        {"account": {"nativeType": "__ACCOUNT__", "properties": {"uid": {}, "sn": {}}}},
        baseContexts=[PEOPLE],
        accountObjectClasses=["inetOrgPerson"],
        uidAttribute="entryUUID",
    )
    _, token = await connector.changes("account", None)
    names = [f"u{number}" for number in range(0, 1000, 100)]
    slapd.change(changing(PEOPLE, *names))
    async with asyncio.timeout(3):
        rows, _ = await connector.changes("account", token)
    assert sorted(row["uid"] for row in rows) == sorted(names)


async def test_a_cookie_that_the_server_no_longer_knows_is_a_time(
    open_ldap: OpenLdap, slapd: Slapd, branch: str
) -> None:
    slapd.add(people(branch, "a"))
    connector = open_ldap(TYPES)
    stale = "sync:" + json.dumps({branch: "rid=000,csn=20200101000000.000000Z#000000#0ff#nonsense"})
    rows, token = await connector.changes("account", stale)
    assert [row["_id"] for row in rows] == ["a"]
    assert token.startswith(("time:", "sync:"))


async def test_a_branch_with_no_changes_of_its_own_has_a_token(open_ldap: OpenLdap, branch: str) -> None:
    connector = open_ldap(TYPES, baseContexts=[branch, PEOPLE], readSchema=False)
    _, token = await connector.changes("account", None)
    assert token.count("csn=") == 2


@pytest.mark.parametrize("token", ["what?", "sync:{}x", 'sync:{"a":1}', "time:later", "2026-13-01"])
async def test_a_token_that_is_none_is_refused(open_ldap: OpenLdap, token: str) -> None:
    with pytest.raises(BadRequest, match="token of a directory"):
        await open_ldap(TYPES).changes("account", token)


@pytest.mark.parametrize("is_time", [False, True])
async def test_a_changed_entry_that_cannot_be_read_holds_nobody_up(
    open_ldap: OpenLdap, slapd: Slapd, branch: str, is_time: bool
) -> None:
    connector = open_ldap(TYPES)
    _, token = await connector.changes("account", None)
    since = (datetime.now(UTC) - timedelta(seconds=2)).isoformat() if is_time else token
    slapd.add(people(branch, "a", sn=["x", "y"]) + people(branch, "b"))
    changed, after = await connector.changes("account", since)
    [broken] = [row for row in changed if isinstance(row, BrokenRow)]
    assert broken.id == "a"
    assert broken.reason.startswith("MANY_VALUES: ")
    assert [row["_id"] for row in changed if not isinstance(row, BrokenRow)] == ["b"]
    assert after != since
