"""Values that cannot be kept or searched for: the entry that has one fails, its page and the run go on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.oracle.answer import Answer
from tests.oracle.conftest import Stage
from tests.oracle.engine import NAME, Engine
from tests.oracle.terms import Json, Launched, script

UNIQUE: Json = {"name": {"type": "string", "policies": [{"policyId": "unique"}]}}
MAPPING: Json = {
    "name": NAME,
    "source": "managed/src",
    "target": "managed/dst",
    "enableSync": False,
    "correlationQuery": script("({_queryFilter: 'x eq \"' + (source.x === 'nul' ? '\\u0000' : '') + '\"'})"),
    "properties": [
        {"source": "name", "target": "name"},
        {
            "source": "x",
            "target": "x",
            "transform": script(
                "if (source === 'throw') { throw {code: 400, message: 'a\\u0000b', detail: {c: '\\u0000'}} }"
                "source === 'nul' ? 'a\\u0000b' : source"
            ),
        },
    ],
}
SOURCES: dict[str, Json] = {
    "s1": {"name": "ada"},
    "too long to be unique": {"name": "b" * 1001},
    "NUL": {"name": "cid", "x": "nul"},
    "not unique": {"name": "ADA"},
    "throws NUL": {"name": "dee", "x": "throw"},
    "s2": {"name": "eve", "x": "fine"},
}
MESSAGES = {
    "too long to be unique": "name is unique and may have at most 1000 characters",
    "NUL": "A text holds the character NUL, which cannot be stored",
    "not unique": "Policy validation failed",
    "throws NUL": "Transformation script error :  ab for attribute 'x'",
}


@pytest.fixture
def unique_names(stage: Stage) -> Iterator[None]:
    """Targets have unique names, and the mapping is in force."""
    before = stage.project.documents["managed"]
    target = {"name": "dst", "schema": {"type": "object", "properties": UNIQUE}}
    stage.project.put("managed", {"objects": [{"name": "src"}, target, {"name": "other"}]})
    stage.project.put("sync", {"mappings": [MAPPING]})
    yield
    stage.project.put("managed", dict(before))


async def reconcile(engine: Engine) -> tuple[Answer, dict[str, Json]]:
    await engine.begin(SOURCES, {}, {})
    answer = await engine.run(Launched())
    targets, _ = await engine.state()
    return answer, targets


def check(answer: Answer, targets: dict[str, Json]) -> None:
    failed = {entry["source"]: entry["message"] for entry in answer.entries if entry["status"] == "FAILURE"}
    assert answer.state == "SUCCESS"
    assert failed == MESSAGES
    assert sorted(target["name"] for target in targets.values()) == ["ada", "eve"]


@pytest.mark.parametrize("size", [1, 1000])
def test_only_the_entry_fails(stage: Stage, unique_names: None, size: int) -> None:
    (engine,) = stage.engines(size)
    check(*stage.wait(reconcile(engine)))
