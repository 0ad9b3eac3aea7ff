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


async def test_schemas_are_told(server: Server) -> None:
    found = await server.get("schema/managed/user")
    assert (found["_id"], found["type"]) == ("managed/user", "object")
    listed = await server.get("schema?_queryFilter=true&_fields=_id")
    assert {"_id": "managed/user"} in listed["result"]
    assert (await server.call("GET", "schema/managed/nosuch")).status_code == 404
    assert (await server.call("GET", "schema")).status_code == 404
