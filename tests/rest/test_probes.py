"""Single calls and the answers that OpenIDM 7.0.2 gave to them, played in their order.

Compared are the status, the body of a success, and code and reason of a refusal; our sentences are our own. Where the
answer of PingIDM 8.1 is another, or a better one was due, the table below says which and why.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest

from conf.settings import Settings
from tests.embedded import Embedded, embedded

Json = dict[str, Any]

PROBES = [orjson.loads(line) for line in Path(__file__).with_name("probes.jsonl").read_text().splitlines()]
ADMIN = {"X-OpenIDM-Username": "openidm-admin", "X-OpenIDM-Password": "openidm-admin"}
SLOW = "var start = Date.now(); while (Date.now() - start < 60) {} true"

#: name -> (our status, why)
OTHER_STATUS = {
    "recon: empty mapping": (404, "an unknown mapping is not found"),
    "recon: unknown mapping": (404, "an unknown mapping is not found"),
    "recon: unknown mapping with markup": (404, "an unknown mapping is not found"),
    "sync: performAction unknown mapping": (404, "an unknown mapping is not found"),
    "recon: bad filter override": (400, "a filter that cannot be read is the caller's mistake"),
    "recon: delete unknown": (404, "8.1 purges runs"),
    "recon: delete finished": (200, "8.1 purges runs"),
    "sync: performAction without anything": (400, "what is missing is the caller's mistake"),
    "sync: mappings": (200, "8.1 lists mappings there"),
    "managed: patch transform": (400, "a failing script is the caller's mistake"),
    "managed: patch stale revision": (412, "a revision is compared"),
    'filter: name ew "a"': (400, "an unknown operator is the caller's mistake"),
    'filter: name eqq "x"': (400, "an unknown operator is the caller's mistake"),
    'filter: name xx "y"': (400, "an unknown operator is the caller's mistake"),
    "filter: !nick pr": (200, "8.1 negates without parentheses"),
    "filter: !true": (200, "8.1 negates without parentheses"),
    'filter: tags/0 eq "x"': (200, "a position in a list is a pointer"),
    'filter: /na~1me eq "x"': (200, "an escaped slash is a pointer"),
    """filter: name in '["Ada","Ben"]'""": (200, "8.1 has this operator"),
    "script: eval throws text": (400, "a failing script is the caller's mistake"),
    "script: eval reference error": (400, "a failing script is the caller's mistake"),
    "login: action": (200, "logging in works"),
    "version: 9": (404, "an unknown version is not found"),
    "scheduler: read": (200, "the id asked for is given"),
    "scheduler: delete": (200, "the id asked for is given"),
    "scheduler: bad cron": (400, "a wrong expression is the caller's mistake"),
}

#: name -> why the body of our success is another
OTHER_BODY = {
    "recon: list when none": "none has run here",
    "query: page 1": "cookies are ours",
    "query: offset": "the last page has no cookie",
    "query: total exact": "totals are counted",
    "query: total estimate": "totals are counted",
    "query: descending": "sort keys count",
    "query: two keys": "sort keys count",
    'filter: n eq "1"': "a number is no text",
    'filter: flag eq "true"': "a boolean is no text",
    'filter: tags eq "x"': "a list matches when an element does",
    'filter: tags co "x"': "a list matches when an element does",
    'filter: address.city eq "Oslo"': "a dot is part of a name",
    "script: query through openidm": "8.1 tells the count too",
    "info: login": "8.1 has internal/user without repo",
    "auth: basic": "8.1 has internal/user without repo",
    "info: version": "another product",
    "scheduler: create": "the id asked for is given",
    "recon: read finished": "8.1 has more members",
    "recon: cancel finished": "8.1 says INITIATED",
    "audit: entries of one run, fields": "oldest first",
}


def project(folder: Path) -> Settings:
    """A project as the recorded server had it: two mappings of it are broken, one is slow."""
    probe = next(probe for probe in PROBES if probe["name"] == "config: read sync")
    mappings = [dict(mapping) for mapping in probe["body"]["mappings"]]
    mappings[5]["validSource"] = {"type": "text/javascript", "source": SLOW}
    probe["body"] = {"_id": "sync", "mappings": mappings}
    (folder / "conf").mkdir()
    (folder / "conf" / "sync.json").write_bytes(orjson.dumps({"mappings": mappings}))
    types = [{"name": name} for name in ("src", "dst", "q", "void", "nothing")]
    (folder / "conf" / "managed.json").write_bytes(orjson.dumps({"objects": types}))
    return Settings(project=folder)


async def populate(product: Embedded) -> None:
    rows = next(probe["body"]["result"] for probe in PROBES if probe["name"] == "query: queryId all")
    objects = {f"q/{row['_id']}": row for row in rows}
    objects |= {"src/a": {"name": "Ada"}, "src/b": {"name": "Ben"}, "dst/t": {"displayName": "T"}}
    for path, content in objects.items():
        body = {name: value for name, value in content.items() if name != "_rev"}
        assert (await product.call("PUT", f"managed/{path}", body))[0] == 201


async def send(product: Embedded, probe: Json, run: str) -> tuple[int, Any]:
    headers = dict(probe.get("headers", {})) | ({} if probe.get("anonymous") else ADMIN)
    more: Json = {"json": probe["json"]} if "json" in probe else {}
    if "raw" in probe:
        more["content"] = probe["raw"]
    product.client.cookies.clear()
    path = probe["path"].replace("{run}", run)
    answer = await product.client.request(probe["method"], f"/openidm/{path}", headers=headers, **more)
    return answer.status_code, answer.json()


def agrees(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, str) and wanted.startswith("<"):
        return True
    if isinstance(wanted, dict) and isinstance(found, dict):
        return wanted.keys() == found.keys() and all(
            name == "_rev" or agrees(value, found[name]) for name, value in wanted.items()
        )
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(map(agrees, wanted, found))
    return type(wanted) is type(found) and bool(wanted == found)


def difference(probe: Json, status: int, body: Any) -> str | None:
    name = probe["name"]
    wanted = OTHER_STATUS[name][0] if name in OTHER_STATUS else probe["status"]
    if status != wanted:
        return f"{name}: expected {wanted}, found {status} {body}"
    if status >= 400:
        if (
            body["code"] != status
            or not body["message"]
            or set(body) - {"code", "reason", "message", "detail"}
        ):
            return f"{name}: not in the shape of an error: {body}"
        return None
    if name in OTHER_STATUS or name in OTHER_BODY or agrees(probe["body"], body):
        return None
    return f"{name}: expected {probe['body']}, found {body}"


def test_every_difference_belongs_to_a_probe() -> None:
    names = {probe["name"] for probe in PROBES}
    assert set(OTHER_STATUS) | set(OTHER_BODY) <= names


@pytest.mark.asyncio
async def test_the_recorded_calls_get_the_recorded_answers(tmp_path: Path, store: dict[str, str]) -> None:
    settings = project(tmp_path)
    found: list[str] = []
    async with embedded(settings.project, tmp_path / "data", **store) as product:
        await populate(product)
        run = ""
        for probe in PROBES:
            if "{run}" in probe["path"] and not run:
                _, launched = await product.call(
                    "POST", "recon?_action=recon&mapping=probe&waitForCompletion=true"
                )
                run = launched["_id"]
            status, body = await send(product, probe, run)
            if (told := difference(probe, status, body)) is not None:
                found.append(told)
    assert found == []
