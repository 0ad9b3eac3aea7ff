"""Every response in every situation, for every type, over a CSV file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from conf.reconciliation_terms import Kind, Response, TwoWaySituation
from tests.two_way.world import World, configuration, world

pytestmark = pytest.mark.asyncio(loop_scope="module")

DELETED, BOTH, ONLY_IDM, ONLY_RESOURCE = TwoWaySituation
NAMES = {DELETED: "deleted", BOTH: "both", ONLY_IDM: "idm", ONLY_RESOURCE: "resource"}

Side = tuple[str, str | None] | None
"""City and status; None where there is nothing."""

BEFORE: dict[TwoWaySituation, tuple[Side, Side]] = {
    DELETED: (("I", "deleted"), ("R", "active")),
    BOTH: (("I", "active"), ("R", "active")),
    ONLY_IDM: (("I", "active"), None),
    ONLY_RESOURCE: (None, ("R", "active")),
}
AFTER: dict[Response, dict[TwoWaySituation, tuple[Side, Side]]] = {
    Response.NOTHING: {},
    Response.ADD_TO_IDM: {
        DELETED: (("R", "active"), ("R", "active")),
        ONLY_RESOURCE: (("R", None), ("R", "active")),
    },
    Response.DELETE_FROM_RES: {
        DELETED: (("I", "deleted"), None),
        BOTH: (("I", "active"), None),
        ONLY_RESOURCE: (None, None),
    },
    Response.DISABLE_IN_RES: {
        DELETED: (("I", "deleted"), ("R", "inactive")),
        BOTH: (("I", "active"), ("R", "inactive")),
        ONLY_RESOURCE: (None, ("R", "inactive")),
    },
    Response.DELETE_FROM_IDM: {},
    Response.REMOVE_FROM_IDM: {
        DELETED: (None, ("R", "active")),
        BOTH: (None, ("R", "active")),
        ONLY_IDM: (None, None),
    },
    Response.DISABLE_IN_IDM: {
        DELETED: (("I", "inactive"), ("R", "active")),
        BOTH: (("I", "inactive"), ("R", "active")),
        ONLY_IDM: (("I", "inactive"), None),
    },
    Response.ADD_TO_RES: {ONLY_IDM: (("I", "active"), ("I", None))},
    Response.UPDATE_IDM_FROM_RES: {
        DELETED: (("R", "deleted"), ("R", "active")),
        BOTH: (("R", "active"), ("R", "active")),
    },
    Response.UPDATE_RES_FROM_IDM: {
        DELETED: (("I", "deleted"), ("I", "active")),
        BOTH: (("I", "active"), ("I", "active")),
    },
}
"""What is there afterwards, where it is not what was there before."""


#: the other types go the same way: the long run has them
TYPES = [pytest.param(kind, marks=[] if kind is Kind.USER else [pytest.mark.long]) for kind in Kind]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=TYPES)
async def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, module_store: dict[str, str]
) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("matrix")
    async with world(folder, request.param.value, **module_store) as running:
        yield running


async def start_afresh(made: World) -> None:
    """The four objects, those that can be already linked, as after many a run before."""
    async with made.running.runtime.database.write() as tx:
        await tx.run("delete from managed_object where type = ?", (made.type,))
        await tx.run("delete from link")
    rows = []
    for situation, (idm, record) in BEFORE.items():
        if idm is not None:
            await made.add(name=NAMES[situation], city=idm[0], accountStatus=idm[1])
        if record is not None:
            rows.append(
                {"uid": NAMES[situation], "login": NAMES[situation], "city": "R", "status": record[1]}
            )
    made.write(*rows)


async def sides(made: World, name: str) -> tuple[Side, Side]:
    found, record = (await made.objects()).get(name), made.records().get(name)
    return _side(found, "accountStatus"), _side(record, "status")


def _side(found: dict[str, Any] | None, status: str) -> Side:
    return None if found is None else (found["city"], found.get(status))


@pytest.mark.parametrize("response", list(Response))
async def test_a_response_does_what_it_says_in_each_situation(made: World, response: Response) -> None:
    kind = {each.value.lower(): each for each in Kind}[made.type]
    await check(made, response, configuration(kind.value))


async def check(made: World, response: Response, document: dict[str, Any]) -> None:
    """One response in all four situations."""
    await start_afresh(made)
    every = {str(situation): {"response": str(response)} for situation in TwoWaySituation}
    await made.configure(document)
    await made.run()
    linked = await made.links()
    assert linked == 2

    await made.configure({**document, "situations": every})
    run = await made.run()

    assert run["status"] == "FINISHED", run
    expected = {situation: AFTER[response].get(situation, BEFORE[situation]) for situation in NAMES}
    found = {situation: await sides(made, name) for situation, name in NAMES.items()}
    assert found == expected
    told = {row["situation"]: row["status"] for row in await made.results(run)}
    unlinks = response is Response.DELETE_FROM_IDM
    assert told == {
        str(situation): "SUCCESS"
        if expected[situation] != BEFORE[situation] or (unlinks and situation in (DELETED, BOTH))
        else "NOTHING"
        for situation in NAMES
    }
    if unlinks:
        assert await made.links() == 0

    again = await made.run(allowEmpty=True)
    assert (again["status"], again["message"]) == ("FINISHED", "Nothing to do.")
