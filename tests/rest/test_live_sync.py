"""liveSync of a CSV file, a table, a directory: by REST and by schedule, with a kept token and patience."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from flows.scheduled_lane import do_due
from tests.connectors.conftest import LIBRARIES
from tests.rest.conftest import Server, serve
from tests.rest.test_system import provisioner
from tests.slapd import PEOPLE, person, running

SOURCE = "system/people/account"
HEAD = "description,uid,firstname,email\n"
MAPPING: dict[str, Any] = {
    "name": "people_thing",
    "source": SOURCE,
    "target": "managed/thing",
    "properties": [
        {"source": "_id", "target": "_id"},
        {"source": "firstname", "target": "firstname"},
        {
            "source": "description",
            "target": "description",
            "transform": {
                "type": "text/javascript",
                "source": "if (source === 'bad') { throw 'no such thing'; } source",
            },
        },
    ],
    "policies": [
        {"situation": "ABSENT", "action": "CREATE"},
        {"situation": "CONFIRMED", "action": "UPDATE"},
        {"situation": "SOURCE_MISSING", "action": "DELETE"},
        {"situation": "ALL_GONE", "action": "IGNORE"},
    ],
}


@pytest.fixture
async def people(tmp_path: Path, store: dict[str, str]) -> AsyncIterator[Server]:
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "managed.json").write_bytes(orjson.dumps({"objects": [{"name": "thing"}]}))
    (conf / "sync.json").write_bytes(orjson.dumps({"mappings": [MAPPING]}))
    document = provisioner("&{project.location}/people.csv")
    document["syncFailureHandler"] = {"maxRetries": 1, "postRetryAction": "logged-ignore"}
    (conf / "provisioner.openicf-people.json").write_bytes(orjson.dumps(document))
    write(tmp_path, "x,a,Ann,\n")
    async with serve(tmp_path, **store) as found:
        yield found


def write(folder: Path, rows: str) -> None:
    """Replace the file, as a system that exports does."""
    draft = folder / "draft.csv"
    draft.write_text(HEAD + rows)
    draft.rename(folder / "people.csv")


async def sync(server: Server, path: str = f"{SOURCE}?_action=liveSync") -> Any:
    answer = await server.call("POST", path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def things(server: Server) -> dict[str, str]:
    found = (await server.get("managed/thing?_queryFilter=true"))["result"]
    return {row["_id"]: row.get("firstname") for row in found}


async def test_the_first_call_records_the_token_and_then_each_change_is_brought(
    people: Server, tmp_path: Path
) -> None:
    first = await sync(people)
    assert (first["_id"], first["connectorData"]["nativeType"]) == ("SYSTEMPEOPLEACCOUNT", "string")
    assert await things(people) == {}
    write(tmp_path, "x,a,Anna,\nx,b,Bob,\n")
    second = await sync(people, f"system?_action=liveSync&source={SOURCE}")
    assert second["connectorData"]["syncToken"] != first["connectorData"]["syncToken"]
    assert await things(people) == {"a": "Anna", "b": "Bob"}
    write(tmp_path, "x,b,Bert,\nx,c,Cleo,\n")
    assert len(await sync(people, "system/people?_action=liveSync")) == 1
    assert await things(people) == {"b": "Bert", "c": "Cleo"}
    told = (await people.get("audit/sync?_queryFilter=true"))["result"]
    assert [row["sourceObjectId"].rpartition("/")[2] for row in told] == ["a", "b", "b", "c", "a"]
    assert len(list((tmp_path / ".recon" / "livesync").iterdir())) == 1


async def test_nothing_is_done_when_nothing_changed(people: Server, tmp_path: Path) -> None:
    before = await sync(people)
    assert (await sync(people))["connectorData"] == before["connectorData"]
    assert (await people.get("audit/sync?_queryFilter=true"))["result"] == []


async def test_a_change_that_fails_holds_up_those_after_it_until_patience_is_over(
    people: Server, tmp_path: Path
) -> None:
    token = (await sync(people))["connectorData"]["syncToken"]
    write(tmp_path, "x,a,Ann,\nx,b,Bob,\nbad,c,Cleo,\nx,d,Dora,\n")
    held = await sync(people)
    assert held["connectorData"]["syncToken"] == token
    assert held["lastException"]["sourceId"] == f"{SOURCE}/c"
    assert "no such thing" in held["lastException"]["message"]
    assert await things(people) == {"b": "Bob"}
    given_up = await sync(people)
    assert "lastException" not in given_up
    assert await things(people) == {"b": "Bob", "d": "Dora"}
    # b was not brought twice
    told = (await people.get("audit/sync?_queryFilter=true"))["result"]
    assert [row["sourceObjectId"].rpartition("/")[2] for row in told] == ["b", "c", "c", "d"]


async def test_a_row_that_is_mended_meanwhile_goes_through(people: Server, tmp_path: Path) -> None:
    await sync(people)
    write(tmp_path, "x,a,Ann,\nbad,c,Cleo,\n")
    assert "lastException" in await sync(people)
    write(tmp_path, "x,a,Ann,\ngood,c,Cleo,\n")
    assert "lastException" not in await sync(people)
    assert await things(people) == {"c": "Cleo"}


async def test_a_damaged_row_is_not_a_deleted_one(people: Server, tmp_path: Path) -> None:
    await sync(people)
    write(tmp_path, "x,a,Anna,\nx,b,Bob,\n")
    await sync(people)
    write(tmp_path, "x,a,Anna,\nx,b\n")
    await sync(people)
    assert await things(people) == {"a": "Anna", "b": "Bob"}
    await damaged(people, None, "line 3: BAD_ROW: 2 values where the header has 4")
    write(tmp_path, "x,a,Anna,\nx,b\nx,c,Cleo,\n")
    await sync(people)
    assert await things(people) == {"a": "Anna", "b": "Bob", "c": "Cleo"}
    await damaged(people, None, "line 3: BAD_ROW: 2 values where the header has 4")
    write(tmp_path, "x,a,Anna,\n")
    await sync(people)
    assert await things(people) == {"a": "Anna"}


async def test_a_lost_copy_makes_every_row_a_change(people: Server, tmp_path: Path) -> None:
    await sync(people)
    for path in (tmp_path / ".recon" / "livesync").iterdir():
        path.unlink()
    await sync(people)
    assert await things(people) == {"a": "Ann"}


async def test_a_mapping_without_enable_sync_is_left_alone(people: Server, tmp_path: Path) -> None:
    await people.put("config/sync", {"mappings": [{**MAPPING, "enableSync": False}]})
    await sync(people)
    write(tmp_path, "x,b,Bob,\n")
    await sync(people)
    assert await things(people) == {}


async def test_a_schedule_does_it_once_a_slot(people: Server, tmp_path: Path) -> None:
    job = {
        "enabled": True,
        "type": "cron",
        "schedule": "0 0 2 * * ?",
        "timeZone": "UTC",
        "invokeService": "provisioner",
        "invokeContext": {"action": "liveSync", "source": SOURCE},
    }
    await people.put("scheduler/job/live", job)
    runtime = people.runtime
    at_two = 1_700_013_600_000 - 1_700_013_600_000 % 86_400_000 + 7_200_000
    runtime.clock = lambda: at_two + 5_000
    assert await do_due(runtime) == 0
    write(tmp_path, "x,a,Anna,\n")
    assert await do_due(runtime) > 0
    assert await things(people) == {}
    runtime.clock = lambda: at_two + 86_400_000
    await do_due(runtime)
    assert await things(people) == {"a": "Anna"}
    assert (await people.get("scheduler/job/live"))["previousOutcome"] == "STARTED"
    write(tmp_path, "x,a,Anja,\n")
    assert (await people.call("POST", "scheduler/job/live?_action=trigger")).json() == {"success": True}
    assert await things(people) == {"a": "Anja"}


async def test_what_cannot_be_synchronised_is_said(people: Server) -> None:
    for path, status in (
        ("system/nosuch/account?_action=liveSync", 404),
        ("system/people/nosuch?_action=liveSync", 404),
        ("system?_action=liveSync", 400),
        ("system?_action=liveSync&source=managed/user", 400),
        ("system/nosuch?_action=liveSync", 404),
    ):
        assert (await people.call("POST", path)).status_code == status, path


async def test_a_table_tells_what_changed_and_who_is_gone(tmp_path: Path, store: dict[str, str]) -> None:
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "managed.json").write_bytes(orjson.dumps({"objects": [{"name": "thing"}]}))
    (conf / "sync.json").write_bytes(orjson.dumps({"mappings": [MAPPING]}))
    document = {
        "connectorRef": {"connectorName": "org.identityconnectors.databasetable.DatabaseTableConnector"},
        "configurationProperties": {
            "url": "sqlite:///people.db",
            "table": "people",
            "keyColumn": "uid",
            "changeLogColumn": "changed",
        },
        "objectTypes": {"account": {"properties": {"firstname": {}, "description": {}}}},
    }
    (conf / "provisioner.openicf-people.json").write_bytes(orjson.dumps(document))
    with closing(sqlite3.connect(tmp_path / "people.db", isolation_level=None)) as database:
        database.execute("create table people (uid text primary key, firstname, description, changed int)")
        database.execute("insert into people values ('a', 'Ann', 'x', 1)")
        async with serve(tmp_path, **store) as server:
            await sync(server)
            database.execute("insert into people values ('b', 'Bob', 'x', 2), ('c', 'Cleo', 'x', 2)")
            await sync(server)
            assert await things(server) == {"b": "Bob", "c": "Cleo"}
            database.execute("delete from people where uid = 'c'")
            database.execute("update people set firstname = 'Bert', changed = 3 where uid = 'b'")
            await sync(server)
            assert await things(server) == {"b": "Bert"}
            before = (await server.get("audit/sync?_queryFilter=true"))["result"]
            await sync(server)
            assert (await server.get("audit/sync?_queryFilter=true"))["result"] == before

            database.execute("insert into people values ('d', cast(x'ff' as text), 'x', 4)")
            database.execute("insert into people values ('e', 'Eve', 'x', 5)")
            assert "lastException" not in await sync(server)
            assert await things(server) == {"b": "Bert", "e": "Eve"}
            await damaged(server, "d", "BAD_VALUE: 'firstname': not UTF-8")
            await sync(server)
            await damaged(server, "d", "BAD_VALUE: 'firstname': not UTF-8")
            database.execute("update people set firstname = 'Dora', changed = 6 where uid = 'd'")
            await sync(server)
            assert await things(server) == {"b": "Bert", "d": "Dora", "e": "Eve"}
            assert len(list((tmp_path / ".recon" / "livesync").iterdir())) == 1


@pytest.mark.services
@pytest.mark.skipif(not LIBRARIES, reason="no LDAP library is installed")
async def test_a_directory_tells_what_changed_and_who_is_gone(tmp_path: Path, store: dict[str, str]) -> None:
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "managed.json").write_bytes(orjson.dumps({"objects": [{"name": "thing"}]}))
    properties = [{"source": "_id", "target": "_id"}, {"source": "sn", "target": "firstname"}]
    mapping = MAPPING | {"properties": properties}
    (conf / "sync.json").write_bytes(orjson.dumps({"mappings": [mapping]}))
    with running(3) as directory:
        document = {
            "connectorRef": {"connectorName": "org.identityconnectors.ldap.LdapConnector"},
            "configurationProperties": directory.properties(),
            "objectTypes": {"account": {"nativeType": "__ACCOUNT__", "properties": {"sn": {}}}},
        }
        (conf / "provisioner.openicf-people.json").write_bytes(orjson.dumps(document))
        async with serve(tmp_path, **store) as server:
            await sync(server)
            assert await things(server) == {}
            directory.change(f"dn: uid=u1,{PEOPLE}\nchangetype: modify\nreplace: sn\nsn: new\n\n")
            directory.add(person("u9", 9))
            await sync(server)
            assert sorted((await things(server)).values()) == ["Name 9", "new"]
            directory.run("ldapdelete", f"uid=u9,{PEOPLE}\n")
            await sync(server)
            assert list((await things(server)).values()) == ["new"]
            told = (await server.get("audit/sync?_queryFilter=true"))["result"]
            await sync(server)
            assert (await server.get("audit/sync?_queryFilter=true"))["result"] == told

            directory.change(f"dn: uid=u1,{PEOPLE}\nchangetype: modify\nadd: sn\nsn: another\n\n")
            directory.change(f"dn: uid=u2,{PEOPLE}\nchangetype: modify\nreplace: sn\nsn: later\n\n")
            assert "lastException" not in await sync(server)
            assert sorted((await things(server)).values()) == ["later", "new"]
            await damaged(server, None, "MANY_VALUES: ")


async def damaged(server: Server, id: str | None, message: str) -> None:
    """One failure of one object that cannot be read stands in the audit."""
    told = (await server.get("audit/sync?_queryFilter=status+eq+%22FAILURE%22"))["result"]
    [row] = told
    assert row["message"].startswith(message)
    assert row["situation"] is None
    assert id is None or row["sourceObjectId"] == f"{SOURCE}/{id}"
