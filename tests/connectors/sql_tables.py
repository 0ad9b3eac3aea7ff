"""Tables with columns of all kinds, and what is read of damaged ones."""

from __future__ import annotations

from typing import Any

from flows.connectors.base import BrokenRow
from flows.connectors.sql_table import DatabaseTable
from tests.connectors.conformance import enumerate_all
from tests.connectors.databases import TestDatabase

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
