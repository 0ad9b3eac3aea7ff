"""What PostgreSQL is told of tables that grow during a run."""

import asyncio

from conf.database import Database
from flows.store import links, planner
from flows.store.links import NewLink

ASKED = "explain select seq from link where link_type = 'hr' and qualifier = 'default' and first_id = any(?::text[])"


async def grow(database: Database, rows: int) -> None:
    async with database.write() as tx:
        await links.insert_many(tx, [NewLink("hr", "default", f"a{n:06}", f"b{n:06}") for n in range(rows)])


async def test_a_table_that_grew_is_asked_by_the_index_of_its_keys(database: Database) -> None:
    await grow(database, 20_000)
    found: list[str] = []
    for _ in range(100):  # the server counts what changed a moment after the commit
        async with database.write() as tx:
            found += await planner.inform(tx)
        if found or database.dialect == "sqlite":
            break
        await asyncio.sleep(0.05)
    if database.dialect == "sqlite":
        assert found == []
        return
    assert found == ["link"]
    async with database.read() as tx:
        plan = await tx.fetch(ASKED, ([f"a{n:06}" for n in range(1000)],))
    assert "using uq_link_first" in plan[0][0]
    assert "first_id = ANY" in plan[1][0]


async def test_a_table_that_stayed_as_it_was_is_left_alone(database: Database) -> None:
    await grow(database, 10)
    async with database.write() as tx:
        assert await planner.inform(tx) == []
