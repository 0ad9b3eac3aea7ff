"""The correlation queries of a page, together."""

import asyncio
import random

from conf.database import Database
from conf.filters.evaluate import predicate
from conf.filters.parse import parse
from conf.transaction import Transaction
from flows.store import correlation, managed, managed_rows
from flows.store.filter_sql import condition
from flows.store.json_sql import WORDS, Condition
from flows.store.managed import Stored, ensure_index, find_many

USER = "managed/user"


def people(number: int) -> list[Stored]:
    dice = random.Random(7)
    mails = [f"m{position}@example.com" for position in range(number // 2)]
    return [
        Stored(
            f"u{position}",
            1,
            {
                "userName": f"user{position}",
                "mail": dice.choice([dice.choice(mails), dice.sample(mails, 2), 7, None]),
                "sn": dice.choice(["A", "a", "B"]),
                "address": {"city": dice.choice(["Rome", "Bonn"])},
                "n": position % 5,
            },
        )
        for position in range(number)
    ]


async def test_each_filter_gets_its_own_answer(database: Database) -> None:
    rows = people(200)
    async with database.write() as tx:
        await managed.insert_many(tx, USER, rows)
        await managed.insert_many(tx, "managed/role", people(5))
    filters = [
        *(parse(f'userName eq "user{number}"') for number in range(0, 300, 7)),
        *(parse(f'/mail eq "m{number}@example.com"') for number in range(100)),
        *(parse(f'mail eq "m{number}@example.com" and sn eq "a"') for number in range(50)),
        *(parse(f'sn eq "B" and n eq {number}') for number in range(6)),
        *(parse(f"n eq {number}") for number in range(6)),
        *(parse(f'userName sw "user{number}" or mail eq 7') for number in range(60)),
        parse('/address/city eq "Rome" and !(sn eq "A")'),
        parse('_id eq "u3"'),
        parse('_id eq "u3" and n eq 4'),
        parse(f'_rev eq "{managed.rev_text(1)}"'),
        parse("true"),
        parse("false"),
    ]
    async with database.read() as tx:
        found = await find_many(tx, USER, filters)
    for filter, answer in zip(filters, found, strict=True):
        holds = predicate(filter, ignore_case=False)
        assert [row.id for row in answer] == [row.id for row in rows if holds(row.object())], filter


async def test_no_filters_find_nothing(database: Database) -> None:
    async with database.read() as tx:
        assert await find_many(tx, USER, []) == []


async def test_an_index_is_made_once_for_a_large_type_and_is_used(database: Database) -> None:
    rows = people(correlation.LARGE)
    async with database.write() as tx:
        await managed.insert_many(tx, USER, rows)
    made = await asyncio.gather(*(ensure_index(database, USER, ("mail",)) for _ in range(4)))
    assert sorted(made) == [False, False, False, True]
    assert not await ensure_index(database, USER, ("_id",))
    assert not await ensure_index(database, "managed/role", ("mail",)), "it serves all types"
    assert not await ensure_index(database, "managed/role", ("sn",)), "a scan of few objects is as good"
    filters = [parse(f'mail eq "m{number}@example.com"') for number in range(20)]
    async with database.read() as tx:
        for filter, answer in zip(filters, await find_many(tx, USER, filters), strict=True):
            holds = predicate(filter, ignore_case=False)
            assert [row.id for row in answer] == [row.id for row in rows if holds(row.object())]
        plans = [
            await plan(tx, where) for where in wheres(tx, [f"m{number}@example.com" for number in range(20)])
        ]
        plans.append(await plan(tx, condition(filters[0], managed_rows.MEMBERS, tx.dialect)))
        assert all("ix_managed_value" in text for text in plans), plans


def wheres(tx: Transaction, texts: list[str]) -> list[Condition]:
    return correlation._where(WORDS[tx.dialect], ("mail",), texts)


async def plan(tx: Transaction, where: Condition) -> str:
    word = "explain query plan" if tx.dialect == "sqlite" else "explain"
    rows = await tx.fetch(
        f"{word} select * from managed_object where type = ? and ({where.sql})", (USER, *where.parameters)
    )
    return "\n".join(str(row) for row in rows)
