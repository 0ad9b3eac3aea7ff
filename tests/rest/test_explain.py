"""`recon?_action=explain`: the rule behind a situation and an action, in words, without a trace in the store."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from conf.filters.parse import parse
from conf.filters.text import text_of
from tests.rest.conftest import Server, serve

JS = "text/javascript"
MAPPING: dict[str, Any] = {
    "name": "m",
    "source": "managed/src",
    "target": "managed/dst",
    "validSource": {"type": JS, "source": "source.valid !== false"},
    "sourceCondition": '/source/kind eq "person" and /source/age gt 17',
    "correlationQuery": {
        "type": JS,
        "source": "({'_queryFilter': 'mail eq \"' + source.mail + '\"'})",
    },
    "onCreate": {"type": JS, "source": "target.made = 'by onCreate';"},
    "postMapping": {"type": JS, "source": "openidm.create('managed/src', null, {})"},
    "properties": [
        {"source": "mail", "target": "mail"},
        {"source": "name", "target": "name", "transform": {"type": JS, "source": "source.toUpperCase()"}},
        {"target": "origin", "default": "hr"},
        {"source": "password", "target": "password"},
        {"source": "nick", "target": "nick", "condition": "/object/nick pr"},
    ],
    "policies": [
        {"situation": "ABSENT", "condition": '/object/name eq "nobody"', "action": "IGNORE"},
        {"situation": "ABSENT", "action": "CREATE"},
        {"situation": "FOUND", "action": {"type": JS, "source": "source.mail === 'f@x' ? 'LINK' : 'UPDATE'"}},
        {"situation": "AMBIGUOUS", "action": "EXCEPTION"},
        {"situation": "UNASSIGNED", "action": "DELETE"},
        {
            "situation": "MISSING",
            "action": {"type": JS, "file": "workflow/triggerWorkflowFromSync.js", "workflowName": "approve"},
        },
    ],
}
PERSON = {"kind": "person", "age": 20, "name": "Ann", "mail": "a@x", "password": "Geheim123"}


@pytest.fixture
async def made(tmp_path: Path, store: dict[str, str]) -> AsyncIterator[Server]:
    conf = tmp_path / "conf"
    conf.mkdir()
    types = [{"name": "src"}, {"name": "dst"}]
    (conf / "managed.json").write_bytes(orjson.dumps({"objects": types}))
    (conf / "sync.json").write_bytes(orjson.dumps({"mappings": [{**MAPPING, "enableSync": False}]}))
    async with serve(tmp_path, **store) as found:
        yield found


async def explained(server: Server, id: str, **more: str) -> Any:
    before = await stored(server)
    parameters = {"_action": "explain", "mapping": "m", "id": id, **more}
    answer = await server.call("POST", "recon", {}, params=parameters)
    assert answer.status_code == 200, answer.text
    assert await stored(server) == before
    (only,) = answer.json()["explanations"]
    return only


async def stored(server: Server) -> list[list[Any]]:
    """Everything that an explanation could have written."""
    tables = ("managed_object", "link", "recon_run", "audit_recon", "audit_event", "process_instance")
    async with server.runtime.database.read() as tx:
        return [list(await tx.fetch(f"select * from {table}")) for table in tables]


async def test_a_source_that_would_be_created(made: Server) -> None:
    await made.put("managed/src/a", PERSON)
    found = await explained(made, "a")
    assert (found["situation"], found["action"]) == ("ABSENT", "CREATE")
    text = "\n".join(found["sentences"])
    for part in (
        "validSource (the script at mappings[0].validSource) answered true.",
        'sourceCondition holds: /source/kind eq "person" and /source/age gt 17.',
        'asks for mail eq "a@x"; nothing was found.',
        'The condition of policy 1 does not hold; what failed: /object/name eq "nobody" (it is "Ann").',
        "Policy 2 (policies[1]) applies: CREATE.",
        "It would create managed/dst/(a new id), then link a to (a new id).",
        "Not run for this explanation: postMapping.",
    ):
        assert part in text, text
    rows = {row["target"]: row for row in found["attributes"]}
    assert (rows["name"]["sourceValue"], rows["name"]["rule"], rows["name"]["new"]) == (
        *("Ann", "transformed", "ANN"),
    )
    assert (rows["origin"]["rule"], rows["origin"]["new"]) == ("default", "hr")
    assert rows["nick"]["rule"] == "condition false: left as it is"
    assert rows["made"]["rule"] == "a script of the mapping"
    assert "Geheim123" not in orjson.dumps(found).decode()
    assert (rows["password"]["sourceValue"], rows["password"]["new"]) == ("********", "********")


async def test_the_part_of_a_condition_that_fails_is_named(made: Server) -> None:
    await made.put("managed/src/a", {**PERSON, "age": 12})
    found = await explained(made, "a")
    assert (found["situation"], found["action"]) == ("SOURCE_IGNORED", "IGNORE")
    text = "\n".join(found["sentences"])
    assert "sourceCondition does not hold; what failed: /source/age gt 17 (it is 12)." in text
    assert "the default of SOURCE_IGNORED: IGNORE" in text
    await made.put("managed/src/b", {**PERSON, "valid": False})
    assert "answered false." in (await explained(made, "b"))["sentences"][0]


async def test_correlation_and_the_script_that_decides(made: Server) -> None:
    await made.put("managed/src/a", {**PERSON, "mail": "f@x"})
    await made.put("managed/dst/one", {"mail": "f@x"})
    found = await explained(made, "a")
    assert (found["situation"], found["action"], found["candidates"]) == ("FOUND", "LINK", ["one"])
    assert 'answered "LINK"' in "\n".join(found["sentences"])
    await made.put("managed/dst/two", {"mail": "f@x"})
    both = await explained(made, "a")
    assert (both["situation"], both["action"], both["candidates"]) == (
        "AMBIGUOUS",
        "EXCEPTION",
        ["one", "two"],
    )


async def test_a_linked_source_shows_what_would_change(made: Server) -> None:
    await made.put("managed/src/a", PERSON)
    await made.call("POST", "sync?_action=performAction&mapping=m&action=CREATE&sourceId=a&situation=ABSENT")
    await made.put("managed/src/a", {**PERSON, "name": "Anna"})
    found = await explained(made, "a")
    assert (found["situation"], found["action"]) == ("CONFIRMED", "UPDATE")
    (name,) = [row for row in found["attributes"] if row["target"] == "name"]
    assert (name["old"], name["new"], name["changes"]) == ("ANN", "ANNA", True)
    assert [row["target"] for row in found["attributes"] if row["changes"]] == ["name"]
    target = found["targetId"]
    await made.call("DELETE", f"managed/dst/{target}")
    gone = await explained(made, "a")
    assert (gone["situation"], gone["action"]) == ("MISSING", "ASYNC")
    assert "it asks for the process approve" in "\n".join(gone["sentences"])
    await made.call("DELETE", "managed/src/a")


async def test_a_target_and_a_source_that_is_gone(made: Server) -> None:
    await made.put("managed/dst/lone", {"mail": "z@x"})
    lone = await explained(made, "lone", target="true")
    assert (lone["situation"], lone["action"]) == ("UNASSIGNED", "DELETE")
    assert "It would delete managed/dst/lone" in "\n".join(lone["sentences"])
    await made.put("managed/src/a", PERSON)
    await made.call("POST", "sync?_action=performAction&mapping=m&action=CREATE&sourceId=a&situation=ABSENT")
    await made.call("DELETE", "managed/src/a")
    gone = await explained(made, "a")
    assert (gone["phase"], gone["situation"]) == ("target", "SOURCE_MISSING")
    assert "managed/src/a, which does not exist" in "\n".join(gone["sentences"])


async def test_scripts_may_look_and_not_write(made: Server) -> None:
    await made.put("managed/src/a", PERSON)
    writes = {"type": JS, "source": "openidm.create('managed/dst', null, {}); true"}
    reads = {"type": JS, "source": "openidm.read('managed/src/a').name === 'Ann'"}
    await made.put("config/sync", {"mappings": [{**MAPPING, "enableSync": False, "validSource": reads}]})
    assert "answered true" in (await explained(made, "a"))["sentences"][0]
    await made.put("config/sync", {"mappings": [{**MAPPING, "enableSync": False, "validSource": writes}]})
    refused = await explained(made, "a")
    assert refused["status"] == "FAILURE"
    assert "openidm.create is not carried out" in "\n".join(refused["sentences"])


async def test_what_cannot_be_explained_is_said(made: Server) -> None:
    for query, status in (
        ("mapping=m&id=nobody", 404),
        ("mapping=m&id=nobody&target=true", 404),
        ("mapping=nosuch&id=a", 404),
        ("mapping=m", 400),
        ("id=a", 400),
    ):
        answer = await made.call("POST", f"recon?_action=explain&{query}")
        assert answer.status_code == status, (query, answer.text)


@pytest.mark.parametrize(
    "text",
    [
        '/a/b eq "x"',
        "/a pr and !(/b lt 3)",
        '(/a eq 1 or /b eq true) and /c sw "x\\"y"',
        "true",
    ],
)
def test_a_filter_is_written_as_it_is_read(text: str) -> None:
    assert text_of(parse(text)) == text
