"""Whatever is asked of a table, its answer is what the same filter says of the same objects in memory."""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from conf.filters.ast import And, Comparison, Filter, Literal, Not, Or, Present
from conf.filters.evaluate import predicate
from tests.connectors.conformance import enumerate_all
from tests.connectors.databases import TestDatabase

TEXTS = st.text(st.sampled_from("aAbB%_\\'\"zü🙂 ?:1"), max_size=4)
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, 2.5])
ROWS = st.lists(st.tuples(TEXTS | st.none(), NUMBERS | st.none(), st.booleans() | st.none()), max_size=6)
ORDERS = st.sampled_from(["eq", "lt", "le", "gt", "ge"])
LEAVES: st.SearchStrategy[Filter] = (
    st.builds(Literal, st.booleans())
    | st.builds(Present, st.sampled_from([("text",), ("number",), ("truth",), ("nothing",)]))
    | st.builds(Comparison, st.just(("text",)), ORDERS | st.sampled_from(["co", "sw"]), TEXTS)
    | st.builds(Comparison, st.just(("text",)), st.just("in"), st.lists(TEXTS, max_size=3).map(tuple))
    | st.builds(Comparison, st.just(("number",)), ORDERS, NUMBERS)
    | st.builds(Comparison, st.just(("truth",)), st.just("eq"), st.booleans())
    | st.builds(Comparison, st.just(("truth",)), st.just("eq"), TEXTS)
    | st.builds(Comparison, st.just(("number",)), st.just("eq"), TEXTS)
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=5,
)


def opened(folder: str, key: str = "integer primary key") -> TestDatabase:
    found = TestDatabase(f"sqlite:///{folder}/any.db", Path(folder))
    with closing(sqlite3.connect(f"{folder}/any.db")) as database:
        database.execute(f"create table people (id {key}, text text, number real, truth boolean)")
    return found


async def answers(database: TestDatabase, **options: Any) -> list[dict[str, Any]]:
    connector = database.open({"t": {}}, keyColumn="id")
    try:
        pages = await enumerate_all(connector, "t", **options)
    finally:
        await connector.close()
    assert pages[-1].complete
    assert not any(page.broken for page in pages)
    return [dict(row) for page in pages for row in page.rows]


@given(ROWS, FILTERS, st.integers(1, 4))
@settings(max_examples=40, deadline=None)
async def test_any_filter_selects_the_same_rows_as_in_memory(
    rows: list[Any], filter: Filter, size: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = opened(folder)
        with closing(sqlite3.connect(f"{folder}/any.db")) as connection, connection:
            connection.executemany("insert into people values (null, ?, ?, ?)", rows)
        every = await answers(database)
        matches = predicate(filter, ignore_case=False)
        assert await answers(database, filter=filter, page_size=size) == [
            row for row in every if matches(row)
        ]


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        max_size=4,
    )
)
@settings(max_examples=20, deadline=None)
async def test_what_was_written_comes_back(people: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = opened(folder, "text primary key")
        connector = database.open({"t": {"properties": {"text": {}}}}, keyColumn="id")
        for id, text in people.items():
            assert await connector.create("t", {"_id": id, "text": text}) == {"_id": id, "text": text}
        found = await connector.read_many("t", list(people))
        assert {id: row["text"] for id, row in found.items()} == people
        rows = [row for page in await enumerate_all(connector, "t", page_size=1) for row in page.rows]
        assert {row["_id"]: row["text"] for row in rows} == people
        for id in people:
            await connector.delete("t", id)
        assert await connector.read_many("t", list(people)) == {}
        await connector.close()
