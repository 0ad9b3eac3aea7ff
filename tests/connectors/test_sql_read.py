"""Reading tables as they come: values of all kinds, keys that are none, and what is damaged."""

from __future__ import annotations

import base64

import pytest

from conf.errors import BadRequest
from conf.filters.parse import parse
from flows.connectors.base import SourceUnreadable
from tests.connectors.conformance import enumerate_all, read_all
from tests.connectors.databases import PEOPLE, TestDatabase
from tests.connectors.sql_tables import OPEN, make_kinds, read_broken


async def test_values_of_all_kinds_become_json(database: TestDatabase) -> None:
    await make_kinds(database)
    rows = await read_all(database.open(OPEN), "account")
    assert all(type(name) is str for row in rows for name in row)
    assert [row["_id"] for row in rows] == ["1", "3", "20"]  # numbers in the order of numbers
    seen = "2026-01-31 12:00:00" if database.is_sqlite else "2026-01-31T12:00:00"
    assert rows[0] == {
        "_id": "1",
        "uid": 1,
        "name": "Zoë",
        "born": "2000-02-29",
        "seen": seen,
        "at": f"{seen}+00:00",
        "pay": 1234.5,
        "share": 0.5,
        "active": True,
        "photo": base64.b64encode(b"\xff\x00").decode(),
        "note": "",
        "big": 9007199254740993,
        "data": {"a": [1, None]},
    }
    assert rows[2] == {"_id": "20", "uid": 20}  # NULL is no value, an empty text is one


async def test_a_declared_type_wins(database: TestDatabase) -> None:
    await make_kinds(database)
    properties = {
        "number": {"nativeName": "uid", "type": "string"},
        "pay": {"type": "string"},
        "active": {"type": "string"},
        "name": {"type": "boolean"},
    }
    connector = database.open({"account": {"properties": properties}})
    _, broken, complete = await read_broken(connector)
    assert [(bad.id, bad.reason) for bad in broken] == [
        ("1", "BAD_VALUE: 'name': 'Zoë' is neither true nor false"),
        ("3", """BAD_VALUE: 'name': "it's; drop table people" is neither true nor false"""),
    ]
    assert complete
    rows = await read_all(connector, "account", fields=["number", "pay", "active"])
    assert rows[0] == {"_id": "1", "number": "1", "pay": "1234.5", "active": "true"}


async def test_names_are_quoted_whatever_they_are(database: TestDatabase) -> None:
    await database.execute(
        'create table "select ""from"" %s" ("order :by" varchar(20) primary key, "a""b?" text, "%(x)s" text)',
        """insert into "select ""from"" %s" values ('a', 'b', 'c')""",
    )
    connector = database.open(OPEN, table='select "from" %s', keyColumn="order :by")
    assert await read_all(connector, "account", filter=parse('_id eq "a"')) == [
        {"_id": "a", "order :by": "a", 'a"b?': "b", "%(x)s": "c"}
    ]
    await connector.update("account", "a", {'a"b?': "new", "%(x)s": None})
    assert (await connector.read_many("account", ["a"]))["a"] == {
        "_id": "a",
        "order :by": "a",
        'a"b?': "new",
    }
    await connector.delete("account", "a")


async def test_rows_that_share_an_id_or_have_none_are_told_and_do_not_count(database: TestDatabase) -> None:
    await database.execute(
        PEOPLE.replace(" primary key", ""),
        "insert into people (uid) values ('a'), ('b'), ('c'), ('b'), ('d'), (null), (null), ('')",
    )
    connector = database.open()
    for size in (1, 2, 3, 100):
        ids, broken, complete = await read_broken(connector, page_size=size)
        assert ids == ["a", "c", "d"]
        assert sorted(bad.reason for bad in broken) == [
            "BAD_ROW: 2 rows have no value for 'uid', which is the id",
            "BAD_ROW: no value for 'uid', which is the id",
            "DUPLICATE_SOURCE_ID: several rows have 'b' as 'uid'",
        ]
        assert not complete
        pages = await enumerate_all(connector, "account", page_size=size)
        for index, page in enumerate(pages[:-1]):
            rest = await enumerate_all(connector, "account", page_size=size, resume=page.cursor)
            assert rest == pages[index + 1 :]
    with pytest.raises(SourceUnreadable, match="several rows have the id 'b'"):
        await connector.read_many("account", ["b"])


async def test_a_column_that_is_no_key_is_refused(database: TestDatabase) -> None:
    await database.execute(
        PEOPLE.replace(" primary key", ""),
        "insert into people with recursive n(i) as (select 1 union all select i + 1 from n where i < 1100) "
        "select 'same', '', '' from n",
    )
    with pytest.raises(SourceUnreadable, match=r"keyColumn: the values of 'uid' .* so it is no key"):
        await read_all(database.open(), "account")


@pytest.mark.parametrize("cursor", ["x", "{}", '{"after": null}', '{"after": [1]}', '{"octets": "ä"}', "7"])
async def test_a_cursor_that_is_none_is_refused(database: TestDatabase, cursor: str) -> None:
    await database.execute(PEOPLE)
    with pytest.raises(BadRequest, match="no cursor of the table 'people'"):
        await read_all(database.open(), "account", resume=cursor)


async def test_rows_that_come_and_go_while_reading_harm_no_other(database: TestDatabase) -> None:
    await database.execute(PEOPLE, *(f"insert into people (uid) values ('u{n:02}')" for n in range(20)))
    ids = []
    async for page in database.open().pages("account", page_size=5):
        ids += [row["_id"] for row in page.rows]
        await database.execute(
            f"delete from people where uid = '{ids[-1]}'",
            f"insert into people (uid) values ('a{len(ids):02}'), ('v{len(ids):02}') on conflict do nothing",
        )
        assert len(ids) < 100
    assert [id for id in ids if id[0] == "u"] == [f"u{n:02}" for n in range(20)]
    assert len(ids) == len(set(ids))


async def test_a_password_is_written_and_never_read(database: TestDatabase) -> None:
    await database.execute("create table people (uid varchar(20) primary key, secret text, mail text)")
    connector = database.open(
        {"account": {"properties": {"password": {"nativeName": "__PASSWORD__"}, "mail": {}}}},
        passwordColumn="secret",
    )
    created = await connector.create("account", {"_id": "a", "password": "pass"})
    assert created == {"_id": "a"}
    await connector.update("account", "a", {"password": "word"})
    assert await database.execute("select secret from people") == [("word",)]
    assert await read_all(connector, "account", fields=["password", "mail"]) == [{"_id": "a"}]
    with pytest.raises(BadRequest, match="'password', which cannot be read"):
        await read_all(connector, "account", filter=parse('password eq "word"'))
    assert await read_all(database.open(OPEN, passwordColumn="secret"), "account") == [
        {"_id": "a", "uid": "a"}
    ]


async def test_members_on_demand_come_only_when_asked_for(database: TestDatabase) -> None:
    await database.execute(PEOPLE, "insert into people values ('a', 'a@example.com', 'A')")
    properties = {"mail": {"flags": ["NOT_RETURNED_BY_DEFAULT"]}, "name": {"nativeName": "__NAME__"}}
    connector = database.open({"account": {"properties": properties}}, nameColumn="Last name")
    assert await read_all(connector, "account") == [{"_id": "a", "name": "A"}]
    assert await read_all(connector, "account", fields=["mail"]) == [{"_id": "a", "mail": "a@example.com"}]


async def test_views_and_tables_side_by_side(database: TestDatabase) -> None:
    await database.execute(
        PEOPLE,
        "create view adults as select uid as id, mail from people where mail is not null",
        "create table units (code varchar(20) primary key)",
        "insert into people values ('a', 'a@example.com', 'A'), ('b', null, 'B')",
        "insert into units values ('x')",
    )
    connector = database.open(
        {
            "account": {"properties": {"mail": {}}},
            "adult": {"table": "adults", "keyColumn": "id"},
            "unit": {"table": "units", "keyColumn": "code"},
        }
    )
    await connector.test()
    assert await read_all(connector, "adult") == [{"_id": "a", "id": "a", "mail": "a@example.com"}]
    assert await read_all(connector, "unit") == [{"_id": "x", "code": "x"}]
    assert len(await read_all(connector, "account")) == 2


async def test_a_query_may_hold_what_looks_like_parameters(database: TestDatabase) -> None:
    await database.execute(PEOPLE, "insert into people values ('a', '12:30', '%s ? :x')")
    query = "select uid, mail, cast(':x %(y)s ?' as varchar(20)) as odd from people where mail = '12:30'"
    connector = database.open(OPEN, table=..., query=query)
    assert await read_all(connector, "account", filter=parse('mail co ":"')) == [
        {"_id": "a", "uid": "a", "mail": "12:30", "odd": ":x %(y)s ?"}
    ]


@pytest.mark.parametrize(
    "key", ["integer", "numeric(10, 0)", "date", "timestamp", "bytea", "uuid", "char(5)"]
)
@pytest.mark.services
async def test_keys_of_other_kinds(postgresql: TestDatabase, key: str) -> None:
    values = {
        "integer": ["-5", "1", "20", "300"],
        "numeric(10, 0)": ["-5", "1", "20", "300"],
        "date": ["2025-12-31", "2026-01-01", "2026-01-02"],
        "timestamp": ["2025-12-31T00:00:00", "2026-01-01T00:00:00.000001", "2026-01-02T00:00:00"],
        "bytea": ["/wA=", "/wAA", "/wE="],
        "uuid": [f"00000000-0000-0000-0000-{n:012}" for n in range(4)],
        "char(5)": ["a", "aa", "b"],
    }[key]
    await postgresql.execute(f"create table people (uid {key} primary key, mail varchar(200))")
    connector = postgresql.open({"account": {"properties": {"mail": {}}}})
    for value in values:
        assert (await connector.create("account", {"_id": value, "mail": "x"}))["_id"] == value
    assert [row["_id"] for row in await read_all(connector, "account", page_size=1)] == values
    assert list(await connector.read_many("account", values)) == values
    for value in values:
        assert (await connector.update("account", value, {"mail": "y"}))["mail"] == "y"
        await connector.delete("account", value)
    assert await read_all(connector, "account") == []
    await connector.close()
