"""What others do between the death of a worker and the return of its run."""

from __future__ import annotations

from contextlib import suppress

import pytest

from flows.call import SYSTEM, now_ms
from flows.launch import Launch, launch
from flows.reconcile import execute_run
from flows.shell import EmbeddedShell, Interrupted
from flows.store import runs
from flows.store.run_rows import RunRow
from tests.oracle.conftest import Stage
from tests.oracle.engine import FAR, NAME, Engine, Stop, StoppingShell
from tests.oracle.terms import Mapping, Policy, Property

SOURCES = {f"s{number}": {"mail": f"m{number}"} for number in range(6)}
MAPPING = Mapping(properties=(Property("_id", "_id"),), policies=(Policy("UNASSIGNED", "DELETE"),))


async def begin(engine: Engine, steps: int) -> str:
    """A run whose worker dies after so many steps."""
    row = await launch(engine.runtime.call(SYSTEM), Launch(NAME))
    with suppress(Interrupted):
        await carry_on(engine, row.id, StoppingShell(Stop([steps])))
    return row.id


async def carry_on(engine: Engine, run_id: str, shell: EmbeddedShell) -> RunRow:
    async with engine.runtime.database.write() as tx:
        await runs.release_owner(tx, "worker")
        claimed = await runs.claim(tx, run_id, "worker", now_ms(), FAR)
    assert claimed is not None
    await execute_run(engine.runtime, run_id, "worker", claimed.token, shell)
    async with engine.runtime.database.read() as tx:
        row = await runs.read(tx, run_id)
    assert row is not None
    return row


@pytest.mark.parametrize("gone", ["s0", "s1", "s4"])
def test_a_source_that_is_deleted_meanwhile_makes_none_count_twice_and_none_left_out(
    stage: Stage, gone: str
) -> None:
    (engine,) = stage.engines(2)
    engine.configure(MAPPING)

    async def story() -> None:
        await engine.begin(SOURCES, {}, {})
        run_id = await begin(engine, 3)  # the start, the target query and one page
        await engine.write("src", {gone: None})
        row = await carry_on(engine, run_id, EmbeddedShell())
        made, _ = await engine.state()
        assert row.state == "SUCCESS"
        assert made.keys() == SOURCES.keys() - ({gone} if gone == "s4" else set())
        assert row.statistics["source"][0] == len(made)

    stage.wait(story())


def test_a_target_that_is_made_meanwhile_is_not_taken_for_one_that_the_run_should_visit(stage: Stage) -> None:
    (engine,) = stage.engines(2)
    engine.configure(MAPPING)

    async def story() -> None:
        await engine.begin(SOURCES, {"old": {}}, {})
        run_id = await begin(engine, 4)
        await engine.write("dst", {"by hand": {"mail": "new"}})
        row = await carry_on(engine, run_id, EmbeddedShell())
        targets, _ = await engine.state()
        assert row.state == "SUCCESS"
        assert targets.keys() == {*SOURCES, "by hand"}
        assert row.statistics["target"] == [1, 1]

    stage.wait(story())
