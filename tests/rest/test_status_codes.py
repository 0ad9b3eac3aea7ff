"""Status codes that a call gets for its headers and its method: one test for each that is ever given."""

import pytest

from tests.rest.conftest import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

MARK = b"\x1f\x8b\x08"


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "*/*;q=0", "nonsense", ""])
async def test_answers_are_json_whatever_a_caller_accepts(server: Server, accept: str) -> None:
    """406 is never given."""
    answer = await server.call("GET", "info/ping", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json;charset=utf-8")


async def test_415_for_a_packed_body_and_400_for_one_that_is_not_json(server: Server) -> None:
    async def put(**headers: str) -> tuple[int, str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()} | server.headers
        answer = await server.client.put("/openidm/managed/src/packed", content=b"{}", headers=named)
        return answer.status_code, answer.json()["message"]

    status, message = await put(content_type="application/json", content_encoding="gzip")
    assert (status, "gzip" in message) == (415, True)
    status, message = await put(content_type="text/plain")
    assert (status, "application/json" in message) == (400, True)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "LINK"])
async def test_405_for_methods_that_no_resource_has(server: Server, method: str) -> None:
    answer = await server.call(method, "managed/src/x")
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) >= {"GET", "PUT", "PATCH", "DELETE"}


async def test_501_for_what_a_resource_does_not_do(server: Server) -> None:
    for method, path, body in (("PUT", "recon/x", {}), ("PATCH", "repo/link/x", []), ("GET", "sync", None)):
        answer = await server.call(method, path, body)
        assert (answer.status_code, answer.json()["reason"]) == (501, "Not Implemented")


async def test_no_call_needs_a_condition(server: Server) -> None:
    """428 is never given: without If-Match and If-None-Match a write counts for whatever revision there is."""
    for method, body, status in (
        ("PUT", {}, 201),
        ("PUT", {}, 200),
        ("PATCH", [], 200),
        ("DELETE", None, 200),
    ):
        assert (await server.call(method, "managed/src/free", body)).status_code == status


async def test_what_is_gone_is_not_found(server: Server) -> None:
    """410 is never given: nothing is remembered of an object that was deleted."""
    await server.put("managed/src/gone", {})
    await server.call("DELETE", "managed/src/gone")
    assert (await server.call("GET", "managed/src/gone")).status_code == 404
