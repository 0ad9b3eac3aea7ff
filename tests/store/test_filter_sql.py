"""A filter finds in the database exactly what it finds in memory."""

import random
from typing import Any

import pytest

from conf.database import Database
from conf.errors import BadRequest
from conf.filters.ast import And, AnyElement, Comparison, Filter, Literal, Not, Or, Present
from conf.filters.evaluate import predicate
from conf.filters.parse import parse
from flows.store import managed
from flows.store.managed import Stored

NAMES = [
    "a",
    "b",
    "0",
    "1",
    "sn",
    "it's",
    "back\\slash",
    "per%cent",
    "$.a",
    "[0]",
    "émile",
    "-- x",
    "tab\t",
    "/*",
]
TEXTS = [
    "",
    "a",
    "A",
    "ab",
    "aB",
    "b%",
    "%",
    "_",
    "'",
    '"',
    "é",
    "É",
    "zz",
    "10",
    "2",
    "true",
    "null",
    "[1]",
    "\\",
    "😀",
]
NUMBERS = [0, 1, -1, 2, 10, 1.5, -0.0, 1e300, 2**53, 2**53 + 1, 0.1]
SCALARS: list[Any] = [*TEXTS, *NUMBERS, True, False]
OPERATORS = ["eq", "co", "sw", "lt", "le", "gt", "ge"]


def some_value(dice: random.Random, depth: int) -> Any:
    kind = dice.random()
    if depth and kind < 0.15:
        return [some_value(dice, depth - 1) for _ in range(dice.randrange(4))]
    if depth and kind < 0.3:
        return {dice.choice(NAMES): some_value(dice, depth - 1) for _ in range(dice.randrange(4))}
    return None if kind < 0.35 else dice.choice(SCALARS)


def some_pointer(dice: random.Random) -> tuple[str, ...]:
    if dice.random() < 0.1:
        return (dice.choice(["_id", "_rev"]),)
    return tuple(dice.choice(NAMES) for _ in range(dice.choice([1, 1, 1, 2, 3])))


def some_filter(dice: random.Random, depth: int) -> Filter:
    kind = dice.random()
    if depth and kind < 0.15:
        return Not(some_filter(dice, depth - 1))
    if depth and kind < 0.45:
        operands = tuple(some_filter(dice, depth - 1) for _ in range(dice.randrange(1, 4)))
        return And(operands) if dice.random() < 0.5 else Or(operands)
    if depth and kind < 0.5:
        return AnyElement(some_pointer(dice) if dice.random() < 0.9 else (), some_filter(dice, depth - 1))
    if kind < 0.52:
        return Literal(dice.random() < 0.5)
    if kind < 0.6:
        return Present(some_pointer(dice))
    if kind < 0.68:
        return Comparison(some_pointer(dice), "in", tuple(dice.choices(SCALARS, k=dice.randrange(4))))
    return Comparison(some_pointer(dice), dice.choice(OPERATORS), dice.choice(SCALARS))


def some_objects(dice: random.Random, number: int) -> list[Stored]:
    return [
        Stored(
            f"id{position}",
            dice.randrange(2**63),
            {name: some_value(dice, 2) for name in dice.sample(NAMES, 6)},
        )
        for position in range(number)
    ]


async def test_the_database_answers_as_memory_does(database: Database) -> None:
    dice = random.Random(20251121)
    objects = some_objects(dice, 150)
    async with database.write() as tx:
        await managed.insert_many(tx, "managed/thing", objects)
    hits = 0
    async with database.read() as tx:
        for _ in range(600):
            filter = some_filter(dice, 2)
            holds = predicate(filter, ignore_case=False)
            expected = [each.id for each in objects if holds(each.object())]
            assert await managed.ids(tx, "managed/thing", filter) == expected, filter
            hits += bool(expected)
    assert hits > 150


def some_list(dice: random.Random, depth: int) -> list[Any]:
    """A list as relationships and addresses are: mostly objects of few members, some of them lists."""
    members = ["a", "b", "0"]
    found: list[Any] = []
    for _ in range(dice.randrange(4)):
        if dice.random() < 0.25:
            found.append(some_value(dice, 1))
            continue
        found.append(
            {
                name: some_list(dice, depth - 1)
                if depth and dice.random() < 0.5
                else dice.choice(["x", "y", 1, None])
                for name in dice.sample(members, 2)
            }
        )
    return found


def some_list_filter(dice: random.Random, depth: int) -> Filter:
    pointer = (dice.choice(["a", "b", "0"]),) if dice.random() < 0.9 else ()
    if depth:
        inner = some_list_filter(dice, depth - 1)
        found: Filter = AnyElement(
            pointer, And((inner, some_list_filter(dice, 0))) if dice.random() < 0.3 else inner
        )
        return Not(found) if dice.random() < 0.15 else found
    if dice.random() < 0.2:
        return Present(pointer)
    return Comparison(pointer, dice.choice(["eq", "eq", "sw", "ge"]), dice.choice(["x", "y", 1]))


async def test_lists_are_looked_into_as_memory_does(database: Database) -> None:
    dice = random.Random(20261121)
    objects = [
        Stored(f"id{number}", 1, {name: some_list(dice, 2) for name in ("a", "b", "0")})
        for number in range(120)
    ]
    async with database.write() as tx:
        await managed.insert_many(tx, "managed/thing", objects)
    hits = 0
    async with database.read() as tx:
        for _ in range(400):
            filter = some_list_filter(dice, dice.randrange(1, 4))
            holds = predicate(filter, ignore_case=False)
            expected = [each.id for each in objects if holds(each.object())]
            assert await managed.ids(tx, "managed/thing", filter) == expected, filter
            hits += 0 < len(expected) < len(objects)
    assert hits > 200


async def test_hostile_names_and_values_are_only_names_and_values(database: Database) -> None:
    async with database.write() as tx:
        await managed.insert_many(
            tx, "managed/thing", [Stored("x", 1, {"'); drop table link; --": "' or 1=1 --"})]
        )
    async with database.read() as tx:
        pointer = ("'); drop table link; --",)
        assert await managed.ids(tx, "managed/thing", Comparison(pointer, "eq", "' or 1=1 --")) == ["x"]
        assert await managed.ids(tx, "managed/thing", Comparison(pointer, "eq", "' or 1=1")) == []
        assert await tx.fetch("select count(*) from link") == [(0,)]


@pytest.mark.parametrize("pointer", [('a"b',), ("a\0",), ("1", "2", "3", "4")])
async def test_names_that_cannot_be_searched_are_refused(
    database: Database, pointer: tuple[str, ...]
) -> None:
    async with database.read() as tx:
        with pytest.raises(BadRequest, match="searched"):
            await managed.ids(tx, "managed/thing", Present(pointer))


async def test_the_whole_object_is_there_and_equals_nothing(database: Database) -> None:
    async with database.write() as tx:
        await managed.insert_many(tx, "managed/thing", [Stored("x", 1, {"a": 1})])
        assert await managed.ids(tx, "managed/thing", Present(())) == ["x"]
        assert await managed.ids(tx, "managed/thing", Comparison((), "eq", "x")) == []


async def test_objects_sort_by_missing_number_text(database: Database) -> None:
    values: list[Any] = ["b", 10, None, "B", 9.5, "a", True, "é"]
    rows = [
        Stored(f"{position}", 1, {"v": value} if value is not None else {})
        for position, value in enumerate(values)
    ]
    async with database.write() as tx:
        await managed.insert_many(tx, "t", rows)
        up = await managed.find(tx, "t", sort_keys=("+v",))
        down = await managed.find(tx, "t", sort_keys=("-v",))
    assert [row.body.get("v") for row in up.rows] == [None, True, 9.5, 10, "B", "a", "b", "é"]
    assert [row.body.get("v") for row in down.rows] == ["é", "b", "a", "B", 10, 9.5, True, None]


async def test_sorting_by_several_keys_and_by_id(database: Database) -> None:
    rows = [
        Stored(id, 1, {"sn": sn, "n": n})
        for id, sn, n in [("c", "x", 1), ("a", "x", 2), ("B", "y", 1), ("b", "y", 1)]
    ]
    async with database.write() as tx:
        await managed.insert_many(tx, "t", rows)
        found = await managed.find(tx, "t", sort_keys=("-sn", "n", "_id"))
        by_id = await managed.find(tx, "t", sort_keys=("_id",))
    assert [row.id for row in found.rows] == ["B", "b", "c", "a"]
    assert [row.id for row in by_id.rows] == ["B", "a", "b", "c"]


async def test_the_longest_filter_that_parses_runs(database: Database) -> None:
    long = parse(" or ".join(f'/a/b{number} eq "{number}"' for number in range(100)))
    async with database.read() as tx:
        assert await managed.ids(tx, "t", long) == []
