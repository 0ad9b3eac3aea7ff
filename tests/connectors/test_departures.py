"""Who is gone from a system that tells only what changed."""

from __future__ import annotations

import logging
import uuid
from pathlib import Path
from typing import Any

import pytest

from flows.connectors.base import Connector
from flows.connectors.departures import changes_and_departures, forget
from flows.connectors.ldap import LdapDirectory
from flows.connectors.ldap_census import read_id_set
from tests.connectors.conformance import read_all
from tests.connectors.conftest import ACCOUNTS, OpenLdap, account
from tests.connectors.databases import TestDatabase
from tests.slapd import PEOPLE, Slapd, entry, running

TABLE = "create table people (uid varchar(20), changed integer)"
TYPES: dict[str, Any] = {"account": {}}
BY_NAME = {"account": account(name={"nativeName": "uid"})}


async def look(connector: Connector, token: str | None, folder: Path) -> tuple[list[str], list[str], str]:
    """Ids of what changed, ids of what is gone, the next token."""
    changes, after = await changes_and_departures(connector, "account", token, folder)
    there = [change.id for change in changes if change.row is not None]
    gone = [change.id for change in changes if change.row is None]
    assert [change.id for change in changes] == there + gone
    return there, gone, after


async def test_what_is_gone_comes_after_what_changed_and_once(database: TestDatabase, tmp_path: Path) -> None:
    await database.execute(TABLE, "insert into people values ('a', 1), ('b', 1), ('c', 1)")
    connector = database.open(TYPES, changeLogColumn="changed")
    there, gone, token = await look(connector, None, tmp_path)
    assert (there, gone) == ([], [])
    await database.execute("delete from people where uid = 'b'", "insert into people values ('d', 2)")
    there, gone, after = await look(connector, token, tmp_path)
    assert (there, gone) == (["d"], ["b"])
    assert await look(connector, token, tmp_path) == (there, gone, after)  # until the token is kept
    assert await look(connector, after, tmp_path) == ([], [], after)
    forget(connector, "account", tmp_path, after)
    assert len(list(tmp_path.glob("*.rows"))) == 1


async def test_a_token_whose_ids_are_lost_tells_no_departure(sqlite: TestDatabase, tmp_path: Path) -> None:
    await sqlite.execute(TABLE, "insert into people values ('a', 1), ('b', 1)")
    connector = sqlite.open(TYPES, changeLogColumn="changed")
    _, _, token = await look(connector, None, tmp_path)
    forget(connector, "account", tmp_path, "")
    await sqlite.execute("delete from people where uid = 'b'")
    _, gone, token = await look(connector, token, tmp_path)
    assert gone == []
    await sqlite.execute("delete from people")
    assert (await look(connector, token, tmp_path))[1] == ["a"]
    assert (await look(connector, "0", tmp_path))[:2] == ([], [])  # a plain token of the system's own


async def test_very_many_at_once_are_left_to_a_reconciliation(
    sqlite: TestDatabase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = ", ".join(f"('u{number}', 1)" for number in range(40))
    await sqlite.execute(TABLE, f"insert into people values {rows}")
    connector = sqlite.open(TYPES, changeLogColumn="changed")
    _, _, token = await look(connector, None, tmp_path)
    await sqlite.execute("delete from people where uid <> 'u7'")
    with caplog.at_level(logging.WARNING):
        _, gone, token = await look(connector, token, tmp_path)
    assert gone == []
    assert "system/hr/account: 39 of 40 objects are seen no more" in caplog.text
    assert (await look(connector, token, tmp_path))[1] == []


async def test_nobody_is_gone_where_nobody_can_say_who_is_there(sqlite: TestDatabase, tmp_path: Path) -> None:
    await sqlite.execute(TABLE, "insert into people values ('a', 1), ('b', 1), ('c', 1)")
    connector = sqlite.open(TYPES, changeLogColumn="changed")
    _, _, token = await look(connector, None, tmp_path)
    await sqlite.execute("update people set uid = null, changed = 0 where uid = 'b'")
    _, gone, token = await look(connector, token, tmp_path)
    assert gone == []
    await sqlite.execute("delete from people where uid is null", "insert into people values ('c', 1)")
    assert (await look(connector, token, tmp_path))[1] == ["b"]  # and the two of one id are still there


@pytest.mark.services
@pytest.mark.parametrize("uid", ["uid", "entryUUID"])
async def test_a_directory_tells_who_is_gone(
    open_ldap: OpenLdap, slapd: Slapd, branch: str, tmp_path: Path, uid: str
) -> None:
    await follow(open_ldap(BY_NAME, uidAttribute=uid), slapd, branch, tmp_path)


@pytest.mark.services
@pytest.mark.parametrize("log", ["syncprov-sessionlog 100", "syncprov-sessionlog 2", ""])
async def test_a_directory_may_keep_a_log_of_deletions(open_ldap: OpenLdap, tmp_path: Path, log: str) -> None:
    with running(overlay=log) as server:
        connector = open_ldap(BY_NAME, server=server, uidAttribute="entryUUID", baseContexts=[PEOPLE])
        await follow(connector, server, PEOPLE, tmp_path)


@pytest.mark.services
async def test_what_happens_elsewhere_makes_nobody_go(
    open_ldap: OpenLdap, slapd: Slapd, branch: str, tmp_path: Path
) -> None:
    connector = open_ldap(BY_NAME, uidAttribute="entryUUID")
    people(slapd, branch, "a", "b")
    _, _, token = await look(connector, None, tmp_path)
    name = uuid.uuid4().hex
    people(slapd, PEOPLE, name)
    assert (await look(connector, token, tmp_path))[:2] == ([], [])
    slapd.run("ldapdelete", f"uid={name},{PEOPLE}\n")
    _, own = token.split(";", 1)
    assert await connector.departed("account", own, own + " ", ["x"]) == ["x"]
    assert (await look(connector, token, tmp_path))[:2] == ([], [])
    # who leaves the object type is gone as well
    slapd.change(
        f"dn: uid=a,{branch}\nchangetype: modrdn\nnewrdn: uid=a\ndeleteoldrdn: 1\nnewsuperior: {PEOPLE}\n\n"
    )
    _, gone, _ = await look(connector, token, tmp_path)
    assert len(gone) == 1
    slapd.run("ldapdelete", f"uid=a,{PEOPLE}\n")


async def follow(connector: LdapDirectory, server: Slapd, branch: str, folder: Path) -> None:
    people(server, branch, "a", "b", "c", "d")
    ids = {row["name"]: row["_id"] for row in await read_all(connector, "account")}
    _, _, token = await look(connector, None, folder)
    assert token.partition(";")[2].startswith("sync:")
    assert await look(connector, token, folder) == ([], [], token)
    await connector.delete("account", ids["b"])
    await connector.update("account", ids["c"], {"sn": "new"})
    there, gone, after = await look(connector, token, folder)
    assert (there, gone) == ([ids["c"]], [ids["b"]])
    assert (await look(connector, token, folder))[:2] == (there, gone)  # as often as it is asked for
    assert await look(connector, after, folder) == ([], [], after)
    people(server, branch, "e")
    there, gone, after = await look(connector, after, folder)
    assert (len(there), gone) == (1, [])
    for name in ("a", "d", "e"):
        server.run("ldapdelete", f"uid={name},{branch}\n")
    assert (await look(connector, after, folder))[:2] == ([], unordered(ids["a"], ids["d"], there[0]))
    await connector.close()


def people(server: Slapd, branch: str, *names: str) -> None:
    for name in names:
        server.add(entry(f"uid={name},{branch}", {"objectClass": ACCOUNTS, "uid": name, "sn": name}))


def unordered(*ids: str) -> list[str]:
    """Ids as they are kept: in the order of the alphabet."""
    return sorted(ids)


@pytest.mark.parametrize(
    ("value", "is_gone", "count"),
    [
        ("a317" + "0101ff" + "3112" + "0410" + "0123456789abcdef0123456789abcdef", True, 1),
        ("a329" + "040163" + "3124" + ("0410" + "ab" * 16) * 2, False, 2),
        ("a3820026" + "3124" + ("0410" + "ab" * 16) * 2, False, 2),
        ("a3023100", False, 0),
    ],
)
def test_sets_of_ids_as_they_come(value: str, is_gone: bool, count: int) -> None:
    found, ids = read_id_set(bytes.fromhex(value))
    assert (found, len(ids)) == (is_gone, count)
    if is_gone:
        assert ids == ["01234567-89ab-cdef-0123-456789abcdef"]
