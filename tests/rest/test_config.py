"""Configuration over REST: validated, written, in force at once."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.rest.conftest import Server, serve

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_document_of_ones_own(server: Server) -> None:
    made = await server.call("PUT", "config/extra", {"a": 1})
    assert (made.status_code, made.json()) == (201, {"_id": "extra", "a": 1})
    assert made.headers["location"].endswith("/openidm/config/extra")
    assert (
        await server.call("PUT", "config/extra", {"a": 2}, headers={"If-None-Match": "*"})
    ).status_code == 412
    assert (await server.call("PUT", "config/extra", {"a": 2})).status_code == 200
    assert await server.get("config/extra") == {"_id": "extra", "a": 2}
    file = server.runtime.settings.project / "conf" / "extra.json"
    assert orjson.loads(file.read_bytes()) == {"a": 2}
    change = [{"operation": "increment", "field": "/a", "value": 1}]
    assert (await server.call("PATCH", "config/extra", change)).json()["a"] == 3
    assert (await server.call("DELETE", "config/extra")).json() == {"_id": "extra", "a": 3}
    gone = await server.call("DELETE", "config/extra")
    assert gone.status_code == 404
    assert "can not delete" in gone.json()["message"]
    assert not file.exists()


@pytest.mark.parametrize("id", ["nosuch", "mapping/nosuch", "schedule/nosuch"])
async def test_an_unknown_document(server: Server, id: str) -> None:
    answer = await server.call("GET", f"config/{id}")
    assert (answer.status_code, answer.json()["message"]) == (404, f"No configuration exists for id {id}")
    assert (await server.call("PATCH", f"config/{id}", [])).status_code == 404
    assert (await server.call("PUT", f"config/{id}", {}, headers={"If-Match": "*"})).status_code == 404


async def test_mappings_are_live_at_once_and_a_wrong_one_changes_nothing(server: Server) -> None:
    good = {"mappings": [{"name": "one", "source": "managed/src", "target": "managed/dst"}]}
    assert (await server.put("config/sync", good))["mappings"] == good["mappings"]
    names = [row["name"] for row in (await server.get("sync/mappings?_queryFilter=true"))["result"]]
    assert names == ["one"]
    wrong = {"mappings": [{**good["mappings"][0], "policies": [{"situation": "ABSNET", "action": "CREATE"}]}]}
    answer = await server.call("PUT", "config/sync", wrong)
    assert answer.status_code == 400
    assert "mappings[0].policies[0].situation" in answer.json()["message"]
    assert (await server.get("config/sync"))["mappings"] == good["mappings"]


def _script(**more: str) -> dict[str, str]:
    return {"type": "text/javascript", **more}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"validSource": _script(file="nosuch.js")}, "validSource.file: there is no script file 'nosuch.js'"),
    ({"sourceCondition": _script(file="nosuch.js")}, "sourceCondition.file: there is no script file"),
    ({"onCreate": _script(source="if (")}, "onCreate: the script line 1: JavaScript syntax error"),
    (
        {"policies": [{"situation": "ABSENT", "action": "CREATEE"}]},
        "policies[0].action: 'CREATEE' is not an action",
    ),
    ({"sourceQuery": {"_queryFilter": "mail eqq 1"}}, "sourceQuery._queryFilter: Unknown operator 'eqq'"),
    ({"sourceCondition": "/source/x eq"}, "sourceCondition: '/source/x eq' is not a valid query filter"),
]


@pytest.mark.parametrize(("wrong", "says"), WRONG)
async def test_a_wrong_mapping_is_refused_with_its_path(
    server: Server, wrong: dict[str, Any], says: str
) -> None:
    mapping = {"name": "one", "source": "managed/src", "target": "managed/dst", **wrong}
    answer = await server.call("PUT", "config/sync", {"mappings": [mapping]})
    assert answer.status_code == 400
    assert f"sync: mappings[0].{says}" in answer.json()["message"]
    assert answer.json()["message"].count("mappings[0]") == 1
    alone = await server.call(
        "PUT", "config/mapping/two", {key: mapping[key] for key in mapping if key != "name"}
    )
    assert (alone.status_code, says in alone.json()["message"]) == (400, True)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (_script(source="if ("), "the script line 1: JavaScript syntax error"),
        (_script(file="nosuch.js"), "file: there is no script file 'nosuch.js'"),
        ({}, "'type' is missing"),
    ],
)
async def test_a_wrong_endpoint_is_refused(server: Server, document: dict[str, str], says: str) -> None:
    answer = await server.call("PUT", "config/endpoint/wrong", document)
    assert (answer.status_code, says in answer.json()["message"]) == (400, True), answer.text


async def test_a_wrong_mapping_of_a_file_is_alone_out_of_service(tmp_path: Path) -> None:
    base = {"source": "managed/user", "target": "managed/role"}
    wrong = [{"name": f"wrong{number}", **base, **members} for number, (members, _) in enumerate(WRONG)]
    (tmp_path / "conf").mkdir()
    document = {"mappings": [*wrong, {"name": "good", **base}]}
    (tmp_path / "conf" / "sync.json").write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    async with serve(tmp_path) as server:
        for number, (_, says) in enumerate(WRONG):
            answer = await server.call("POST", f"recon?_action=recon&mapping=wrong{number}")
            assert answer.status_code == 409
            assert "out of service: conf/sync.json:" in answer.json()["message"]
            assert says in answer.json()["message"]
        assert (await server.call("POST", "recon?_action=recon&mapping=good")).status_code == 200


@pytest.mark.parametrize(
    "document", [{}, {"serverAuthContext": {"authModules": []}}, {"authModules": [{"name": "CLIENT_CERT"}]}]
)
async def test_nobody_locks_everybody_out(server: Server, document: dict[str, Any]) -> None:
    answer = await server.call("PUT", "config/authentication", document)
    assert answer.status_code == 400
    assert "nobody could log in" in answer.json()["message"]
    assert (await server.call("GET", "info/login")).status_code == 200


async def test_a_new_managed_type_is_live_at_once(server: Server) -> None:
    document = await server.get("config/managed")
    document["objects"].append({"name": "robot"})
    await server.put("config/managed", document)
    assert (await server.put("managed/robot/r2", {"n": 2}))["n"] == 2


async def test_documents_can_be_queried(server: Server) -> None:
    await server.put("config/mapping/a_b", {"source": "managed/src", "target": "managed/dst", "name": "a_b"})
    found = await server.get("config", params={"_queryFilter": '_id sw "mapping"', "_fields": "name"})
    assert found["result"] == [{"_id": "mapping/a_b", "name": "a_b"}]
    ids = {row["_id"] for row in (await server.get("config?_queryId=query-all-ids"))["result"]}
    assert {"managed", "authentication", "mapping/a_b"} <= ids
    listed = await server.get("config")
    assert {"_id": "mapping/a_b", "pid": "mapping.a_b", "factoryPid": "mapping"} in listed["configurations"]
    assert (await server.call("DELETE", "config/mapping/a_b")).status_code == 200


async def test_passwords_are_hidden_and_survive_being_put_back(server: Server) -> None:
    module = {
        "name": "STATIC_USER",
        "properties": {"username": "jo", "password": "Secret123", "defaultUserRoles": []},
    }
    await server.put("config/vault", {"modules": [module], "password": "&{vault.password}"})
    shown = await server.get("config/vault")
    assert "Secret123" not in str(shown)
    assert shown["password"] == "&{vault.password}"
    shown["modules"].insert(0, {"name": "OTHER"})
    await server.put("config/vault", shown)
    kept = server.runtime.project.documents["vault"]
    assert kept["modules"][1]["properties"]["password"] == "Secret123"
    await server.call("DELETE", "config/vault")


@pytest.mark.parametrize(
    ("id", "body"),
    [
        ("sync", {"mappings": "none"}),
        ("schedule/x", {"enabled": True, "type": "cron", "schedule": "banana"}),
        ("../evil", {}),
        ("a\\b", {}),
        ("sync", [1]),
        ("x" * 300, {}),
    ],
)
async def test_what_cannot_be_configured_is_refused(server: Server, id: str, body: object) -> None:
    answer = await server.call("PUT", f"config/{id}", body)
    assert answer.status_code in (400, 404), answer.text


async def test_changes_are_in_the_audit(server: Server) -> None:
    await server.put("config/audited", {"a": 1})
    await server.call("DELETE", "config/audited")
    found = await server.get("audit/config", params={"_queryFilter": 'objectId eq "config/audited"'})
    assert [event["operation"] for event in found["result"]] == ["CREATE", "DELETE"]
    assert {event["userId"] for event in found["result"]} == {"openidm-admin"}


async def test_patches_at_the_same_time_are_all_there(server: Server) -> None:
    await server.put("config/together", {"list": []})
    answers = await asyncio.gather(
        *(
            server.call("PATCH", "config/together", [{"operation": "add", "field": "/list/-", "value": n}])
            for n in range(12)
        )
    )
    assert [answer.status_code for answer in answers] == [200] * 12
    assert sorted((await server.get("config/together"))["list"]) == list(range(12))


async def test_one_of_many_creates_the_document(server: Server) -> None:
    new = {"If-None-Match": "*"}
    answers = await asyncio.gather(
        *(server.call("PUT", "config/first", {"n": n}, headers=new) for n in range(12))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [412] * 11
