"""A table of a database as a connected system: over REST, as a source and as a target."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from tests.embedded import Embedded, embedded

SOURCE = "system/hr/account"
PROVISIONER: dict[str, Any] = {
    "connectorRef": {"connectorName": "org.identityconnectors.databasetable.DatabaseTableConnector"},
    "configurationProperties": {"url": "sqlite:///hr.db", "table": "people", "keyColumn": "uid"},
    "objectTypes": {
        "account": {
            "properties": {"name": {"nativeName": "full name"}, "age": {"type": "integer"}},
        }
    },
}
POLICIES = [
    {"situation": "ABSENT", "action": "CREATE"},
    {"situation": "CONFIRMED", "action": "UPDATE"},
    {"situation": "FOUND", "action": "UPDATE"},
    {"situation": "SOURCE_MISSING", "action": "DELETE"},
]


def mapping(name: str, source: str, target: str) -> dict[str, Any]:
    properties = [{"source": member, "target": member} for member in ("_id", "name", "age")]
    return {
        "name": name,
        "source": source,
        "target": target,
        "properties": properties,
        "policies": POLICIES,
        "enableSync": False,
    }


@pytest.fixture
async def hr(tmp_path: Path, store: dict[str, str]) -> AsyncIterator[Embedded]:
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "managed.json").write_bytes(orjson.dumps({"objects": [{"name": "thing"}]}))
    mappings = [mapping("in", SOURCE, "managed/thing"), mapping("out", "managed/thing", SOURCE)]
    (conf / "sync.json").write_bytes(orjson.dumps({"mappings": mappings}))
    (conf / "provisioner.openicf-hr.json").write_bytes(orjson.dumps(PROVISIONER))
    execute(tmp_path, 'create table people (uid varchar(20) primary key, "full name" text, age integer)')
    async with embedded(tmp_path, tmp_path / ".recon", **store) as found:
        yield found


def execute(folder: Path, *statements: str) -> list[Any]:
    found: list[Any] = []
    with closing(sqlite3.connect(folder / "hr.db")) as database, database:
        for statement in statements:
            found = database.execute(statement).fetchall()
    return found


async def reconcile(server: Embedded, name: str) -> Any:
    path = f"recon?_action=recon&mapping={name}&waitForCompletion=true"
    status, answer = await server.call("POST", path)
    assert status == 200, answer
    return (await server.call("GET", f"recon/{answer['_id']}"))[1]


async def query(server: Embedded, path: str, filter: str = "true") -> Any:
    return (await server.call("GET", f"{path}?_queryFilter={quote(filter)}"))[1]


async def things(server: Embedded) -> dict[str, Any]:
    return {row["_id"]: row for row in (await query(server, "managed/thing"))["result"]}


async def test_objects_are_read_queried_and_written(hr: Embedded) -> None:
    status, made = await hr.call("PUT", f"{SOURCE}/a", {"name": "Zoë", "age": 7})
    assert (status, made["_id"], made["name"], made["age"]) == (201, "a", "Zoë", 7)
    assert (await hr.call("PUT", f"{SOURCE}/a", {"name": "x"}, **{"If-None-Match": "*"}))[0] == 412
    change = [{"operation": "replace", "field": "/age", "value": 8}]
    assert (await hr.call("PATCH", f"{SOURCE}/a", change))[1]["age"] == 8
    wrong = [{"operation": "replace", "field": "/age", "value": "eight"}]
    status, answer = await hr.call("PATCH", f"{SOURCE}/a", wrong)
    assert (status, answer["message"]) == (400, "age: the column holds a whole number, not 'eight'.")
    assert [row["_id"] for row in (await query(hr, SOURCE, 'name sw "Zo" and age gt 7'))["result"]] == ["a"]
    answer = await query(hr, SOURCE, 'nmae eq "x"')
    assert answer["code"] == 400
    assert "Did you mean name?" in answer["message"]
    assert (await hr.call("DELETE", f"{SOURCE}/a"))[0] == 200
    assert (await hr.call("GET", f"{SOURCE}/a"))[0] == 404
    assert (await hr.call("POST", "system/hr?_action=test"))[1]["ok"]


async def test_a_table_is_reconciled_and_the_second_time_there_is_nothing_to_do(
    hr: Embedded, tmp_path: Path
) -> None:
    execute(tmp_path, "insert into people values ('a', 'Ann', 1), ('b', 'Bob', null), ('c', null, 3)")
    assert (await reconcile(hr, "in"))["state"] == "SUCCESS"
    assert {id: (row.get("name"), row.get("age")) for id, row in (await things(hr)).items()} == {
        "a": ("Ann", 1),
        "b": ("Bob", None),
        "c": (None, 3),
    }
    execute(
        tmp_path,
        "update people set \"full name\" = 'Anna' where uid = 'a'",
        "delete from people where uid = 'b'",
    )
    assert (await reconcile(hr, "in"))["state"] == "SUCCESS"
    before = await things(hr)
    assert {id: row.get("name") for id, row in before.items()} == {"a": "Anna", "c": None}
    assert (await reconcile(hr, "in"))["state"] == "SUCCESS"
    assert await things(hr) == before


async def test_a_table_is_written_as_a_target(hr: Embedded, tmp_path: Path) -> None:
    for id, age in (("a", 1), ("b", 2)):
        await hr.call("PUT", f"managed/thing/{id}", {"name": f"N {id}", "age": age})
    assert (await reconcile(hr, "out"))["state"] == "SUCCESS"
    assert execute(tmp_path, "select * from people order by uid") == [("a", "N a", 1), ("b", "N b", 2)]
    await hr.call("DELETE", "managed/thing/b")
    change = [{"operation": "remove", "field": "/age"}]
    assert (await hr.call("PATCH", "managed/thing/a", change))[0] == 200
    assert (await reconcile(hr, "out"))["state"] == "SUCCESS"
    assert execute(tmp_path, "select * from people") == [("a", "N a", None)]


async def test_a_row_that_the_database_refuses_fails_alone(hr: Embedded, tmp_path: Path) -> None:
    execute(
        tmp_path,
        "drop table people",
        'create table people (uid varchar(20) primary key, "full name" text not null, age integer check (age > 0))',
    )
    for id, content in (("a", {"name": "A", "age": 1}), ("b", {"name": "B", "age": -1}), ("c", {"age": 3})):
        await hr.call("PUT", f"managed/thing/{id}", content)
    await reconcile(hr, "out")
    assert execute(tmp_path, "select uid from people") == [("a",)]
    failed = (await query(hr, "audit/recon", 'status eq "FAILURE"'))["result"]
    assert {row["sourceObjectId"].rpartition("/")[2] for row in failed if row.get("sourceObjectId")} == {
        "b",
        "c",
    }


async def test_a_table_that_is_gone_fails_the_run_and_deletes_nobody(hr: Embedded, tmp_path: Path) -> None:
    execute(tmp_path, "insert into people values ('a', 'Ann', 1)")
    await reconcile(hr, "in")
    execute(tmp_path, "alter table people rename to persons")
    status, answer = await hr.call("POST", "recon?_action=recon&mapping=in&waitForCompletion=true")
    assert status == 409
    assert "has no table 'people'. It has persons." in answer["message"]
    assert (await hr.call("GET", f"recon/{answer['detail']['_id']}"))[1]["state"] == "FAILED"
    assert list(await things(hr)) == ["a"]
