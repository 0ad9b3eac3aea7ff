"""Both ways over a table of SQLite and of PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import postgres
from tests.connectors.databases import DATABASE_TABLE, TestDatabase
from tests.two_way.world import World, configuration, world

Json = dict[str, Any]
TABLE = (
    "create table people (uid varchar(40) primary key, login text, mail text, city text, status text, "
    "changed bigint default 1)"
)
RESPONSES = {
    "SYS_EXISTS__IDM_NOT_EXISTS": {"response": "ADD_TO_IDM"},
    "IDM_EXISTS__SYS_NOT_EXISTS": {"response": "ADD_TO_RES"},
    "IDM_EXISTS__SYS_EXISTS": {"response": "UPDATE_RES_FROM_IDM"},
    "IDM_DELETED__SYS_EXISTS": {"response": "DELETE_FROM_RES"},
}


@pytest.fixture
def sqlite(tmp_path: Path) -> TestDatabase:
    return TestDatabase(f"sqlite:///{tmp_path / 'hr.db'}", tmp_path)


@pytest.fixture
def postgresql(postgres_cluster: str, tmp_path: Path) -> Iterator[TestDatabase]:
    with postgres.database(postgres_cluster) as url:
        yield TestDatabase(url, tmp_path)


@pytest.fixture
def table(request: pytest.FixtureRequest, store: dict[str, str]) -> TestDatabase:
    """An empty database of the kind that the store is."""
    found = request.getfixturevalue("postgresql" if store else "sqlite")
    assert isinstance(found, TestDatabase)
    return found


@asynccontextmanager
async def over(table: TestDatabase, folder: Path, store: dict[str, str]) -> AsyncIterator[World]:
    """The world with the table in place of its file."""
    await table.execute(TABLE)
    async with world(folder, **store) as made:
        document = {
            "name": "hr",
            "connectorRef": {"connectorName": DATABASE_TABLE},
            "configurationProperties": {
                "url": table.url,
                "table": "people",
                "keyColumn": "uid",
                "changeLogColumn": "changed",
            },
            "objectTypes": {
                "account": {
                    "properties": {"uid": {}, "login": {}, "mail": {}, "city": {}, "status": {}},
                }
            },
        }
        (made.project / "conf" / "provisioner.openicf-hr.json").write_text(json.dumps(document))
        made.running.runtime.project.refresh()
        await made.configure(configuration(situations=RESPONSES))
        yield made


async def rows(table: TestDatabase) -> list[tuple[Any, ...]]:
    return await table.execute("select uid, login, mail, city from people order by uid")


async def test_a_table_and_the_repository_are_brought_in_step_and_stay_so(
    table: TestDatabase, store: dict[str, str], tmp_path: Path
) -> None:
    async with over(table, tmp_path, store) as hr:
        await table.execute(
            "insert into people values ('1', 'ann', 'ann@example.com', 'Graz', null, 1), "
            "('2', 'bob', null, 'Wien', null, 1)"
        )
        await hr.add(name="cleo", mail="cleo@example.com", city="Linz")
        run = await hr.run()
        assert run["status"] == "FINISHED", run["message"]
        assert run["counts"] == {
            "SYS_EXISTS__IDM_NOT_EXISTS": {"ADD_TO_IDM": {"SUCCESS": 2}},
            "IDM_EXISTS__SYS_NOT_EXISTS": {"ADD_TO_RES": {"SUCCESS": 1}},
        }
        objects = await hr.objects()
        assert {name: found.get("city") for name, found in objects.items()} == {
            "ann": "Graz",
            "bob": "Wien",
            "cleo": "Linz",
        }
        assert ("cleo", "cleo", "cleo@example.com", "Linz") in await rows(table)
        assert (await hr.run())["message"] == "Nothing to do."

        change = [{"operation": "replace", "field": "/city", "value": "Rom"}]
        path = f"managed/user/{objects['ann']['_id']}"
        assert (await hr.running.call("PATCH", path, change))[0] == 200
        assert (await hr.running.call("DELETE", f"managed/user/{objects['bob']['_id']}"))[0] == 200
        run = await hr.run()
        assert run["counts"]["IDM_EXISTS__SYS_EXISTS"]["UPDATE_RES_FROM_IDM"]["SUCCESS"] == 1
        assert run["counts"]["IDM_DELETED__SYS_EXISTS"] == {"DELETE_FROM_RES": {"SUCCESS": 1}}
        assert [(row[0], row[3]) for row in await rows(table)] == [("1", "Rom"), ("cleo", "Linz")]
        assert (await hr.run())["message"] == "Nothing to do."


async def test_the_table_may_be_the_side_that_counts(
    table: TestDatabase, store: dict[str, str], tmp_path: Path
) -> None:
    async with over(table, tmp_path, store) as hr:
        await table.execute("insert into people values ('1', 'ann', null, 'Graz', null, 1)")
        answers = {"IDM_EXISTS__SYS_EXISTS": {"response": "UPDATE_IDM_FROM_RES"}}
        await hr.configure(configuration(situations=RESPONSES | answers))
        assert (await hr.run())["message"] == "Add Record to IDM from Resource: 1."
        await table.execute("update people set city = 'Rom', mail = 'ann@example.com'")
        assert (await hr.run())["message"] == "Update IDM from Resource: 1."
        found = (await hr.objects())["ann"]
        assert (found["city"], found["mail"]) == ("Rom", "ann@example.com")
        assert (await hr.run())["message"] == "Nothing to do."


async def test_only_what_the_change_column_tells_is_read(
    table: TestDatabase, store: dict[str, str], tmp_path: Path
) -> None:
    async with over(table, tmp_path, store) as hr:
        await table.execute(
            "insert into people values ('1', 'ann', null, 'Graz', null, 0), ('2', 'bob', null, 'Wien', null, 1)"
        )
        await hr.run()
        await table.execute("update people set city = 'Rom' where uid = '1'")  # the column does not say so
        await table.execute("update people set city = 'Rom', changed = 2 where uid = '2'")
        run = await hr.run(updatedSince="last")
        assert run["message"] == "Update Resource from IDM: 1."
        assert [row[3] for row in await rows(table)] == ["Rom", "Wien"]


async def test_a_changed_row_that_cannot_be_read_fails_alone(
    sqlite: TestDatabase, store: dict[str, str], tmp_path: Path
) -> None:
    async with over(sqlite, tmp_path, store) as hr:
        await sqlite.execute(
            "insert into people values ('1', 'ann', null, 'Graz', null, 1), ('2', 'bob', null, 'Wien', null, 1)"
        )
        await hr.run()
        await sqlite.execute(
            "update people set city = cast(x'ff' as text), changed = 2 where uid = '1'",
            "update people set city = 'Rom', changed = 3 where uid = '2'",
            "insert into people values (null, 'nobody', null, null, null, 4)",
        )
        run = await hr.run(updatedSince="last")
        assert run["status"] == "FINISHED", run["message"]
        results = await hr.results(run)
        failed = sorted(
            (row["case"], row.get("resourceObjectId") or "") for row in results if row["status"] == "FAILURE"
        )
        assert failed == [("BROKEN_CSV", ""), ("BROKEN_CSV", "1")]
        assert run["counts"]["IDM_EXISTS__SYS_EXISTS"] == {"UPDATE_RES_FROM_IDM": {"SUCCESS": 1}}
        assert await sqlite.execute("select city from people where uid = '2'") == [("Wien",)]
        # the token has moved on
        assert (await hr.run(updatedSince="last"))["message"] == "Nothing to do."
