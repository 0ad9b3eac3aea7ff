"""`recon/assoc/{id}/entry` with the attributes of the objects behind the entries."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from conf.project import DEFAULTS
from conf.transaction import Row, Transaction
from tests.rest.conftest import user
from tests.rest.reconciling import TYPES, Json, Reconciling, javascript, small

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE = {f"p{n}": {"mail": f"p{n}@example.com", "name": {"given": f"P{n}"}} for n in range(4)}
BOTH = "situation,sourceObject/mail,sourceObject/name/given,targetObject/mail"
AUDITOR = {"X-OpenIDM-Username": "auditor", "X-OpenIDM-Password": "Passw0rd"}
FILE = "uid,mail\np0,p0@example.com\np1,p1@example.com\n"
SYSTEM: Json = {
    "connectorRef": {"connectorName": "org.forgerock.openicf.csvfile.CSVFileConnector"},
    "configurationProperties": {"csvFile": "&{project.location}/data/p.csv", "headerUid": "uid"},
    "objectTypes": {
        "account": {
            "nativeType": "__ACCOUNT__",
            "properties": {name: {"type": "string", "nativeName": name} for name in ("mail", "uid")},
        }
    },
}


async def reconciled(recon: Reconciling, **more: Any) -> str:
    """The path of the entries of a run that created a target for each source."""
    await recon.begin(small(enableSync=False, **more), sources=PEOPLE)
    return f"recon/assoc/{(await recon.run(persistAssociations='true'))['_id']}/entry"


async def entries(recon: Reconciling, path: str, **parameters: str) -> list[Json]:
    return await recon.rows(path, _sortKeys="sourceObjectId", **parameters)


async def with_people(recon: Reconciling) -> None:
    """The shipped types beside our own, an auditor and somebody with a password."""
    shipped = orjson.loads((DEFAULTS / "managed.json").read_bytes())["objects"]
    await recon.must("PUT", "config/managed", {"objects": [*shipped, *TYPES["objects"]]})


def file_of(recon: Reconciling) -> Path:
    file: Path = recon.product.runtime.settings.project / "data" / "p.csv"
    file.parent.mkdir(exist_ok=True)
    file.write_text(FILE)
    return file


async def test_entries_carry_the_attributes_asked_for(recon: Reconciling) -> None:
    path = await reconciled(recon)
    first = (await entries(recon, path, _fields=BOTH))[0]
    assert {name: value for name, value in first.items() if name not in ("_id", "_rev")} == {
        "situation": "ABSENT",
        "sourceObject": {"mail": "p0@example.com", "given": "P0"},
        "targetObject": {"mail": "p0@example.com"},
    }
    one = await recon.must("GET", f"{path}/{first['_id']}?_fields=sourceObject/mail")
    assert one == {"_id": first["_id"], "_rev": "0", "sourceObject": {"mail": "p0@example.com"}}


async def test_entries_carry_whole_objects_as_they_are_now(recon: Reconciling) -> None:
    path = await reconciled(recon)
    await recon.must("PUT", "managed/src/p0", {"mail": "new@example.com"})
    await recon.must("DELETE", "managed/src/p1")
    rows = await entries(recon, path, _fields="*,sourceObject,sourceObject/mail")
    assert rows[0]["sourceObject"] == await recon.must("GET", "managed/src/p0")
    assert (rows[1]["sourceObject"], rows[1]["sourceObjectId"], rows[1]["status"]) == (None, "p1", "SUCCESS")
    assert "targetObject" not in rows[0]


async def test_entries_without_a_target_have_none(recon: Reconciling) -> None:
    path = await reconciled(recon, policies=[{"situation": "ABSENT", "action": "IGNORE"}])
    rows = await entries(recon, path, _fields="targetObject/mail,sourceObject/mail")
    assert [row["targetObject"] for row in rows] == [None] * 4
    assert [row["sourceObject"]["mail"] for row in rows] == [f"p{n}@example.com" for n in range(4)]


async def test_a_page_costs_one_query_a_side_and_none_when_nothing_is_asked_for(
    recon: Reconciling, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await reconciled(recon)
    seen: list[str] = []
    fetch = Transaction.fetch

    async def noting(self: Transaction, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        if "from managed_object" in sql and not {"src", "dst"}.isdisjoint(map(str, parameters)):
            seen.append(sql)
        return await fetch(self, sql, parameters)

    monkeypatch.setattr(Transaction, "fetch", noting)
    for fields, queries in ((BOTH, 2), ("sourceObject/mail", 1), ("situation", 0), ("", 0)):
        seen.clear()
        page = await recon.must("GET", f"{path}?_queryFilter=true&_pageSize=3&_fields={fields}")
        assert (page["resultCount"], len(seen)) == (3, queries), fields


async def test_a_console_asks_for_both_objects_whole_and_filters_by_them(recon: Reconciling) -> None:
    path = await reconciled(recon)
    await recon.must("DELETE", "managed/dst/" + (await entries(recon, path))[3]["targetObjectId"])
    rows = await entries(recon, path, queryMissingSide="true")
    assert [(row["source"]["mail"], row["target"] is None) for row in rows] == [
        (f"p{n}@example.com", n == 3) for n in range(4)
    ]
    assert rows[0]["situation"] == "ABSENT"

    async def kept(**filters: str) -> list[str]:
        return [row["sourceObjectId"] for row in await entries(recon, path, **filters)]

    assert await kept(sourceQueryFilter="true", targetQueryFilter="true") == ["p0", "p1", "p2"]
    assert await kept(sourceQueryFilter='mail co "p1"', targetQueryFilter="true") == ["p1"]
    assert await kept(sourceQueryFilter='/name/given eq "P3"') == ["p3"]
    status, told = await recon.product.call("GET", f"{path}?_queryFilter=true&sourceQueryFilter=mail%20xx")
    assert (status, told["reason"]) == (400, "Bad Request")


@pytest.mark.parametrize(
    "query",
    [
        "_queryFilter=true&queryMissingSide=yes",
        "_queryFilter=true&querymissingside=true",
        "_queryFilter=true&sourcequeryfilter=true",
        "_queryFilter=sourceObject/mail%20pr",
        "_queryFilter=true%20and%20!(target%20pr)",
        "_queryFilter=true&_sortKeys=-targetObject/mail",
    ],
)
async def test_what_cannot_be_meant_is_refused(recon: Reconciling, query: str) -> None:
    status, told = await recon.product.call("GET", f"{await reconciled(recon)}?{query}")
    assert (status, told["code"]) == (400, 400)


async def test_what_a_read_hides_stays_hidden(recon: Reconciling) -> None:
    await with_people(recon)
    await recon.begin(small(source="managed/user", enableSync=False))
    roles = [{"_ref": "internal/role/openidm-authorized"}]
    await recon.must("PUT", "managed/user/p0", user(password="Passw0rd", authzRoles=roles))
    run = await recon.run(persistAssociations="true")
    path = f"recon/assoc/{run['_id']}/entry"
    whole = (await entries(recon, path, _fields="sourceObject"))[0]["sourceObject"]
    assert whole == await recon.must("GET", "managed/user/p0")
    asked = (await entries(recon, path, _fields="sourceObject/password,sourceObject/authzRoles"))[0]
    assert asked["sourceObject"].keys() == {"authzRoles"}
    assert await entries(recon, path, sourceQueryFilter="password pr") == []


async def test_objects_are_for_those_who_may_query_them(recon: Reconciling) -> None:
    await with_people(recon)
    path = await reconciled(recon)
    roles = [{"_ref": "internal/role/openidm-auditor"}]
    body = user(userName="auditor", password=AUDITOR["X-OpenIDM-Password"], authzRoles=roles)
    await recon.must("PUT", "managed/user/auditor", body)
    for query, status in (
        ("_fields=situation", 200),
        ("_fields=sourceObject/mail", 403),
        ("queryMissingSide=true", 403),
        ("_fields=situation&targetQueryFilter=true", 403),
    ):
        answer = await recon.product.call("GET", f"{path}?_queryFilter=true&{query}", **AUDITOR)
        assert answer[0] == status, answer
    assert "managed/dst" in answer[1]["message"]


async def test_objects_of_a_connected_system(recon: Reconciling) -> None:
    file = file_of(recon)
    await recon.must("PUT", "config/provisioner.openicf/p", SYSTEM)
    path = await reconciled(recon, source="system/p/account")
    rows = await entries(recon, path, _fields="sourceObject/mail,targetObject/mail")
    assert [row["sourceObject"] == row["targetObject"] for row in rows] == [True, True]
    file.write_text(FILE.replace("p1@example.com", "p1@example.com,more"))
    rows = await entries(recon, path, _fields="sourceObject")
    assert [row["sourceObject"] for row in rows] == [
        {"_id": "p0", "mail": "p0@example.com", "uid": "p0"},
        {"_id": "p1"},
    ]
    file.unlink()
    status, told = await recon.product.call("GET", f"{path}?_queryFilter=true&_fields=sourceObject/mail")
    assert (400 <= status < 500 or status == 503, "p.csv" in told["message"]) == (True, True), told
    assert [row["sourceObjectId"] for row in await entries(recon, path)] == ["p0", "p1"]


async def test_objects_of_an_address_that_a_script_answers(recon: Reconciling) -> None:
    rows = "[{_id: 'p0', mail: 'a'}, {_id: 'p1', mail: 'b'}]"
    await recon.must(
        "PUT", "config/endpoint/people", javascript(f"request.method === 'query' ? {rows} : {rows}[0]")
    )
    path = await reconciled(recon, source="endpoint/people")
    merged = await entries(recon, path, _fields="sourceObject/mail")
    assert [row["sourceObject"]["mail"] for row in merged] == ["a", "b"]


async def test_entries_themselves_are_queried_and_not_read(recon: Reconciling) -> None:
    path = await reconciled(recon)
    assert (await recon.product.call("GET", path))[0] == 400
    status, told = await recon.product.call("GET", f"{path}/999999")
    assert (status, "Entry 999999 not found" in told["message"]) == (404, True)
    assert (await recon.product.call("GET", f"{path}/%22"))[0] == 404
