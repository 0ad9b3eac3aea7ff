"""Every member that a table has on the wire can be filtered and sorted by, on either database."""

import pytest

from conf.database import Database
from conf.filters.ast import OPERATORS, And, AnyElement, Comparison, Filter, Not, Present
from flows.store import audit, entries, links, managed_rows, two_way_members
from flows.store.filter_sql import Columns, condition, order_by

TABLES: dict[str, Columns] = {
    "link": links.MEMBERS,
    "managed_object": managed_rows.MEMBERS,
    "audit_recon": audit.RECON,
    "audit_event": audit.EVENT,
    "recon_entry": entries.MEMBERS,
    "two_way_run": two_way_members.RUN_MEMBERS,
    "two_way_result": two_way_members.RESULT_MEMBERS.columns,
}
VALUES = ("x", "", "2026-01-31T23:59:59.999Z", "9999-99-99T99:99:99.999Z", "é\0", 1, 0.5, True)


def questions(name: str) -> list[Filter]:
    pointers = [(name,), (name, "a"), (name, "0")]
    found: list[Filter] = [Present(pointer) for pointer in pointers]
    for pointer in pointers:
        found += [Comparison(pointer, operator, value) for operator in OPERATORS[:-1] for value in VALUES]
        found.append(Comparison(pointer, "in", VALUES))
        found.append(AnyElement(pointer, And((Not(Present(("a",))), Comparison((), "eq", "x")))))
    return found


@pytest.mark.parametrize("table", TABLES)
async def test_by_each_of_its_members(database: Database, table: str) -> None:
    members = TABLES[table]
    async with database.read() as tx:
        for name in (*members.known, "another"):
            key = order_by((f"-{name}",), members, tx.dialect, "1")
            assert await tx.fetch(f"select 1 from {table} order by {key}") == []
            for filter in questions(name):
                where = condition(filter, members, tx.dialect)
                assert await tx.fetch(f"select 1 from {table} where {where.sql}", where.parameters) == []
