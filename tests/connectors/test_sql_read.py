"""Reading tables as they come: values of all kinds, keys that are none, and what is damaged."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from conf.errors import BadRequest
from conf.filters.parse import parse
from flows.connectors.base import BrokenRow, SourceUnreadable
from flows.connectors.sql_table import DatabaseTable
from tests.connectors.conformance import enumerate_all, read_all
from tests.connectors.databases import PEOPLE, TestDatabase

OPEN: dict[str, Any] = {"account": {}}
KINDS = (
    "create table people (uid {key} primary key, name text, born date, seen timestamp, at {aware}, pay numeric(12, 2), "
    "share double precision, active boolean, photo {bytes}, note text, big bigint, data {json})"
)


async def read_broken(connector: DatabaseTable, **options: Any) -> tuple[list[str], list[BrokenRow], bool]:
    pages = await enumerate_all(connector, "account", **options)
    return (
        [row["_id"] for page in pages for row in page.rows],
        [bad for page in pages for bad in page.broken],
        pages[-1].complete,
    )


async def make_kinds(database: TestDatabase, key: str = "integer") -> None:
    types = (
        {"aware": "timestamp", "bytes": "blob", "json": "json"}
        if database.is_sqlite
        else {"aware": "timestamptz", "bytes": "bytea", "json": "jsonb"}
    )
    photo = "x'ff00'" if database.is_sqlite else "'\\xff00'"
    aware = "'2026-01-31 12:00:00+00:00'"
    await database.execute(
        KINDS.format(key=key, **types),
        f"insert into people values (1, 'Zoë', '2000-02-29', '2026-01-31 12:00:00', {aware}, 1234.50, 0.5, true, "
        f"""{photo}, '', 9007199254740993, '{{"a": [1, null]}}')""",
        "insert into people (uid) values (20)",
        "insert into people (uid, name) values (3, 'it''s; drop table people')",
    )


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


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ('_id eq "3"', {"3"}),
        ('_id eq "03"', set()),
        ('_id eq "x"', set()),
        ('_id eq "99999999999999999999"', set()),
        ("uid gt 1", {"3", "20"}),
        ("uid eq 3.0", {"3"}),
        ('name eq "it\'s; drop table people"', {"3"}),
        ('name eq "x\' or 1=1 --"', set()),
        ('name co "%"', set()),
        ('name sw "zo"', set()),
        ('name sw "Zo" or name co "table"', {"1", "3"}),
        ('!(name eq "Zoë")', {"3", "20"}),
        ("!(name pr)", {"20"}),
        ('note eq ""', {"1"}),
        ("active eq true", {"1"}),
        ('active eq "true"', set()),
        ("pay eq 1234.5 and share lt 1", {"1"}),
        ("pay ge 1234.51", set()),
        ('born ge "2000-01-01" and born lt "2001-01-01"', {"1"}),
        ('born eq "no day"', set()),
        ('name eq "\\u0000"', set()),
        ('_id eq "1" or _id eq "20" or _id eq "7"', {"1", "20"}),
        ("false or true", {"1", "3", "20"}),
    ],
)
async def test_filters_are_answered_by_the_database(database: TestDatabase, text: str, ids: set[str]) -> None:
    await make_kinds(database)
    rows = await read_all(database.open(OPEN), "account", filter=parse(text), fields=["_id"])
    assert {row["_id"] for row in rows} == ids


async def test_letter_case_is_ignored_where_the_file_says_so(database: TestDatabase) -> None:
    await make_kinds(database)
    connector = database.open(OPEN, handlers={"enableCaseInsensitiveFilter": True})
    for text in ('name eq "zoË"', 'name sw "ZO"', 'name co "OË"'):
        found = {row["_id"] for row in await read_all(connector, "account", filter=parse(text))}
        assert found == {"1"} or database.is_sqlite  # which knows the cases of ASCII only
    assert await read_all(connector, "account", filter=parse('name sw "IT\'S"'))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('nmae eq "x"', "'nmae', which objects of system/hr/account do not have. Did you mean name?"),
        ('data eq "x"', "'data' holds any JSON and cannot be asked with eq"),
        ('photo gt "AAAA"', "'photo' holds bytes in base64 and cannot be asked with gt"),
        ('pay co "1"', "'pay' holds a number and cannot be asked with co"),
        ('name/first eq "x"', "'name/first'; of a column only the whole can be asked for"),
    ],
)
async def test_a_filter_that_cannot_be_answered_is_refused(
    database: TestDatabase, text: str, why: str
) -> None:
    await make_kinds(database)
    with pytest.raises(BadRequest) as caught:
        await read_all(database.open(OPEN), "account", filter=parse(text))
    assert why in caught.value.message


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({"table": "poeple"}, "has no table 'poeple'. Did you mean people?"),
        ({"table": "zebras"}, "has no table 'zebras'. It has people."),
        ({"keyColumn": "UID"}, "keyColumn: the table 'people' has no column 'UID'. Did you mean uid?"),
        ({"keyColumn": "zebra"}, "has no column 'zebra'. It has uid, mail, Last name."),
        ({"changeLogColumn": "changed"}, "changeLogColumn: the table 'people' has no column 'changed'."),
        ({"passwordColumn": "secret"}, "passwordColumn: the table 'people' has no column 'secret'."),
        ({"table": ..., "query": "select nothing from people"}, "cannot be read: "),
        ({"table": ..., "query": "select mail, mail from people"}, "the query "),
    ],
)
async def test_a_wrong_name_is_told_with_the_nearest_right_one(
    database: TestDatabase, properties: dict[str, Any], why: str
) -> None:
    await database.execute(PEOPLE)
    connector = database.open(**properties)
    for ask in (connector.test(), enumerate_all(connector, "account"), connector.read_many("account", ["a"])):
        with pytest.raises(SourceUnreadable) as caught:
            await ask
        assert why in caught.value.message


async def test_a_member_without_a_column_is_named(database: TestDatabase) -> None:
    await database.execute(PEOPLE)
    connector = database.open({"account": {"properties": {"sn": {"nativeName": "Lastname"}}}})
    with pytest.raises(
        SourceUnreadable, match=r"member 'sn' of account: .*Did you mean Last name\?"
    ) as caught:
        await connector.test()
    assert caught.value.detail == {"reason": "SCHEMA", "column": "Lastname"}


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


class TestSqliteOnly:
    """SQLite keeps any value in any column."""

    async def test_a_value_that_is_none_of_its_column_breaks_its_row_only(self, sqlite: TestDatabase) -> None:
        await sqlite.execute(
            "create table people (uid text primary key, age integer, active boolean, data json, name text)",
            "insert into people values ('a', 'old', 1, '1', 'x'), ('b', 7, 'maybe', '1', 'x'), "
            "('c', 7, 0, '{', 'x'), ('d', 7, 0, '[]', cast(x'ff41' as text)), ('e', 7.0, 1, null, x'41'), "
            "('f', 7, 1, '{}', 'x')",
        )
        ids, broken, complete = await read_broken(sqlite.open(OPEN))
        assert ids == ["f"]
        assert complete
        assert {bad.id: bad.reason for bad in broken} == {
            "a": "BAD_VALUE: 'age': 'old' is no number",
            "b": "BAD_VALUE: 'active': 'maybe' is neither true nor false",
            "c": "BAD_VALUE: 'data': '{' is no JSON",
            "d": "BAD_VALUE: 'name': not UTF-8",
            "e": "BAD_VALUE: 'name': bytes instead of a text",
        }
        with pytest.raises(SourceUnreadable, match=r"a row cannot be read\. BAD_VALUE: 'age'"):
            await sqlite.open(OPEN).read_many("account", ["a", "f"])

    async def test_an_id_that_is_no_text_loses_its_row_and_no_other(self, sqlite: TestDatabase) -> None:
        await sqlite.execute(
            "create table people (uid text primary key)",
            "insert into people values ('a'), (cast(x'62ff' as text)), ('c'), (x'41'), ('d'), ('')",
        )
        for size in (1, 2, 10):
            connector = sqlite.open(OPEN)
            ids, broken, complete = await read_broken(connector, page_size=size)
            assert ids == ["a", "c", "d"]
            assert [bad.id for bad in broken] == [None, None, None]
            assert not complete
            pages = await enumerate_all(connector, "account", page_size=size)
            for index, page in enumerate(pages[:-1]):
                rest = await enumerate_all(connector, "account", page_size=size, resume=page.cursor)
                assert rest == pages[index + 1 :]

    async def test_who_goes_on_later_knows_that_an_id_was_lost_before(self, sqlite: TestDatabase) -> None:
        await sqlite.execute(
            "create table people (uid text primary key)",
            "insert into people values (''), ('b'), ('c'), ('d')",
        )
        pages = await enumerate_all(sqlite.open(OPEN), "account", page_size=1)
        rest = await enumerate_all(sqlite.open(OPEN), "account", page_size=1, resume=pages[1].cursor)
        assert rest == pages[2:]
        assert not rest[-1].complete

    async def test_keys_that_differ_in_letter_case_only(self, sqlite: TestDatabase) -> None:
        await sqlite.execute(
            "create table people (uid text collate nocase, name text)",
            "insert into people values ('a', '1'), ('B', '2'), ('b', '3'), ('c', '4')",
        )
        ids, broken, complete = await read_broken(sqlite.open(OPEN), page_size=1)
        assert (ids, [bad.id for bad in broken], complete) == (["a", "c"], ["B", "b"], True)

    async def test_a_row_of_a_megabyte_is_too_large(self, sqlite: TestDatabase) -> None:
        await sqlite.execute(
            "create table people (uid text primary key, name text)",
            "insert into people values ('a', hex(zeroblob(1000000))), ('b', 'x')",
        )
        ids, broken, _ = await read_broken(sqlite.open(OPEN))
        assert ids == ["b"]
        assert broken[0].reason == "ROW_TOO_LARGE: over 1,048,576 characters"

    async def test_ids_of_a_query_whose_types_nobody_knows(self, sqlite: TestDatabase) -> None:
        await sqlite.execute("create table people (n integer)", "insert into people values (1), (2), (30)")
        connector = sqlite.open(OPEN, table=..., query="select n + 0 as uid, 'p' || n as name from people")
        assert [row["_id"] for row in await read_all(connector, "account", page_size=1)] == ["1", "2", "30"]
        assert list(await connector.read_many("account", ["2", "30", "02", "x"])) == ["2", "30"]
        assert await read_all(connector, "account", filter=parse('_id eq "2"'), fields=["name"]) == [
            {"_id": "2", "name": "p2"}
        ]
