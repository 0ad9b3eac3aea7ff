"""Writing tables: one row at a time, and never another one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conf.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    NotSupported,
    PreconditionFailed,
    ReconError,
)
from tests.connectors.conformance import read_all
from tests.connectors.databases import PEOPLE, TestDatabase

OPEN: dict[str, Any] = {"account": {}}


async def test_values_come_back_as_they_were_written(database: TestDatabase) -> None:
    aware = "timestamp" if database.is_sqlite else "timestamptz"
    octets = "blob" if database.is_sqlite else "bytea"
    await database.execute(
        f"create table people (uid varchar(20) primary key, name text, born date, seen {aware}, pay numeric(12, 2), "
        f"active boolean, photo {octets}, data json, age integer, hour time)"
    )
    content = {
        "_id": "a",
        "uid": "a",
        "name": "Zoë 'x' \"y\" \\ %s 🙂",
        "born": "2000-02-29",
        "seen": "2026-01-31T12:00:00+00:00",
        "pay": 1234.5,
        "active": False,
        "photo": "/wA=",
        "data": {"a": [1, None, "x"]},
        "age": -7,
        "hour": "12:30:00",
    }
    connector = database.open(OPEN)
    assert await connector.create("account", content) == content
    assert await read_all(connector, "account") == [content]
    changed = {"name": "", "born": None, "seen": None, "active": True, "age": 0, "data": [], "photo": None}
    updated = await connector.update("account", "a", changed)
    wanted = {name: value for name, value in (content | changed).items() if value is not None}
    assert updated == wanted
    assert await read_all(connector, "account") == [wanted]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"age": "old"}, "age: the column holds a whole number, not 'old'"),
        ({"age": 1.5}, "age: the column holds a whole number, not 1.5"),
        ({"age": 2**70}, "age: the column holds a whole number, not 1180591620717411303424"),
        ({"age": True}, "age: the column holds a whole number, not True"),
        ({"age": {}}, "age: the column holds a whole number, not an object"),
        ({"name": "a\0b"}, "name: the column holds a text, not 'a\\x00b'"),
        ({"name": "\ud800"}, "name: the column holds a text, not '\\ud800'"),
        ({"name": ["a"]}, "name: the column holds a text, not an array"),
        ({"active": "maybe"}, "active: the column holds true or false, not 'maybe'"),
        ({"name": None}, "name: the column 'name' must not be empty"),
        ({"nmae": "x"}, "have no member 'nmae'. Did you mean name?"),
        ({"uid": "other", "_id": "b"}, "'_id' and another member give the column 'uid' two values"),
    ],
)
async def test_what_a_column_does_not_hold_is_refused(
    database: TestDatabase, content: dict[str, Any], why: str
) -> None:
    await database.execute(
        "create table people (uid varchar(20) primary key, age integer, name text not null, active boolean)"
    )
    connector = database.open(OPEN)
    with pytest.raises(BadRequest) as caught:
        await connector.create("account", {"uid": "b", "name": "x"} | content)
    assert why in caught.value.message
    assert await read_all(connector, "account") == []


async def test_what_the_database_refuses_is_told_in_its_words(database: TestDatabase) -> None:
    await database.execute(
        "create table people (uid varchar(20) primary key, age integer check (age > 0), mail varchar(20) unique)"
    )
    connector = database.open(OPEN)
    await connector.create("account", {"_id": "a", "mail": "x", "age": 1})
    for content in ({"age": -1}, {"mail": "x"}):
        with pytest.raises(BadRequest, match=r"refused by the database: .*(age|mail)"):
            await connector.create("account", {"_id": "b", **content})
    with pytest.raises(BadRequest, match=r"refused by the database: .*age"):
        await connector.update("account", "a", {"age": -1})
    assert await read_all(connector, "account") == [{"_id": "a", "uid": "a", "age": 1, "mail": "x"}]


async def test_an_object_without_an_id_gets_one_where_the_database_makes_it(database: TestDatabase) -> None:
    serial = "integer primary key" if database.is_sqlite else "serial primary key"
    await database.execute(f"create table people (uid {serial}, name text)")
    connector = database.open(OPEN)
    assert await connector.create("account", {"name": "x"}) == {"_id": "1", "uid": 1, "name": "x"}
    assert (await connector.create("account", {"_id": None, "name": "y"}))["_id"] == "2"
    assert (await connector.create("account", {"_id": "7", "name": "z"}))["uid"] == 7
    with pytest.raises(PreconditionFailed, match="has an object '7' already"):
        await connector.create("account", {"_id": "7"})


async def test_an_object_needs_an_id_where_nobody_makes_one(database: TestDatabase) -> None:
    await database.execute(PEOPLE)
    with pytest.raises(BadRequest, match=r"needs an id|refused by the database: .*uid"):
        await database.open().create("account", {"sn": "x"})
    assert await database.execute("select * from people") == []


async def test_more_rows_than_one_are_never_written(database: TestDatabase) -> None:
    await database.execute(
        PEOPLE.replace(" primary key", ""), "insert into people values ('a', 'x', ''), ('a', 'y', '')"
    )
    connector = database.open()
    with pytest.raises(Conflict, match="2 rows have 'a' as 'uid'; none was written"):
        await connector.update("account", "a", {"mail": "new"})
    with pytest.raises(Conflict, match="2 rows have 'a'"):
        await connector.delete("account", "a")
    with pytest.raises(PreconditionFailed):
        await connector.create("account", {"_id": "a"})
    assert sorted(await database.execute("select mail from people")) == [("x",), ("y",)]


async def test_an_id_is_changed_by_its_column_and_not_by_the_id(database: TestDatabase) -> None:
    await database.execute(PEOPLE, "insert into people (uid) values ('a'), ('b')")
    connector = database.open({"account": {"properties": {"login": {"nativeName": "__UID__"}, "mail": {}}}})
    assert await connector.update("account", "a", {"_id": "ignored", "mail": "x"}) == {
        "_id": "a",
        "login": "a",
        "mail": "x",
    }
    assert (await connector.update("account", "a", {"login": "c"}))["_id"] == "c"
    with pytest.raises(PreconditionFailed, match="has an object 'b' already"):
        await connector.update("account", "c", {"login": "b"})
    with pytest.raises(NotFound, match="no object 'a'"):
        await connector.update("account", "a", {"login": "d"})
    with pytest.raises(BadRequest, match=r"must not be empty|no object"):
        await connector.update("account", "c", {"login": None})
    assert sorted(await database.execute("select uid from people")) == [("b",), ("c",)]


async def test_an_empty_update_only_looks(database: TestDatabase) -> None:
    await database.execute(PEOPLE, "insert into people (uid, mail) values ('a', 'x')")
    connector = database.open()
    assert await connector.update("account", "a", {}) == {"_id": "a", "mail": "x"}
    with pytest.raises(NotFound):
        await connector.update("account", "nobody", {})


async def test_a_column_that_must_not_be_null_is_cleared_by_an_empty_text(database: TestDatabase) -> None:
    await database.execute(
        "create table people (uid varchar(20) primary key, mail text not null)",
        "insert into people values ('a', 'x')",
    )
    types: dict[str, Any] = {"account": {"properties": {"mail": {}}}}
    with pytest.raises(BadRequest, match="must not be empty"):
        await database.open(types).update("account", "a", {"mail": None})
    connector = database.open(types, enableEmptyString=True)
    assert await connector.update("account", "a", {"mail": None}) == {"_id": "a", "mail": ""}


async def test_members_with_flags_are_not_written(database: TestDatabase) -> None:
    await database.execute(PEOPLE)
    connector = database.open(
        {
            "account": {
                "properties": {
                    "mail": {"flags": ["NOT_UPDATEABLE"]},
                    "sn": {"nativeName": "Last name", "flags": ["NOT_CREATABLE"]},
                }
            }
        }
    )
    await connector.create("account", {"_id": "a", "mail": "x"})
    with pytest.raises(BadRequest, match="'mail' cannot be written"):
        await connector.update("account", "a", {"mail": "y"})
    with pytest.raises(BadRequest, match="'sn' cannot be written"):
        await connector.create("account", {"_id": "b", "sn": "y"})


async def test_a_query_is_only_read(database: TestDatabase) -> None:
    await database.execute(PEOPLE, "insert into people (uid) values ('a')")
    connector = database.open(OPEN, table=..., query="select * from people")
    for write in (
        connector.create("account", {"_id": "b"}),
        connector.update("account", "a", {"mail": "x"}),
        connector.delete("account", "a"),
    ):
        with pytest.raises(NotSupported, match="system/hr/account is a query, which is only read"):
            await write


@pytest.mark.parametrize("query", ["delete from people returning uid", "select 1; drop table people"])
async def test_a_query_that_writes_is_refused_before_it_is_asked(database: TestDatabase, query: str) -> None:
    with pytest.raises(ReconError, match="query: expected one statement that begins with select"):
        database.open(OPEN, table=..., query=query)


async def test_a_query_that_writes_in_disguise_writes_nothing(database: TestDatabase) -> None:
    await database.execute(PEOPLE, "insert into people (uid) values ('a')")
    query = "with gone as (delete from people returning uid) select uid from gone"
    with pytest.raises(ReconError):
        await database.open(OPEN, table=..., query=query).test()
    assert await database.execute("select uid from people") == [("a",)]


async def test_of_two_who_create_the_same_object_one_is_told(database: TestDatabase) -> None:
    await database.execute(PEOPLE)
    connector = database.open()
    done = await asyncio.gather(
        *(connector.create("account", {"_id": "a", "mail": str(n)}) for n in range(5)), return_exceptions=True
    )
    assert sum(isinstance(one, PreconditionFailed) for one in done) == 4
    assert len(await read_all(connector, "account")) == 1


async def test_many_writers_lose_nothing(database: TestDatabase) -> None:
    await database.execute(PEOPLE)
    connector = database.open()
    await asyncio.gather(*(connector.create("account", {"_id": f"u{n:02}"}) for n in range(30)))
    await asyncio.gather(*(connector.update("account", f"u{n:02}", {"mail": str(n)}) for n in range(30)))
    rows = await read_all(connector, "account")
    assert [row["mail"] for row in rows] == [str(n) for n in range(30)]


@pytest.mark.services
async def test_who_may_only_read_is_told_so(postgresql: TestDatabase) -> None:
    await postgresql.execute(
        PEOPLE,
        "insert into people (uid) values ('a')",
        "drop role if exists reader",
        "create role reader login",
        "grant select on people to reader",
    )
    connector = postgresql.open(user="reader")
    assert await read_all(connector, "account") == [{"_id": "a"}]
    with pytest.raises(Forbidden, match="does not let us write"):
        await connector.update("account", "a", {"mail": "x"})
    await connector.close()
    await postgresql.execute("drop owned by reader", "drop role reader")


@pytest.mark.services
async def test_columns_of_uncommon_types_are_texts(postgresql: TestDatabase) -> None:
    await postgresql.execute(
        "create type mood as enum ('happy', 'sad')",
        "create table people (uid varchar(20) primary key, address inet, feels mood, rest interval, tags text[], "
        "twice integer generated always as (2) stored)",
    )
    connector = postgresql.open(OPEN)
    content = {
        "_id": "a",
        "uid": "a",
        "address": "127.0.0.1/32",
        "feels": "sad",
        "rest": "1 day",
        "tags": ["x", "y"],
    }
    assert await connector.create("account", content) == content | {"twice": 2}
    assert (await connector.update("account", "a", {"feels": "happy"}))["feels"] == "happy"
    with pytest.raises(BadRequest, match=r"refused by the database: .*mood"):
        await connector.update("account", "a", {"feels": "angry"})
    with pytest.raises(BadRequest, match="'twice' cannot be written"):
        await connector.update("account", "a", {"twice": 3})
    await connector.close()


async def test_a_file_that_may_only_be_read_says_so(sqlite: TestDatabase) -> None:
    await sqlite.execute(PEOPLE, "insert into people (uid) values ('a')")
    connector = sqlite.open(url=f"{sqlite.url}?immutable=1")
    assert await read_all(connector, "account") == [{"_id": "a"}]
    with pytest.raises(Forbidden, match="does not let us write"):
        await connector.update("account", "a", {"mail": "x"})
