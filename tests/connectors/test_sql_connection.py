"""Reaching a database: what its file says, and plain words for whatever stands in between."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url

from conf.errors import ConfigError, Unavailable
from flows.connectors.base import SourceUnreadable
from flows.connectors.registry import open_connector
from flows.connectors.sql_config import read_config
from flows.connectors.sql_table import DatabaseTable
from tests.connectors.conformance import enumerate_all, read_all
from tests.connectors.databases import DATABASE_TABLE, PEOPLE, TestDatabase
from tests.connectors.relay import relaying

#: as PingIDM writes it
SAMPLE: dict[str, Any] = {
    "quoting": "",
    "host": "db.example.com",
    "port": "5433",
    "user": "idm",
    "password": "geheim",
    "database": "hr",
    "table": "people",
    "keyColumn": "UNIQUE_ID",
    "passwordColumn": "",
    "jdbcDriver": "org.postgresql.Driver",
    "jdbcUrlTemplate": "jdbc:postgresql://%h:%p/%d",
    "enableEmptyString": False,
    "rethrowAllSQLExceptions": True,
    "nativeTimestamps": True,
    "allNative": False,
    "validConnectionQuery": None,
    "changeLogColumn": "CHANGE_TIMESTAMP",
    "datasource": "",
    "jndiProperties": None,
}


def document(**properties: Any) -> dict[str, Any]:
    kept = {name: value for name, value in (SAMPLE | properties).items() if value is not ...}
    return {"connectorRef": {"connectorName": DATABASE_TABLE}, "configurationProperties": kept}


def test_a_file_in_the_shape_of_pingidm_is_understood(tmp_path: Path) -> None:
    config = read_config("hr", document(), tmp_path)
    assert config.url.render_as_string() == "postgresql+asyncpg://idm@db.example.com:5433/hr"
    assert config.address == "postgresql://idm@db.example.com:5433/hr"
    kind = config.types["__ACCOUNT__"]
    assert (kind.table, kind.key, kind.change_log, kind.password) == (
        "people",
        "UNIQUE_ID",
        "CHANGE_TIMESTAMP",
        "",
    )
    assert "geheim" not in repr(config)
    assert isinstance(open_connector("hr", document(), tmp_path), DatabaseTable)


def test_a_relative_file_belongs_to_the_project(tmp_path: Path) -> None:
    for properties in (
        {"url": "sqlite:///data/people.db"},
        {"jdbcUrlTemplate": "jdbc:sqlite:%d", "database": "data/people.db", "user": ...},
    ):
        config = read_config("hr", document(**properties), tmp_path)
        assert config.url.database == str(tmp_path / "data/people.db")


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({"jdbcUrlTemplate": ...}, "'url' is missing, as \"postgresql://user@host:5432/database\""),
        ({"url": "people.db"}, "url: expected an address like"),
        ({"url": "sqlite://"}, "url: names no file"),
        ({"url": "postgresql://host"}, "url: names no database"),
        (
            {"jdbcUrlTemplate": "jdbc:mysql://%h:%p/%d"},
            "jdbcUrlTemplate: 'mysql' is not spoken here; sqlite and postgresql are",
        ),
        ({"url": 7}, "url: expected a text, found a whole number"),
        ({"keyColumn": ""}, "'keyColumn' is missing"),
        ({"keyColum": "x"}, "there is no property 'keyColum'. Did you mean keyColumn?"),
        ({"table": ""}, "__ACCOUNT__ needs either a 'table' or a 'query'"),
        ({"query": "select 1"}, "needs either a 'table' or a 'query'"),
        ({"enableEmptyString": "yes"}, "enableEmptyString: expected true or false, found a text"),
        ({"password": {"$crypto": {"value": {}}}}, "encrypted with the key of another installation"),
    ],
)
def test_a_wrong_file_is_told_what_is_wrong(tmp_path: Path, properties: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config("hr", document(**properties), tmp_path)
    assert caught.value.message.startswith("provisioner.openicf/hr: ")
    assert why in caught.value.message


def test_scripted_sql_is_refused_with_what_to_use_instead(tmp_path: Path) -> None:
    name = "org.forgerock.openicf.connectors.scriptedsql.ScriptedSQLConnector"
    with pytest.raises(ConfigError, match="use the DatabaseTableConnector on a table or a view"):
        open_connector("hr", {"connectorRef": {"connectorName": name}}, tmp_path)


@pytest.mark.parametrize("name", ["missing.db", "no/such/folder.db", "folder", "text.db"])
async def test_a_file_that_is_no_database_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.db").write_text("This is no database, however long one looks at it. " * 100)
    connector = TestDatabase(f"sqlite:///{tmp_path / name}", tmp_path).open()
    why = f"{name}.*cannot be read|{name} cannot be reached: (No such file|Is a dir)"
    for ask in (connector.test(), enumerate_all(connector, "account"), connector.read_many("account", ["a"])):
        with pytest.raises(SourceUnreadable, match=why):
            await ask
    with pytest.raises(SourceUnreadable):
        await connector.create("account", {"_id": "a"})
    assert not (tmp_path / "missing.db").exists()


async def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    connector = TestDatabase("postgresql://recon@127.0.0.1:1/hr", tmp_path).open(password="geheim")
    begun = time.monotonic()
    for ask in (connector.test(), enumerate_all(connector, "account")):
        with pytest.raises(SourceUnreadable, match=r"127\.0\.0\.1:1/hr cannot be reached") as caught:
            await ask
        assert "geheim" not in caught.value.message
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(range(256)) * 4])
async def test_a_server_that_speaks_something_else_is_not_understood(tmp_path: Path, answer: bytes) -> None:
    with relaying(None) as relay:
        relay.answer = answer
        connector = TestDatabase(f"postgresql://recon@127.0.0.1:{relay.port}/hr", tmp_path).open()
        with pytest.raises(SourceUnreadable, match="cannot be reached"):
            await connector.test()


@pytest.mark.services
async def test_a_database_or_a_password_that_is_wrong_says_so(postgresql: TestDatabase) -> None:
    other = make_url(postgresql.url).set(database="nothing").render_as_string(hide_password=False)
    with pytest.raises(SourceUnreadable, match=r'"nothing" does not exist\. Check'):
        await postgresql.open(url=other).test()
    with pytest.raises(SourceUnreadable, match=r"did not let us in: .*nobody.* Check user and password"):
        await postgresql.open(user="nobody").test()


@pytest.mark.services
async def test_a_password_comes_from_the_environment_or_a_file(
    postgresql: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await postgresql.execute(PEOPLE)
    connector = postgresql.open(password={"$env": "HR_PASSWORD"})
    with pytest.raises(ConfigError, match="password: The environment variable HR_PASSWORD is not set"):
        await connector.test()
    monkeypatch.setenv("HR_PASSWORD", "x")
    await connector.test()
    (postgresql.folder / "secret").write_text("x\n")
    await postgresql.open(password={"$file": "secret"}).test()
    with pytest.raises(ConfigError, match="other cannot be read: No such file"):
        await postgresql.open(password={"$file": "other"}).test()


@pytest.mark.services
async def test_a_connection_that_died_while_idle_is_not_noticed(postgresql: TestDatabase) -> None:
    await postgresql.execute(PEOPLE, "insert into people (uid) values ('a')")
    port = make_url(postgresql.url).port
    assert port is not None
    with relaying(port) as relay:
        url = make_url(postgresql.url).set(port=relay.port).render_as_string(hide_password=False)
        connector = postgresql.open(url=url)
        await connector.test()
        for mail in ("x", "y"):
            relay.cut()
            assert list(await connector.read_many("account", ["a"])) == ["a"]
            relay.cut()
            assert (await connector.update("account", "a", {"mail": mail}))["mail"] == mail
        await connector.close()


@pytest.mark.services
async def test_a_server_that_goes_away_is_no_end(postgresql: TestDatabase) -> None:
    await postgresql.execute(PEOPLE, *(f"insert into people (uid) values ('u{n:02}')" for n in range(20)))
    port = make_url(postgresql.url).port
    assert port is not None
    with relaying(port) as relay:
        url = make_url(postgresql.url).set(port=relay.port).render_as_string(hide_password=False)
        pages = postgresql.open(url=url).pages("account", page_size=5)
        first = await anext(pages)
        assert not first.complete

    async def go_on() -> None:
        async for page in pages:
            assert not page.complete

    with pytest.raises(SourceUnreadable, match=r"cannot be reached|connection broke"):
        await go_on()
    rest = await enumerate_all(postgresql.open(), "account", page_size=5, resume=first.cursor)
    assert [row["_id"] for page in rest for row in page.rows] == [f"u{n:02}" for n in range(5, 20)]


async def test_a_query_that_takes_too_long_is_stopped(database: TestDatabase) -> None:
    endless = (
        "with recursive n(i) as (select 1 union all select i + 1 from n) select i as uid from n where i < 0"
    )
    connector = database.open({"account": {}}, table=..., query=endless, timeouts={"SEARCH": 500})
    begun = time.monotonic()
    with pytest.raises(SourceUnreadable, match=r"did not answer in time .*operationTimeout\.SEARCH"):
        await enumerate_all(connector, "account")
    assert time.monotonic() - begun < 5


async def test_a_file_that_somebody_else_has_locked_is_waited_for(sqlite: TestDatabase) -> None:
    await sqlite.execute(PEOPLE, "insert into people (uid) values ('a')")
    connector = sqlite.open(timeouts={"UPDATE": 700})
    with closing(sqlite3.connect(sqlite.url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("begin immediate")
        assert list(await connector.read_many("account", ["a"])) == ["a"]
        with pytest.raises(Unavailable):
            await connector.update("account", "a", {"mail": "x"})
        waiting = asyncio.create_task(sqlite.open().update("account", "a", {"mail": "y"}))
        await asyncio.sleep(0.2)
        other.execute("rollback")
    assert (await waiting)["mail"] == "y"


async def test_a_table_that_changes_meanwhile_is_seen_by_the_next_run(database: TestDatabase) -> None:
    await database.execute(PEOPLE, "insert into people (uid) values ('a')")
    connector = database.open({"account": {}})
    assert await read_all(connector, "account") == [{"_id": "a", "uid": "a"}]
    await database.execute("alter table people add column age integer default 7")
    assert await read_all(connector, "account") == [{"_id": "a", "uid": "a", "age": 7}]
    await database.execute("alter table people drop column mail")
    with pytest.raises(SourceUnreadable, match=r"cannot be read: .*mail"):
        await connector.read_many("account", ["a"])
    assert await read_all(connector, "account") == [{"_id": "a", "uid": "a", "age": 7}]


@pytest.mark.services
async def test_encryption_that_the_server_does_not_offer_is_not_done_without(
    postgresql: TestDatabase,
) -> None:
    await postgresql.execute(PEOPLE)
    await postgresql.open(url=f"{postgresql.url}?sslmode=disable").test()
    for mode in ("require", "verify-full"):
        with pytest.raises(SourceUnreadable, match=r"cannot be reached: .*(SSL|certificate)"):
            await postgresql.open(url=f"{postgresql.url}?sslmode={mode}").test()


async def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "50% of a # b"
    folder.mkdir()
    sqlite = TestDatabase(f"sqlite:///{folder}/hr ü.db", tmp_path)
    await sqlite.execute(PEOPLE, "insert into people (uid) values ('a')")
    assert await read_all(sqlite.open(), "account") == [{"_id": "a"}]


@pytest.mark.services
async def test_a_changed_password_takes_effect_with_the_next_connection(
    postgresql: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await postgresql.execute(PEOPLE)
    connector = postgresql.open(password={"$env": "HR_PASSWORD"})
    monkeypatch.setenv("HR_PASSWORD", "x")
    await connector.test()
    await connector.close()
    monkeypatch.delenv("HR_PASSWORD")
    with pytest.raises(ConfigError, match="HR_PASSWORD is not set"):
        await connector.test()


@pytest.mark.services
async def test_connections_that_the_server_ends_are_replaced(postgresql: TestDatabase) -> None:
    await postgresql.execute(PEOPLE, "insert into people (uid) values ('a')")
    connector = postgresql.open()
    end = (
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where pid <> pg_backend_pid() and datname = current_database()"
    )
    for mail in ("x", "y"):
        await connector.test()
        await postgresql.execute(end)
        assert list(await connector.read_many("account", ["a"])) == ["a"]
        await postgresql.execute(end)
        assert (await connector.update("account", "a", {"mail": mail}))["mail"] == mail
    await connector.close()


@pytest.mark.services
async def test_a_row_that_somebody_else_holds_is_not_waited_for_too_long(postgresql: TestDatabase) -> None:
    await postgresql.execute(PEOPLE, "insert into people (uid) values ('a')")
    connector = postgresql.open(timeouts={"UPDATE": 300})
    other = await asyncpg.connect(postgresql.url)
    async with other.transaction():
        await other.execute("update people set mail = 'theirs'")
        with pytest.raises(Unavailable, match="may or may not have been done"):
            await connector.update("account", "a", {"mail": "ours"})
    await other.close()
    assert await postgresql.execute("select mail from people") == [("theirs",)]
    assert (await connector.update("account", "a", {"mail": "ours"}))["mail"] == "ours"
    await connector.close()
