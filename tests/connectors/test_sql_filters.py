"""Filters and names that a database answers, and those that it cannot."""

from __future__ import annotations

from typing import Any

import pytest

from conf.errors import BadRequest
from conf.filters.parse import parse
from flows.connectors.base import SourceUnreadable
from tests.connectors.conformance import enumerate_all, read_all
from tests.connectors.databases import PEOPLE, TestDatabase
from tests.connectors.sql_tables import OPEN, make_kinds


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
