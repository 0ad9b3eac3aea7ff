"""Passwords are compared with the column that the provisioner file names."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from conf.errors import Conflict
from flows.connectors.authenticating import Authenticates
from flows.connectors.base import SourceUnreadable
from tests.connectors.databases import DATABASE_TABLE, TestDatabase
from tests.rest.conftest import serve

TABLE = "create table people (uid varchar(20) primary key, login varchar(20), secret text)"
ROWS = (
    "insert into people values ('1', 'ann', 'Pässw0rd'), ('2', 'twin', 'x'), ('3', 'twin', 'x'), "
    "('4', 'none', null), ('5', 'empty', ''), ('6', null, 'x')"
)
COLUMNS = {"nameColumn": "login", "passwordColumn": "secret"}


@pytest.mark.parametrize(
    ("username", "password", "id"),
    [
        ("ann", "Pässw0rd", "1"),
        ("ann", "pässw0rd", None),
        ("Ann", "Pässw0rd", None),
        ("ann", "", None),
        ("nobody", "Pässw0rd", None),
        ("1", "Pässw0rd", None),
        ("twin", "x", None),
        ("none", "", None),
        ("none", "None", None),
        ("empty", "", None),
        ("' or '1'='1", "Pässw0rd", None),
        ("ann\0", "Pässw0rd", None),
        ("ann", "Pässw0rd\0", None),
        ("\ud800", "\ud800", None),
    ],
)
async def test_only_the_right_password_of_one_row_is_accepted(
    database: TestDatabase, username: str, password: str, id: str | None
) -> None:
    await database.execute(TABLE, ROWS)
    connector = database.open({"account": {"properties": {"login": {}}}}, **COLUMNS)
    assert isinstance(connector, Authenticates)
    assert await connector.authenticate("account", username, password) == id


async def test_a_key_that_is_a_number_is_a_name_too(database: TestDatabase) -> None:
    await database.execute(
        "create table people (uid integer primary key, secret text)", "insert into people values (7, 'x')"
    )
    connector = database.open({"account": {}}, passwordColumn="secret")
    assert await connector.authenticate("account", "7", "x") == "7"
    assert await connector.authenticate("account", "seven", "x") is None
    assert await connector.authenticate("account", "007", "x") is None


async def test_what_cannot_be_checked_is_said(database: TestDatabase) -> None:
    await database.execute(TABLE)
    types: dict[str, Any] = {"account": {"properties": {"login": {}}}}
    with pytest.raises(Conflict, match="passwordColumn names no column"):
        await database.open(types).authenticate("account", "ann", "x")
    with pytest.raises(SourceUnreadable, match=r"nameColumn: .* has no column 'logn'"):
        await database.open(types, **COLUMNS | {"nameColumn": "logn"}).authenticate("account", "ann", "x")


async def test_a_password_is_checked_by_rest(
    sqlite: TestDatabase, store: dict[str, str], tmp_path: Path
) -> None:
    await sqlite.execute(TABLE, ROWS)
    (tmp_path / "conf").mkdir()
    document = {
        "connectorRef": {"connectorName": DATABASE_TABLE},
        "configurationProperties": {"url": sqlite.url, "table": "people", "keyColumn": "uid"} | COLUMNS,
        "objectTypes": {"account": {"properties": {"login": {}}}},
    }
    async with serve(tmp_path, **store) as server:
        await server.put("config/provisioner.openicf/hr", document)

        tried = partial(server.authenticate, "system/hr/account")
        assert await tried("ann", "Pässw0rd") == (200, "1")
        for wrong in (("ann", "x"), ("nobody", "x"), ("twin", "x"), ("none", "")):
            assert await tried(*wrong) == (401, None)
        assert await tried("ann", 1) == (400, None)
