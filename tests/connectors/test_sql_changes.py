"""What changed in a table since a moment."""

from __future__ import annotations

from typing import Any

import pytest

from conf.errors import BadRequest, NotSupported
from flows.connectors.base import BrokenRow
from flows.connectors.sql_changes import REMEMBERED
from tests.connectors.databases import PEOPLE, TestDatabase

TABLE = "create table people (uid varchar(20) primary key, mail text, changed {type})"
TYPES: dict[str, Any] = {"account": {"properties": {"mail": {}}}}
FIRST, SECOND = "2026-01-31 12:00:00", "2026-01-31 12:00:01"


def ids(rows: Any) -> list[str]:
    return [row["_id"] for row in rows]


async def test_a_token_tells_what_changed_since_it_was_given(database: TestDatabase) -> None:
    await database.execute(TABLE.format(type="timestamp"))
    connector = database.open(TYPES, changeLogColumn="changed")
    assert connector.capabilities.changes
    rows, empty = await connector.changes("account", None)
    assert rows == []
    assert await connector.changes("account", empty) == ([], empty)
    await database.execute(
        f"insert into people values ('a', 'x', '{FIRST}'), ('b', 'x', '{FIRST}'), ('never', 'x', null)"
    )
    rows, token = await connector.changes("account", empty)
    assert ids(rows) == ["a", "b"]
    assert await connector.changes("account", token) == ([], token)
    assert (await connector.changes("account", None)) == ([], token)


async def test_what_changes_within_the_same_second_still_comes_and_comes_once(database: TestDatabase) -> None:
    await database.execute(
        TABLE.format(type="timestamp"),
        f"insert into people values ('a', 'x', '{FIRST}'), ('b', 'x', '{FIRST}')",
    )
    connector = database.open(TYPES, changeLogColumn="changed")
    _, token = await connector.changes("account", None)
    await database.execute(
        "update people set mail = 'y' where uid = 'b'", f"insert into people values ('c', 'x', '{FIRST}')"
    )
    rows, token = await connector.changes("account", token)
    assert ids(rows) == ["b", "c"]
    assert await connector.changes("account", token) == ([], token)
    await database.execute(f"update people set changed = '{SECOND}' where uid = 'a'")
    rows, token = await connector.changes("account", token)
    assert ids(rows) == ["a"]
    assert (await connector.changes("account", token))[0] == []


async def test_numbers_count_as_well_as_times(database: TestDatabase) -> None:
    await database.execute(
        TABLE.format(type="bigint"),
        "insert into people values ('a', 'x', 9), ('b', 'x', 10), ('c', 'x', 100)",
    )
    connector = database.open(TYPES, changeLogColumn="changed")
    rows, token = await connector.changes("account", "10")
    assert ids(rows) == ["b", "c"]
    assert (await connector.changes("account", token))[0] == []
    await database.execute("update people set changed = 101 where uid = 'a'")
    assert ids((await connector.changes("account", token))[0]) == ["a"]


@pytest.mark.parametrize(
    "form", ["2026-01-{}T12:00:00+00:00", "2026-01-{} 12:00:00", "2026-01-{}T13:00:00+01:00"]
)
async def test_any_time_will_do_as_a_token(database: TestDatabase, form: str) -> None:
    aware = "timestamp" if database.is_sqlite else "timestamptz"
    await database.execute(
        TABLE.format(type=aware),
        f"insert into people values ('a', 'x', '{form.format(30)}'), ('b', 'x', '{form.format(31)}')",
    )
    connector = database.open(TYPES, changeLogColumn="changed")
    rows, token = await connector.changes("account", "2026-01-31T00:00:00+00:00")
    assert ids(rows) == ["b"]
    assert (await connector.changes("account", token))[0] == []
    for later in ("2026-02-01T00:00:00Z", "2026-01-31T12:00:01+00:00", "2026-01-31T13:30:00+01:00"):
        assert await connector.changes("account", later) == ([], later)
    assert ids((await connector.changes("account", "2026-01-31T12:00:00Z"))[0]) == ["b"]
    with pytest.raises(BadRequest, match="holds a time like"):
        await connector.changes("account", "yesterday")


async def test_of_very_many_with_one_value_all_come_again(database: TestDatabase) -> None:
    await database.execute(TABLE.format(type="integer"))
    rows = ", ".join(f"('u{n}', 'x', 1)" for n in range(REMEMBERED + 1))
    await database.execute(f"insert into people values {rows}")
    connector = database.open(TYPES, changeLogColumn="changed")
    _, token = await connector.changes("account", None)
    assert len(token) < 100
    assert len((await connector.changes("account", token))[0]) == REMEMBERED + 1


async def test_a_table_without_such_a_column_cannot_tell(database: TestDatabase) -> None:
    await database.execute(PEOPLE)
    with pytest.raises(NotSupported, match=r"cannot tell what changed: .*changeLogColumn names no column"):
        await database.open().changes("account", None)


@pytest.mark.parametrize("token", ["[]", '{"at": 1}', "later", "true", '"tomorrow"'])
async def test_a_token_that_is_none_is_refused(database: TestDatabase, token: str) -> None:
    await database.execute(TABLE.format(type="integer"))
    connector = database.open(TYPES, changeLogColumn="changed")
    with pytest.raises(BadRequest, match=r"no token of a table|holds a whole number, not"):
        await connector.changes("account", token)


async def test_a_changed_row_that_cannot_be_read_is_told_once_and_holds_nobody_up(
    sqlite: TestDatabase,
) -> None:
    await sqlite.execute(
        "create table people (uid text primary key, age integer, changed integer)",
        "insert into people values ('a', 'old', 1), ('b', 7, 1), (null, 7, 1)",
    )
    connector = sqlite.open({"account": {}}, changeLogColumn="changed")
    changed, token = await connector.changes("account", "0")
    broken = [row for row in changed if isinstance(row, BrokenRow)]
    assert [(row.id, row.reason.partition(":")[0]) for row in broken] == [
        (None, "BAD_ROW"),
        ("a", "BAD_VALUE"),
    ]
    assert ids(row for row in changed if not isinstance(row, BrokenRow)) == ["b"]
    assert await connector.changes("account", token) == ([], token)
    await sqlite.execute("update people set age = 8 where uid = 'a'")
    assert ids((await connector.changes("account", token))[0]) == ["a"]
