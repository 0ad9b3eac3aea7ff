"""Bodies that are wrong, hostile, or too much: always 4xx with a sentence, never a 5xx."""

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rest.conftest import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")
JSON = {"Content-Type": "application/json"}


async def post(server: Server, content: bytes, **headers: str) -> tuple[int, dict[str, object]]:
    answer = await server.call(
        "POST", "managed/src?_action=create", content=content, headers={**JSON, **headers}
    )
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "not valid JSON"),
        (b"not json", "not valid JSON"),
        (b"{} x", "not valid JSON"),
        (b"{'a': 1}", "not valid JSON"),
        (b'{"a": NaN}', "not valid JSON"),
        (b'{"a": 1e999}', "not valid JSON"),
        (b'{"a": "\\ud800"}', "not valid JSON"),
        (b'{"a": "\xff"}', "not valid JSON"),
        (b"\xff\xfe{\x00}\x00", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "deeper than 64"),
        (b'{"a": 9223372036854775808}', "out of range"),
        (b'{"a": 9007199254740992}', "out of range"),
        (b'{"a": -' + b"9" * 300 + b"}", "out of range"),
        (b'{"a": -' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"a": "x\\u0000y"}', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b"[1]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"", "no content"),
        (b"  ", "no content"),
        (b'{"_id": 5}', "'_id' of an object is a text"),
        (b'{"_id": "a/b"}', "cannot be"),
        (b'{"_id": {"x": 1}}', "'_id'"),
    ],
)
async def test_a_wrong_body_is_refused_with_a_sentence(server: Server, content: bytes, says: str) -> None:
    status, body = await post(server, content)
    assert (status, body["code"], body["reason"]) == (400, 400, "Bad Request")
    assert says in str(body["message"])


async def test_numbers_that_everybody_can_read_are_kept(server: Server) -> None:
    status, body = await post(
        server, b'{"a": 9007199254740991, "b": 0.1234567890123456789, "c": "12345678901234567890"}'
    )
    assert (status, body["a"], body["c"]) == (201, 9007199254740991, "12345678901234567890")


async def test_an_escaped_backslash_is_no_nul(server: Server) -> None:
    status, body = await post(server, b'{"a": "\\\\u0000"}')
    assert (status, body["a"]) == (201, "\\u0000")


async def test_content_types(server: Server) -> None:
    for kind, status in (
        ("application/json; charset=utf-8", 201),
        ("APPLICATION/JSON", 201),
        ("text/plain", 400),
        ("application/x-www-form-urlencoded", 400),
        ("nonsense", 400),
    ):
        assert (await post(server, b"{}", **{"Content-Type": kind}))[0] == status
    for packed, status in (("gzip", 415), ("identity", 201)):
        assert (await post(server, b"{}", **{"Content-Encoding": packed}))[0] == status
    nothing = await server.call("POST", "managed/src?_action=create")
    assert "content-type was not specified" in nothing.json()["message"]


async def test_a_body_too_large_is_not_read(server: Server) -> None:
    limit = server.runtime.settings.body_limit_mb * 1_000_000
    status, body = await post(server, b'"' + b"x" * limit + b'"')
    assert (status, body["code"]) == (413, 413)
    status, _ = await post(server, b"{}", **{"Content-Length": "9" * 30})
    assert status == 413


async def test_a_patch_is_a_list(server: Server) -> None:
    await server.put("managed/src/p", {})
    for content in (b"{}", b"1", b"null", b'[{"operation": "add"}]', b"[1]", b'[{"operation": 1}]'):
        answer = await server.call("PATCH", "managed/src/p", content=content, headers=JSON)
        assert answer.status_code == 400, content


async def test_an_error_of_a_script_is_no_error_of_ours(server: Server) -> None:
    for source, says in (
        ("throw 'tea'", "tea"),
        ("nosuch.x", "nosuch"),
        ("throw {code: 503, message: 'busy'}", "busy"),
        ("if (", "syntax"),
    ):
        answer = await server.call(
            "POST", "script?_action=eval", {"type": "text/javascript", "source": source}
        )
        assert answer.status_code == 400, answer.text
        assert says in answer.json()["message"]
    teapot = {"type": "text/javascript", "source": "throw {code: 418, message: 'tea'}"}
    assert (await server.call("POST", "script?_action=eval", teapot)).status_code == 418


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
PATHS = (
    ("POST", "managed/user?_action=create"),
    ("PUT", "managed/src/fuzz"),
    ("PATCH", "managed/src/fuzz"),
    ("POST", "script?_action=eval"),
    ("POST", "sync?_action=performAction"),
    ("POST", "recon?_action=recon"),
    ("PUT", "scheduler/job/fuzz"),
    ("POST", "policy/managed/user/*?_action=validateObject"),
    ("POST", "scheduler/job?_action=validateQuartzCronExpression"),
    ("POST", "workflow/processinstance?_action=create"),
    ("PUT", "internal/role/fuzz"),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PATHS), values)
async def test_no_body_makes_a_server_error(server: Server, where: tuple[str, str], value: object) -> None:
    try:
        content = orjson.dumps(value)
    except (TypeError, orjson.JSONEncodeError):
        content = repr(value).encode(errors="surrogatepass")
    answer = await server.call(where[0], where[1], content=content, headers=JSON)
    assert answer.status_code < 500 or answer.status_code == 501, answer.text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=60),
    st.sampled_from(["managed/user", "audit/recon", "repo/link", "config", "recon/assoc"]),
)
async def test_no_filter_makes_a_server_error(server: Server, text: str, where: str) -> None:
    answer = await server.call(
        "GET", where, params={"_queryFilter": text.encode(errors="replace").decode(), "_sortKeys": text[:3]}
    )
    assert answer.status_code in (200, 400, 403), answer.text


SEALED = "{$crypto: {type: 'salted-hash', value: {algorithm: [], data: 5}}}"
ODD = (
    "[null, 5, -1, true, 'x', '', '\\u0000', [], [5], {}, {a: 1}, {_queryFilter: 5}, {_queryId: []}, "
    f"{SEALED}]"
)
VERBS: dict[str, list[str]] = {
    "read": ["'managed/src/x'", "null", "['a']"],
    "query": ["'managed/src'", "{_queryFilter: 'true'}", "['a']"],
    "create": ["'managed/void'", "null", "{a: 1}", "null", "['a']"],
    "update": ["'managed/void/x'", "null", "{a: 1}", "null", "['a']"],
    "patch": ["'managed/void/x'", "null", "[]", "null", "['a']"],
    "delete": ["'managed/void/x'", "null", "null"],
    "action": ["'recon'", "'recon'", "{}", "{mapping: 'nosuch'}"],
    "encrypt": ["'x'", "null", "null"],
    "decrypt": ["{$crypto: {type: 'x-simple-encryption', value: {}}}"],
    "isEncrypted": ["'x'"],
    "isHashed": ["'x'"],
    "hash": ["'x'", "'SHA-256'"],
    "matches": ["'x'", "{$crypto: {type: 'salted-hash', value: {algorithm: 'SHA-256', data: 'x'}}}"],
}


@pytest.mark.parametrize("verb", VERBS)
async def test_no_argument_of_a_script_makes_a_server_error(server: Server, verb: str) -> None:
    given = VERBS[verb]
    places = ", ".join(
        f"[{', '.join('odd' if at == place else each for at, each in enumerate(given))}]"
        for place in range(len(given))
    )
    source = f"""
        var refused = 0;
        {ODD}.forEach(odd => [{places}].forEach(given => {{
            try {{ openidm['{verb}'].apply(openidm, given) }} catch (error) {{ refused++ }}
        }}));
        refused
    """
    script = {"type": "text/javascript", "source": source}
    answer = await server.call("POST", "script?_action=eval", script)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "parameters",
    [
        "5",
        "{_pageSize: 'x'}",
        "{_pagedResultsOffset: {}}",
        "{_queryFilter: {}}",
        "{_pagedResultsCookie: 1, _pageSize: 1}",
    ],
)
async def test_a_query_of_a_script_says_what_is_wrong(server: Server, parameters: str) -> None:
    script = {"type": "text/javascript", "source": f"openidm.query('managed/src', {parameters})"}
    answer = await server.call("POST", "script?_action=eval", script)
    assert (answer.status_code, "openidm.query" in answer.json()["message"]) == (400, True), answer.text
