"""Who is gone from a system that tells only what changed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from flows.connectors.base import Connector
from flows.connectors.departures import changes_and_departures, forget
from tests.connectors.conftest import ACCOUNTS, OpenLdap
from tests.connectors.databases import TestDatabase
from tests.slapd import Slapd, entry

TABLE = "create table people (uid varchar(20), changed integer)"
TYPES: dict[str, Any] = {"account": {}}


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
async def test_a_directory_where_nothing_happens_is_not_read_again(
    open_ldap: OpenLdap, slapd: Slapd, branch: str, tmp_path: Path
) -> None:
    names = ("a", "b", "c")
    for name in names:
        slapd.add(entry(f"uid={name},{branch}", {"objectClass": ACCOUNTS, "uid": name, "sn": name}))
    connector = open_ldap()
    _, _, token = await look(connector, None, tmp_path)
    assert token.partition(";")[2].startswith("sync:")
    assert connector.is_still(token.partition(";")[2], token.partition(";")[2])
    assert await look(connector, token, tmp_path) == ([], [], token)
    await connector.delete("account", "b")
    await connector.update("account", "c", {"sn": "new"})
    there, gone, token = await look(connector, token, tmp_path)
    assert (there, gone) == (["c"], ["b"])
    assert (await look(connector, token, tmp_path))[:2] == ([], [])
    slapd.change(f"dn: uid=a,{branch}\nchangetype: modrdn\nnewrdn: uid=renamed\ndeleteoldrdn: 1\n\n")
    assert (await look(connector, token, tmp_path))[:2] == (["renamed"], ["a"])
