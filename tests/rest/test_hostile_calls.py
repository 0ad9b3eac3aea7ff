"""Every documented call with what nobody should send: an answer in the shape of an error, never a failure of ours."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx2
import orjson
import pytest

from api.rest.catalogue import FAMILIES, Operation
from tests.rest.conftest import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"Content-Type": "application/json"}
KNOWN = {"type": "user", "name": "nosuch", "topic": "recon", "property": "authzRoles"}
#: of an error a caller may rely on these
SHAPE = {"code", "reason", "message"}
DEEP = "(" * 1000 + "true" + ")" * 1000
NEGATED = "!" * 1000 + "true"
MANY = " or ".join(["a pr"] * 4000)
LONG = 'a eq "' + "x" * 1_000_000 + '"'
BODIES = [
    b"{", b"[", b"[" * 5000, b'"', b"1", b"true", b"null", b"{}", b"[]", b"[1]", b'{"a":1e999}', b"\xff", b"[[]]",
    b'{"_id":{}}', b'{"_id":"a/b"}', b'{"":""}', b'{"mappings":1}', b'{"objects":[1]}', b'{"type":[],"source":{}}',
    b'[{"operation":[],"field":{}}]', b'{"_ref":[]}', b'{"enabled":"x","invokeContext":[]}',
]  # fmt: skip
VERSIONS = [
    "resource=9.0", "resource=0.1", "protocol=9.0,resource=1.0", "resource=x", "nonsense", "", "resource=1.0,resource=1.0",
    "resource=99999.0",
]  # fmt: skip
PARAMETERS = [
    "_foo=bar", "_pageSize=x", "_pageSize=99999999999", "_pagedResultsOffset=-1", "_pagedResultsCookie=x",
    "_queryFilter=true&_queryId=query-all", "_queryFilter=true&_queryFilter=true", "_queryExpression=select", "_queryId=",
    "_sortKeys=%2F%2F", "_queryFilter=true&_sortKeys=-", "_fields=%2F~9", "_fields=" + "a," * 500, "_action=",
    "_action=dance", "_action=%00", "_totalPagedResultsPolicy=MANY&_queryFilter=true", "_queryFilter=%FF",
    "_prettyPrint=maybe", "x=1&x=2",
    "_queryFilter=true&_pageSize=1&_pagedResultsCookie=b3g", "mapping=%00", "_queryFilter=" + "a" * 3000,
]  # fmt: skip


@dataclass
class Sweep:
    """Calls made, and what was wrong with their answers."""

    server: Server
    calls: int = 0
    wrong: list[str] = field(default_factory=list)

    async def call(self, operation: Operation, **more: Any) -> httpx2.Response:
        path = re.sub(r"\{(\w+)\}", lambda found: KNOWN.get(found[1], "nosuch"), operation.path)
        parameters = more.pop("query", "")
        if operation.actions and "_action" not in parameters:
            parameters = f"_action={operation.actions[0]}&{parameters}"
        target = f"{path.strip('/')}?{parameters}"
        answer = await self.server.call(operation.method, target, **more)
        self.calls += 1
        self.judge(f"{operation.method} {target[:120]} {str(more)[:120]}", answer)
        return answer

    def judge(self, what: str, answer: httpx2.Response) -> None:
        if answer.status_code < 400:
            return
        body = answer.json()
        ours = answer.status_code >= 500 and answer.status_code != 501
        if ours or not body.keys() >= SHAPE or body["code"] != answer.status_code or not body["message"]:
            self.wrong.append(f"{what}: {answer.status_code} {answer.text[:300]}")
        elif re.search(r"Traceback|object at 0x|\.py\b", body["message"]):
            self.wrong.append(f"{what}: speaks of itself: {body['message'][:300]}")


def operations() -> Iterator[Operation]:
    for family in FAMILIES:
        yield from family.operations


@pytest.mark.long
async def test_bodies(server: Server) -> None:
    sweep = Sweep(server)
    for operation in operations():
        if operation.method in ("POST", "PUT", "PATCH"):
            for body in BODIES:
                await sweep.call(operation, content=body, headers=JSON)
    assert sweep.wrong == []
    assert sweep.calls > 500


async def test_parameters(server: Server) -> None:
    sweep = Sweep(server)
    for operation in operations():
        for query in PARAMETERS:
            await sweep.call(operation, query=query)
    assert sweep.wrong == []


async def test_versions(server: Server) -> None:
    sweep = Sweep(server)
    for operation in operations():
        for version in VERSIONS:
            answer = await sweep.call(operation, headers={"Accept-API-Version": version})
            wanted = (404,) if version in ("resource=9.0", "resource=0.1") else (400, 404)
            assert answer.status_code in wanted or version == "", (operation.path, version, answer.text)
    assert sweep.wrong == []


@pytest.mark.parametrize("text", [DEEP, NEGATED, MANY], ids=["deep", "negated", "many"])
async def test_filters(server: Server, text: str) -> None:
    sweep = Sweep(server)
    places = {operation.path for operation in operations() if operation.method == "GET"}
    for place in sorted(places):
        path = re.sub(r"\{(\w+)\}", lambda found: KNOWN.get(found[1], "nosuch"), place).strip("/")
        answer = await server.call("GET", path, params={"_queryFilter": text})
        sweep.judge(f"{path} {text[:40]}", answer)
        assert 400 <= answer.status_code < 500 or answer.status_code == 501, (path, answer.text[:200])
    assert sweep.wrong == []


async def test_a_filter_of_a_megabyte(server: Server) -> None:
    """As raw bytes: no client of ours would send it."""
    for path in ("managed/user", "audit/recon", "recon/assoc", "workflow/taskinstance", "config"):
        answer = await raw(server, path, urlencode({"_queryFilter": LONG}).encode())
        assert answer["code"] == 400, path


async def raw(server: Server, path: str, query: bytes) -> Any:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": f"/openidm/{path}",
        "raw_path": f"/openidm/{path}".encode(),
        "query_string": query,
        "headers": [(name.lower().encode(), value.encode()) for name, value in server.headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await server.app(scope, receive, send)
    return orjson.loads(b"".join(message.get("body", b"") for message in sent))


@pytest.mark.parametrize(
    "text",
    [DEEP, LONG, "a eqq 1", "", 7, ["true"], None],
    ids=["deep", "long", "unknown", "empty", "number", "list", "null"],
)
async def test_filters_in_bodies(server: Server, text: object) -> None:
    mapping = {"name": "odd", "source": "managed/src", "target": "managed/dst"}
    await server.put("config/sync", {"mappings": [mapping]})
    sweep = Sweep(server)
    for method, path, body in (
        ("POST", "recon?_action=recon&mapping=odd", {"sourceQuery": {"_queryFilter": text}}),
        ("POST", "recon?_action=recon&mapping=odd", {"targetQuery": {"_queryFilter": text, "_fields": 1}}),
        ("PUT", "config/sync", {"mappings": [{**mapping, "sourceCondition": text}]}),
        ("PUT", "config/sync", {"mappings": [{**mapping, "sourceQuery": {"_queryFilter": text}}]}),
    ):
        sweep.judge(f"{method} {path}", await server.call(method, path, body))
    assert sweep.wrong == []
