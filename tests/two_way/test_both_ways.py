"""A whole run, both ways, over a CSV file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.two_way.world import World, configuration, world


@pytest.fixture
async def hr(tmp_path: Path, store: dict[str, str]) -> AsyncIterator[World]:
    async with world(tmp_path, **store) as made:
        yield made


BOTH_WAYS = {
    "IDM_DELETED__SYS_EXISTS": {"response": "DELETE_FROM_RES"},
    "IDM_EXISTS__SYS_EXISTS": {"response": "UPDATE_RES_FROM_IDM"},
    "IDM_EXISTS__SYS_NOT_EXISTS": {"response": "ADD_TO_RES"},
    "SYS_EXISTS__IDM_NOT_EXISTS": {"response": "ADD_TO_IDM"},
}


async def test_each_side_gets_what_only_the_other_has_and_a_second_run_has_nothing_to_do(hr: World) -> None:
    hr.write(
        {"uid": "1", "login": "ann", "mail": "ann@example.com", "city": "Graz"},
        {"uid": "2", "login": "bob", "mail": "old@example.com", "city": "Wien"},
    )
    await hr.add(name="bob", mail="bob@example.com", city="Wien", accountStatus="active")
    await hr.add(name="cid", mail="cid@example.com", accountStatus="active")
    await hr.add(name="dan", mail="dan@example.com", accountStatus="deleted")
    await hr.configure(configuration(situations=BOTH_WAYS))

    run = await hr.run()

    assert run["status"] == "FINISHED", run
    objects, records = await hr.objects(), hr.records()
    assert objects["ann"]["mail"] == "ann@example.com"
    assert records["bob"]["mail"] == "bob@example.com"
    assert records["cid"] == {"uid": "cid", "login": "cid", "mail": "cid@example.com"}
    assert "dan" not in records
    told = {
        row["principal"]: (row["situation"], row["response"], row["status"]) for row in await hr.results(run)
    }
    assert told == {
        "ann": ("SYS_EXISTS__IDM_NOT_EXISTS", "ADD_TO_IDM", "SUCCESS"),
        "bob": ("IDM_EXISTS__SYS_EXISTS", "UPDATE_RES_FROM_IDM", "SUCCESS"),
        "cid": ("IDM_EXISTS__SYS_NOT_EXISTS", "ADD_TO_RES", "SUCCESS"),
    }

    again = await hr.run()
    assert (again["status"], again["message"]) == ("FINISHED", "Nothing to do.")
    assert {row["status"] for row in await hr.results(again)} == {"NOTHING"}
    assert hr.records() == records
