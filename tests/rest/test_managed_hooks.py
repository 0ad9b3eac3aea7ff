"""Scripts of a managed type."""

from typing import Any

import pytest

from tests.rest.conftest import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")


def script(source: str) -> dict[str, str]:
    return {"type": "text/javascript", "source": source}


async def declare(server: Server, name: str, properties: dict[str, Any] | None = None, **hooks: str) -> str:
    document = await server.get("config/managed")
    document["objects"].append(
        {
            "name": name,
            "schema": {"properties": properties or {}},
            **{hook: script(source) for hook, source in hooks.items()},
        }
    )
    await server.put("config/managed", document)
    return f"managed/{name}"


async def test_scripts_change_what_is_stored(server: Server) -> None:
    path = await declare(
        server,
        "hooked",
        onCreate="object.made = object.n + 1",
        onUpdate="newObject.before = oldObject.n",
        onStore="object.stored = true",
    )
    made = await server.put(f"{path}/a", {"n": 1})
    assert (made["made"], made["stored"]) == (2, True)
    changed = await server.put(f"{path}/a", {"n": 5})
    assert (changed["before"], "made" in changed) == (1, False)
    patched = await server.call("PATCH", f"{path}/a", [{"operation": "add", "field": "/n", "value": 7}])
    assert patched.json()["before"] == 5


@pytest.mark.parametrize("hook", ["onCreate", "onValidate", "postCreate"])
async def test_a_script_that_throws_refuses_the_create(server: Server, hook: str) -> None:
    path = await declare(server, f"no{hook}", **{hook: "throw {code: 403, message: 'not so'}"})
    answer = await server.call("PUT", f"{path}/a", {"n": 1})
    assert (answer.status_code, answer.json()["message"]) == (403, "not so")
    assert (await server.call("GET", f"{path}/a")).status_code == 404


async def test_a_delete_can_be_refused(server: Server) -> None:
    path = await declare(server, "kept", onDelete="if (object.keep) throw 'it is kept'")
    await server.put(f"{path}/a", {"keep": True})
    await server.put(f"{path}/b", {})
    assert (await server.call("DELETE", f"{path}/a")).status_code == 400
    assert (await server.call("DELETE", f"{path}/b")).status_code == 200
    assert (await server.call("GET", f"{path}/a")).status_code == 200


async def test_what_follows_a_write_takes_part_in_it(server: Server) -> None:
    path = await declare(
        server,
        "followed",
        postCreate="openidm.create('managed/dst', 'of-' + object._id, {n: object.n})",
        postUpdate="openidm.update('managed/dst', null, {n: object.n})",
        postDelete="openidm.delete('managed/dst/of-' + object._id, null)",
    )
    await server.put(f"{path}/a", {"n": 1})
    assert (await server.get("managed/dst/of-a"))["n"] == 1
    answer = await server.call("PUT", f"{path}/a", {"n": 2})
    assert answer.status_code == 400
    assert (await server.get(f"{path}/a"))["n"] == 1
    assert (await server.call("DELETE", f"{path}/a")).status_code == 200
    assert (await server.call("GET", "managed/dst/of-a")).status_code == 404


async def test_reads_can_be_dressed(server: Server) -> None:
    full = {
        "type": "string",
        "isVirtual": True,
        "returnByDefault": True,
        "onRetrieve": script("object.a + object.b"),
    }
    path = await declare(server, "dressed", {"full": full}, onRead="object.read = true")
    await server.put(f"{path}/x", {"a": "1", "b": "2"})
    found = await server.get(f"{path}/x")
    assert (found["full"], found["read"]) == ("12", True)


async def test_queries_can_be_dressed(server: Server) -> None:
    path = await declare(server, "listed", onQueryResult="object.seen = object.n * 2")
    for n in (1, 2):
        await server.put(f"{path}/{n}", {"n": n})
    found = (await server.get(f"{path}?_queryFilter=true&_sortKeys=-n"))["result"]
    assert [row["seen"] for row in found] == [4, 2]
    assert "seen" not in await server.get(f"{path}/1")


async def synchronised(server: Server, name: str, on_sync: str | dict[str, str], **mapping: Any) -> str:
    """A type behind which a mapping leads to `managed/dst`."""
    path = await declare(server, name)
    document = await server.get("config/managed")
    hook = script(on_sync) if isinstance(on_sync, str) else on_sync
    document["objects"][-1]["onSync"] = hook
    await server.put("config/managed", document)
    way = {"name": f"{name}Dst", "source": path, "target": "managed/dst", "properties": PROPERTIES, **mapping}
    await server.put("config/sync", {"mappings": [way]})
    return path


PROPERTIES = [{"source": "n", "target": "n"}, {"source": "_id", "target": "of"}]
COMPENSATE = {"type": "text/javascript", "file": "compensate.js"}


async def test_a_type_is_told_what_became_of_its_changes(server: Server) -> None:
    note = (
        "openidm.create('managed/void', null, {action: syncResults.action, success: syncResults.success, "
        "mappings: syncResults.syncDetails.map(function (one) { return one.mapping + ' ' + one.result; }), "
        "old: oldObject && oldObject.n, now: newObject && newObject.n, path: resourceName})"
    )
    path = await synchronised(server, "told", note)
    await server.put(f"{path}/a", {"n": 1})
    await server.put(f"{path}/a", {"n": 2})
    await server.call("DELETE", f"{path}/a")
    seen = (await server.get("managed/void?_queryFilter=true"))["result"]
    shown = [(row["action"], row["success"], row["mappings"], row["old"], row["now"]) for row in seen]
    assert shown == [
        ("notifyCreate", True, ["toldDst SUCCESSFUL"], None, 1),
        ("notifyUpdate", True, ["toldDst SUCCESSFUL"], 1, 2),
        ("notifyDelete", False, ["toldDst FAILED"], 2, None),
    ]
    assert {row["path"] for row in seen} == {f"{path}/a"}


async def test_a_change_that_cannot_be_brought_is_taken_back(server: Server) -> None:
    fails = script("if (source.n > 1) throw {code: 400, message: 'too much'}")
    path = await synchronised(server, "compensated", COMPENSATE, onCreate=fails, onUpdate=fails)
    assert (await server.call("PUT", f"{path}/once", {"n": 1})).status_code == 201
    answer = await server.call("PUT", f"{path}/once", {"n": 2})
    assert answer.status_code == 409
    assert "was taken back" in answer.json()["message"]
    assert answer.json()["detail"][0]["mapping"] == "compensatedDst"
    assert (await server.get(f"{path}/once"))["n"] == 1
    found = await server.get("managed/dst", params={"_queryFilter": "of eq 'once'"})
    assert [row["n"] for row in found["result"]] == [1]
    assert (await server.call("PUT", f"{path}/b", {"n": 7})).status_code == 409
    assert (await server.call("GET", f"{path}/b")).status_code == 404


async def test_schemas_are_told(server: Server) -> None:
    found = await server.get("schema/managed/user")
    assert (found["_id"], found["type"]) == ("managed/user", "object")
    listed = await server.get("schema?_queryFilter=true&_fields=_id")
    assert {"_id": "managed/user"} in listed["result"]
    assert (await server.call("GET", "schema/managed/nosuch")).status_code == 404
    assert (await server.call("GET", "schema")).status_code == 404
