"""SQLite keeps any value in any column: what does not fit breaks its own row alone."""

from __future__ import annotations

import pytest

from conf.filters.parse import parse
from flows.connectors.base import SourceUnreadable
from tests.connectors.conformance import enumerate_all, read_all
from tests.connectors.databases import TestDatabase
from tests.connectors.sql_tables import OPEN, read_broken


async def test_a_value_that_is_none_of_its_column_breaks_its_row_only(sqlite: TestDatabase) -> None:
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


async def test_an_id_that_is_no_text_loses_its_row_and_no_other(sqlite: TestDatabase) -> None:
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


async def test_who_goes_on_later_knows_that_an_id_was_lost_before(sqlite: TestDatabase) -> None:
    await sqlite.execute(
        "create table people (uid text primary key)",
        "insert into people values (''), ('b'), ('c'), ('d')",
    )
    pages = await enumerate_all(sqlite.open(OPEN), "account", page_size=1)
    rest = await enumerate_all(sqlite.open(OPEN), "account", page_size=1, resume=pages[1].cursor)
    assert rest == pages[2:]
    assert not rest[-1].complete


async def test_keys_that_differ_in_letter_case_only(sqlite: TestDatabase) -> None:
    await sqlite.execute(
        "create table people (uid text collate nocase, name text)",
        "insert into people values ('a', '1'), ('B', '2'), ('b', '3'), ('c', '4')",
    )
    ids, broken, complete = await read_broken(sqlite.open(OPEN), page_size=1)
    assert (ids, [bad.id for bad in broken], complete) == (["a", "c"], ["B", "b"], True)


async def test_a_row_of_a_megabyte_is_too_large(sqlite: TestDatabase) -> None:
    await sqlite.execute(
        "create table people (uid text primary key, name text)",
        "insert into people values ('a', hex(zeroblob(1000000))), ('b', 'x')",
    )
    ids, broken, _ = await read_broken(sqlite.open(OPEN))
    assert ids == ["b"]
    assert broken[0].reason == "ROW_TOO_LARGE: over 1,048,576 characters"


async def test_ids_of_a_query_whose_types_nobody_knows(sqlite: TestDatabase) -> None:
    await sqlite.execute("create table people (n integer)", "insert into people values (1), (2), (30)")
    connector = sqlite.open(OPEN, table=..., query="select n + 0 as uid, 'p' || n as name from people")
    assert [row["_id"] for row in await read_all(connector, "account", page_size=1)] == ["1", "2", "30"]
    assert list(await connector.read_many("account", ["2", "30", "02", "x"])) == ["2", "30"]
    assert await read_all(connector, "account", filter=parse('_id eq "2"'), fields=["name"]) == [
        {"_id": "2", "name": "p2"}
    ]
