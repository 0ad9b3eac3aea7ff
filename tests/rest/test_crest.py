"""Verbs, headers and parameters, as CREST has them."""

import uuid
from typing import Any
from urllib.parse import quote

import pytest

from tests.rest.conftest import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_put_creates_then_replaces(server: Server) -> None:
    first = await server.call("PUT", "managed/src/p1", {"name": "A"})
    second = await server.call("PUT", "managed/src/p1", {"name": "B"})
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.headers["location"] == "http://localhost:8080/openidm/managed/src/p1"
    assert "location" not in second.headers
    assert second.json()["name"] == "B"
    assert second.headers["etag"] == f'"{second.json()["_rev"]}"'
    assert len(second.json()["_rev"]) == 16


async def test_conditional_puts(server: Server) -> None:
    async def put(**headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return (await server.call("PUT", "managed/src/c1", {"n": len(headers)}, headers=named)).status_code

    assert await put(if_match="*") == 404
    assert await put(if_none_match="*") == 201
    assert await put(if_none_match="*") == 412
    assert await put(if_none_match='"abc"') == 400
    assert await put(if_match="*", if_none_match="*") == 400
    assert await put(if_match="") == 400
    assert await put(if_match="*") == 200
    assert await put(if_match='"0000000000000001"') == 412
    assert await put(if_match="999") == 412
    current = (await server.get("managed/src/c1"))["_rev"]
    assert await put(if_match=f'"{current}"') == 200


async def test_patch_and_delete_respect_the_revision(server: Server) -> None:
    await server.put("managed/src/d1", {"n": 1})
    change = [{"operation": "increment", "field": "/n", "value": 1}]
    stale = {"If-Match": "0000000000000001"}
    assert (await server.call("PATCH", "managed/src/d1", change, headers=stale)).status_code == 412
    assert (await server.call("DELETE", "managed/src/d1", headers=stale)).status_code == 412
    patched = await server.call("PATCH", "managed/src/d1", change)
    deleted = await server.call("DELETE", "managed/src/d1", headers={"If-Match": patched.headers["etag"]})
    assert (patched.status_code, deleted.status_code) == (200, 200)
    assert deleted.json()["n"] == 2
    assert (await server.call("DELETE", "managed/src/d1")).status_code == 404


async def test_an_unchanged_object_is_not_sent_again(server: Server) -> None:
    made = await server.call("PUT", "managed/src/n1", {"n": 1})
    answer = await server.call("GET", "managed/src/n1", headers={"If-None-Match": made.headers["etag"]})
    assert (answer.status_code, answer.content) == (304, b"")
    assert (await server.call("GET", "managed/src/n1", headers={"If-None-Match": "x"})).status_code == 200


async def test_a_post_without_action_creates(server: Server) -> None:
    answer = await server.call("POST", "managed/src", {"n": 1})
    id = answer.json()["_id"]
    assert answer.status_code == 201
    assert str(uuid.UUID(id)) == id
    assert answer.headers["location"].endswith(f"/managed/src/{id}")
    assert (await server.call("POST", f"managed/src/{id}", {"n": 1})).status_code == 400


async def test_the_method_can_be_overridden(server: Server) -> None:
    await server.put("managed/src/o1", {"n": 1})
    as_patch = {"X-HTTP-Method-Override": "PATCH"}
    change = [{"operation": "add", "field": "/m", "value": 1}]
    assert (await server.call("POST", "managed/src/o1", change, headers=as_patch)).json()["m"] == 1
    as_nonsense = {"X-HTTP-Method-Override": "DANCE"}
    assert (await server.call("POST", "managed/src/o1", {}, headers=as_nonsense)).status_code == 400


async def test_ids_may_hold_what_a_url_must_encode(server: Server) -> None:
    for id in ("a b", "ü@x", "50%", "a;b=c", "a?b", "a#b", "..x", "+", "%2e"):
        path = f"managed/src/{quote(id, safe='')}"
        assert (await server.put(path, {"n": 1}))["_id"] == id
        assert (await server.get(path))["_id"] == id
        assert (await server.call("DELETE", path)).status_code == 200


@pytest.mark.parametrize(
    "path", ["managed/src/a%2Fb", "managed/src/..", "managed/src/a%0Ab", "managed/src/%C3"]
)
async def test_ids_that_cannot_be_are_refused(server: Server, path: str) -> None:
    answer = await server.client.request(
        "PUT", f"http://localhost:8080/openidm/{path}", json={}, headers=server.headers
    )
    assert answer.status_code in (400, 404)


async def test_an_id_too_long_is_refused(server: Server) -> None:
    assert (await server.call("PUT", f"managed/src/{'x' * 256}", {})).status_code == 400
    assert (await server.call("GET", f"managed/src/{'x' * 2000}")).status_code == 400


async def test_fields_choose_members_and_nested_ones_by_their_last_name(server: Server) -> None:
    await server.put("managed/src/f1", {"a": 1, "b": {"c": {"d": 2}}})
    assert set(await server.get("managed/src/f1?_fields=a,b/c/d,zzz")) == {"_id", "_rev", "a", "d"}
    assert set(await server.get("managed/src/f1?_fields=")) == {"_id", "_rev", "a", "b"}
    assert set((await server.call("PUT", "managed/src/f1?_fields=_id", {"a": 2})).json()) == {"_id", "_rev"}


async def test_pretty_print(server: Server) -> None:
    assert (await server.call("GET", "info/ping?_prettyPrint=true")).text.startswith("{\n  ")
    assert (await server.call("GET", "managed/src/zzz?_prettyPrint=true")).text.startswith("{\n  ")
    assert "\n" not in (await server.call("GET", "info/ping?_prettyPrint=no")).text


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("_foo=bar", "Unrecognized request parameter '_foo'"),
        ("_countOnly=true", "_countOnly"),
        ("_queryFilter=true&_queryFilter=true", "Multiple values provided"),
        ("_queryFilter=true&x=1&x=2", "'x'"),
        ("_queryFilter=true&_queryId=query-all", "mutually exclusive"),
        ("_queryFilter=true&_pageSize=x", "could not be parsed as a valid integer"),
        ("_queryFilter=true&_pageSize=99999999999999999999", "valid integer"),
        ("_queryFilter=true&_pagedResultsOffset=-1", "negative"),
        ("_queryFilter=true&_pageSize=1&_pagedResultsCookie=x&_pagedResultsOffset=1", "mutually exclusive"),
        ("_queryFilter=true&_pagedResultsCookie=x", "needs '_pageSize'"),
        ("_queryFilter=true&_pageSize=1&_pagedResultsCookie=x", "cookie"),
        ("_queryFilter=true&_totalPagedResultsPolicy=SOME", "NONE, ESTIMATE, EXACT"),
        ("_queryId=nosuch", "nosuch does not match any configured queries"),
        ("_queryFilter=name%20eqq%201", "position 6"),
        ("_queryFilter=", "query filter"),
        ("_queryFilter=true&_action=x", "_action"),
        ("_queryFilter=true&_sortKeys=-", "names no field"),
        ("_queryId=query-all&_sortKeys=-n", "'_sortKeys' cannot be used with '_queryId'"),
        ("_queryFilter=%FF", "UTF-8"),
        ("_queryFilter=name%20eq%20%22%00%22", "NUL"),
        ("", "cannot be read"),
    ],
)
async def test_wrong_parameters_are_named(server: Server, query: str, says: str) -> None:
    answer = await server.call("GET", f"managed/src?{query}" if query else "managed/src")
    body = answer.json()
    assert (answer.status_code, body["code"], body["reason"]) == (400, 400, "Bad Request")
    assert says in body["message"]


async def test_parameters_that_mean_nothing_to_a_read(server: Server) -> None:
    await server.put("managed/src/r1", {})
    assert (await server.call("GET", "managed/src/r1?_pageSize=1")).status_code == 400
    assert (await server.call("GET", "managed/src/r1?foo=bar")).status_code == 200
    assert (await server.call("GET", "managed/src/r1?_FIELDS=_id&_mimeType=x&_crestapi=y")).status_code == 200
    assert (await server.call("GET", "managed/src/r1?_queryFilter=true")).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "managed/src",
        "repo/link",
        "audit/activity",
        "config",
        "scheduler/job",
        "internal/role",
        "workflow/taskinstance",
    ],
)
async def test_beyond_the_end_there_is_nothing(server: Server, path: str) -> None:
    for more in ("", "&_pageSize=2", "&_pageSize=0"):
        found = await server.get(f"{path}?_queryFilter=true&_pagedResultsOffset=2147483647{more}")
        assert (found["result"], found["resultCount"], found["pagedResultsCookie"]) == ([], 0, None)


async def test_stored_queries_of_the_workflow_can_be_sorted(server: Server) -> None:
    for query_id in ("filtered-query", "query-all-ids"):
        for kind in ("taskinstance", "processinstance", "processinstance/history"):
            await server.get(f"workflow/{kind}?_queryId={query_id}&_sortKeys=-_id")


async def test_raw_queries_are_for_nobody(server: Server) -> None:
    answer = await server.call("GET", "managed/src?_queryExpression=select%201")
    assert (answer.status_code, answer.json()["message"]) == (403, "Access denied")


@pytest.mark.parametrize(
    ("version", "path", "status"),
    [
        ("resource=1.0", "info/ping", 200),
        ("protocol=2.1,resource=1.0", "info/ping", 200),
        ("resource=1", "info/ping", 200),
        ("protocol=1.0", "info/ping", 200),
        ("resource=2.0", "scheduler/job?_queryFilter=true", 200),
        ("resource=2.0", "info/ping", 404),
        ("resource=9.0", "recon", 404),
        ("protocol=3.0", "info/ping", 400),
        ("protocol=2.2", "info/ping", 400),
        ("banana", "info/ping", 400),
        ("", "info/ping", 400),
        ("resource=1.0,resource=1.0", "info/ping", 400),
        ("resource=99999999999999999999", "info/ping", 400),
    ],
)
async def test_interface_versions(server: Server, version: str, path: str, status: int) -> None:
    answer = await server.call("GET", path, headers={"Accept-API-Version": version})
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "managed/src?_action=", {}, 400),
        ("POST", "internal/role", {}, 400),
        ("PUT", "managed/src", {}, 400),
        ("PATCH", "managed/src", [], 400),
        ("DELETE", "managed/src", None, 400),
        ("PUT", "recon/x", {}, 501),
        ("PATCH", "recon/x", [], 501),
        ("GET", "sync", None, 501),
        ("GET", "recon?_queryFilter=true", None, 501),
        ("GET", "nosuch", None, 404),
        ("GET", "", None, 404),
        ("POST", "nosuch?_action=x", {}, 404),
        ("GET", "managed", None, 404),
        ("GET", "managed/user/a/b/c/d", None, 404),
    ],
)
async def test_what_is_not_offered(server: Server, method: str, path: str, body: Any, status: int) -> None:
    answer = await server.call(method, path, body)
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == status


async def test_other_methods_and_other_addresses_answer_in_our_shape(server: Server) -> None:
    for method in ("HEAD", "OPTIONS", "TRACE"):
        assert (await server.call(method, "info/ping")).status_code == 405
    broken = await server.call("GET", "sync/mappings/a%0d%0ab")
    assert (broken.status_code, "sync/mappings/a" in broken.json()["message"]) == (404, True)
    found = await server.client.get("/nowhere")
    assert found.status_code == 404
    assert set(found.json()) == {"code", "reason", "message"}


async def test_a_call_can_be_followed_by_its_id(server: Server) -> None:
    given = await server.call("GET", "info/ping", headers={"X-Request-Id": "abc-1"})
    made = await server.call("GET", "info/ping", headers={"X-Request-Id": "a\tb"})
    assert given.headers["x-request-id"] == "abc-1"
    assert made.headers["x-request-id"] != "a\tb"


async def test_query_pages_lead_through_everything(server: Server) -> None:
    for number in range(5):
        await server.put(f"managed/q/q{number}", {"n": number, "even": number % 2 == 0})
    path = "managed/q?_queryFilter=true&_pageSize=2&_totalPagedResultsPolicy=EXACT"
    for sort in ("", "&_sortKeys=-n", "&_sortKeys=even,%2Bn"):
        seen, more = [], ""
        while True:
            found = await server.get(path + sort + more)
            assert (found["totalPagedResults"], found["totalPagedResultsPolicy"]) == (5, "EXACT")
            seen += [row["n"] for row in found["result"]]
            if found["pagedResultsCookie"] is None:
                break
            more = f"&_pagedResultsCookie={found['pagedResultsCookie']}"
        assert sorted(seen) == [0, 1, 2, 3, 4]
    assert (await server.get("managed/q?_queryFilter=true&_pageSize=2&_pagedResultsOffset=9"))["result"] == []
    assert len((await server.get("managed/q?_queryFilter=true&_pageSize=-1"))["result"]) == 5
    ids = await server.get("managed/q?_queryId=query-all-ids")
    assert all(set(row) == {"_id", "_rev"} for row in ids["result"])
    assert (ids["resultCount"], ids["totalPagedResults"]) == (5, -1)
