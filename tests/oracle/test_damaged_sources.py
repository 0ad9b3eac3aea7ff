"""A CSV source with damaged rows, in both lanes, all page sizes, and with workers that die on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle.answer import Answer
from tests.oracle.conftest import Stage
from tests.oracle.engine import NAME, Engine
from tests.oracle.terms import Json, Launched

PROPERTIES: Json = {"account": {"properties": {"mail": {"type": "string"}}}}
SOUND = ["u1,m1", "u2,m2,one too many", "u3,m3", "u1,a second row", "u4,m4", "u5,m5"]
ACCOUNTS = {f"t{number}": {"mail": "old"} for number in (1, 2, 3, 4, 9)}
LINKS = {("default", f"u{number}"): f"t{number}" for number in (1, 2, 3, 4, 9)}


@pytest.fixture
def people(stage: Stage) -> Iterator[Path]:
    """The file; its connector is in force."""
    path = stage.project.root / "people.csv"
    document = {
        "connectorRef": {"connectorName": "org.forgerock.openicf.csvfile.CSVFileConnector"},
        "configurationProperties": {"csvFile": str(path), "headerUid": "uid"},
        "objectTypes": PROPERTIES,
    }
    stage.project.put("provisioner.openicf/people", document)
    yield path
    stage.project.remove("provisioner.openicf/people")


def configure(stage: Stage, *, sequential: bool) -> None:
    mapping: Json = {
        "name": NAME,
        "source": "system/people/account",
        "target": "managed/dst",
        "properties": [{"source": "_id", "target": "uid"}, {"source": "mail", "target": "mail"}],
        "policies": [{"situation": "SOURCE_MISSING", "action": "DELETE"}],
    }
    behind = {"name": "behind", "source": "managed/dst", "target": "managed/other", "enableSync": sequential}
    stage.project.put("sync", {"mappings": [mapping, behind]})
    assert not stage.project.mapping(NAME).problems


async def reconcile(engine: Engine, kills: list[int]) -> tuple[Answer, dict[str, Json]]:
    await engine.begin({}, ACCOUNTS, LINKS)
    answer = await engine.run(Launched(), kills=kills)
    targets, _ = await engine.state()
    return answer, targets


def found(answer: Answer, id: str | None) -> list[tuple[str | None, str]]:
    """Situation and status of the entries of a source."""
    return [(entry["situation"], entry["status"]) for entry in answer.entries if entry["source"] == id]


CASES = [
    pytest.param(sequential, size, kills, id=f"{'sequential' if sequential else 'set'}-{size}-{len(kills)}")
    for sequential in (False, True)
    for size in (1, 2, 1000)
    for kills in ([], [2] * 12)
]


@pytest.mark.parametrize(("sequential", "size", "kills"), CASES)
def test_a_damaged_row_fails_and_its_target_is_left_alone(
    stage: Stage, people: Path, *, sequential: bool, size: int, kills: list[int]
) -> None:
    people.write_text("\n".join(["uid,mail", *SOUND]) + "\n")
    configure(stage, sequential=sequential)
    (engine,) = stage.engines(size)
    answer, targets = stage.wait(reconcile(engine, kills))
    assert answer.state == "SUCCESS"
    assert found(answer, "u1") == [("CONFIRMED", "SUCCESS"), (None, "FAILURE")]
    assert found(answer, "u2") == [(None, "FAILURE")]
    assert [found(answer, id) for id in ("u3", "u4")] == [[("CONFIRMED", "SUCCESS")]] * 2
    assert found(answer, "u5") == [("ABSENT", "SUCCESS")]
    assert found(answer, "u9") == [("SOURCE_MISSING", "SUCCESS")]
    assert len(answer.entries) == 7
    assert targets.keys() == {"t1", "t2", "t3", "t4", "new1"}
    assert targets["t1"] == {"uid": "u1", "mail": "m1"}
    assert targets["t2"] == {"mail": "old"}
    assert dict(answer.statuses) == {"SUCCESS": 5, "FAILURE": 2}
    assert answer.source == (4, "6")
    assert answer.target == (4, "5")


@pytest.mark.parametrize(("sequential", "size", "kills"), CASES)
def test_a_row_without_a_readable_id_keeps_every_target(
    stage: Stage, people: Path, *, sequential: bool, size: int, kills: list[int]
) -> None:
    people.write_text("\n".join(["uid,mail", ",nobody", *SOUND]) + "\n")
    configure(stage, sequential=sequential)
    (engine,) = stage.engines(size)
    answer, targets = stage.wait(reconcile(engine, kills))
    assert answer.state == "SUCCESS"
    assert found(answer, None) == [(None, "FAILURE")]
    assert found(answer, "u9") == []
    assert targets.keys() == {*ACCOUNTS, "new1"}
    assert answer.source == (4, "7")
