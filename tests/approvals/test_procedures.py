"""Processes of a project's own: loaded, published, and carried out from the top with what is remembered."""

import sys
from pathlib import Path
from typing import Any

import pytest

from approvals import catalogue, decisions, inbox, records
from approvals.requests import Opened
from conf.errors import Forbidden, ReconError
from conf.terms import Action
from flows.approval_lane import lane_of
from flows.approval_loop import drain_intents, reconcile_flow_runs
from flows.call import Caller, Runtime
from flows.flow_runs import FlowRuns, Phase
from flows.workflow_project import definitions_of, load
from tests.approvals.conftest import SAMPLE, Directory, request_for
from tests.approvals.flow_run_shelf import Shelf
from tests.approvals.invariants import check

TWO_STEPS = """
from flows.process import Approves, FormField, Process, UserTask, process

YES = (FormField("approved", "Approve?", required=True),)

@process(key="twoSteps", name="Two steps", tasks=[
    UserTask("manager", "Manager", assignee="scarter", form=YES, approves=Approves("approved")),
    UserTask("officer", "Officer of ${sourceId}", assignee="officer", form=(
        FormField("decision", "Approve?", required=True), FormField("owner", "Owner"),
    ), approves=Approves("decision", "yes")),
])
async def two_steps(request: Process) -> None:
    first = await request.evaluate("manager")
    LINES.append(f"manager {first.verdict} {first.by}")
    if not first.approved:
        return
    number = await request.step("ticket", ticket)
    LINES.append(f"ticket {number['number']}")
    second = await request.evaluate("officer")
    if second.approved:
        effect = await request.perform_action(source_id=second.form.get("owner"))
        LINES.append(f"applied {effect.applied} {effect.target_id}")

async def ticket() -> dict[str, int]:
    TICKETS.append(1)
    return {"number": len(TICKETS)}

TICKETS: list[int] = []
LINES: list[str] = []
"""
WITH_WORK_FIRST = """
from flows.process import FormField, Process, UserTask, process

@process(key="match", name="Match", runs_first=True, tasks=[UserTask("choose", "Choose", assignee="scarter",
    form=(FormField("target", "Target", required=True),))])
async def match(request: Process) -> None:
    found = await request.step("correlate", candidates)
    while True:
        choice = await request.evaluate("choose")
        if choice.form["target"] in found:
            return

async def candidates() -> list[str]:
    return ["a", "b"]
"""
BROKEN = """
from flows.process import Process, UserTask, process

@process(key="broken", name="Broken", tasks=[UserTask("ask", "Ask", assignee="scarter")])
async def broken(request: Process) -> None:
    await request.evaluate("ask")
    raise ZeroDivisionError("a defect of the project")
"""
GREEDY = """
from flows.process import Process, UserTask, process

@process(key="greedy", name="Greedy", tasks=[UserTask("ask", "Ask", assignee="scarter")])
async def greedy(request: Process) -> None:
    await request.evaluate("ask")
    await request.perform_action()
"""


@pytest.fixture(params=["embedded", "flow runs"])
def prefect(request: pytest.FixtureRequest, runtime: Runtime) -> FlowRuns | None:
    lane_of(runtime).inspect_ms = 0
    return Shelf() if request.param == "flow runs" else None


def write(runtime: Runtime, name: str, text: str) -> None:
    (runtime.project.root / "workflow" / f"{name}.py").write_text(text)


async def opened(runtime: Runtime, key: str, **changes: str) -> Opened:
    await definitions_of(runtime)
    async with runtime.database.write() as tx:
        return await inbox.open_one(
            tx, request_for("bjensen", definition_key=key, **changes), runtime.clock()
        )


async def settled(runtime: Runtime, prefect: FlowRuns | None) -> None:
    """Work until nothing is left."""
    while True:
        done = await drain_intents(runtime, prefect, "worker/decisions")
        done += await reconcile_flow_runs(runtime, prefect) if prefect is not None else 0
        if not done:
            break
    async with runtime.database.read() as tx:
        assert await check(tx) == []


async def open_task(runtime: Runtime) -> records.Task | None:
    async with runtime.database.read() as tx:
        rows = await tx.fetch("select seq from task_instance where status = 'OPEN'")
        return await records.task(tx, rows[0][0]) if rows else None


async def answer(runtime: Runtime, prefect: FlowRuns | None, who: str, form: dict[str, str]) -> None:
    task = await open_task(runtime)
    assert task is not None
    async with runtime.database.write() as tx:
        await decisions.complete(tx, task.seq, Caller(who), form, runtime.clock())
    await settled(runtime, prefect)


async def outcome(runtime: Runtime, opening: Opened) -> str | None:
    async with runtime.database.read() as tx:
        return (await records.process(tx, opening.process or 0)).outcome


async def globals_of(runtime: Runtime, key: str) -> dict[str, Any]:
    return vars(sys.modules[(await definitions_of(runtime))[key].procedure.__module__])


async def test_two_decisions_lead_to_one_action(
    runtime: Runtime, directory: Directory, prefect: FlowRuns | None
) -> None:
    write(runtime, "twoSteps", TWO_STEPS)
    opening = await opened(runtime, "twoSteps")
    await settled(runtime, prefect)
    await answer(runtime, prefect, "scarter", {"approved": "true"})
    second = await open_task(runtime)
    assert second is not None
    assert (second.task_key, second.name, second.assignee) == ("officer", "Officer of bjensen", "officer")
    assert directory.calls == []
    await answer(runtime, prefect, "officer", {"decision": "yes", "owner": "scarter"})
    assert [(name, action) for name, action, _ in directory.calls] == [("scarter", Action.CREATE)]
    assert await outcome(runtime, opening) == "approved"
    lines = (await globals_of(runtime, "twoSteps"))["LINES"]
    assert lines[-3:] == ["manager approved scarter", "ticket 1", "applied True scarter"]
    assert len((await globals_of(runtime, "twoSteps"))["TICKETS"]) == 1


@pytest.mark.parametrize(
    "forms",
    [
        [("scarter", {"approved": "false"})],
        [("scarter", {"approved": "true"}), ("officer", {"decision": "no"})],
    ],
    ids=["by the first", "by the second"],
)
async def test_a_rejection_by_either_ends_it(
    runtime: Runtime, directory: Directory, prefect: FlowRuns | None, forms: list[tuple[str, dict[str, str]]]
) -> None:
    write(runtime, "twoSteps", TWO_STEPS)
    opening = await opened(runtime, "twoSteps")
    await settled(runtime, prefect)
    for who, form in forms:
        await answer(runtime, prefect, who, form)
    assert directory.calls == []
    assert await open_task(runtime) is None
    assert await outcome(runtime, opening) == "rejected"
    if isinstance(prefect, Shelf):
        assert {run.phase for run in prefect.runs.values()} == {Phase.ENDED}


async def test_a_second_task_is_shown_by_the_same_run(runtime: Runtime) -> None:
    lane_of(runtime).inspect_ms = 0
    shelf = Shelf()
    write(runtime, "twoSteps", TWO_STEPS)
    await opened(runtime, "twoSteps")
    await settled(runtime, shelf)
    await answer(runtime, shelf, "scarter", {"approved": "true"})
    assert shelf.named(Phase.SUSPENDED) == ["Manager: bjensen"]
    assert len(shelf.runs) == 1


async def test_a_refused_action_asks_its_last_question_again(
    runtime: Runtime, directory: Directory, prefect: FlowRuns | None
) -> None:
    directory.refusals["bjensen"] = Forbidden("Policy validation failed")
    write(runtime, "twoSteps", TWO_STEPS)
    opening = await opened(runtime, "twoSteps")
    await settled(runtime, prefect)
    await answer(runtime, prefect, "scarter", {"approved": "true"})
    await answer(runtime, prefect, "officer", {"decision": "yes"})
    asked_again = await open_task(runtime)
    assert asked_again is not None
    assert (asked_again.task_key, asked_again.description) == (
        "officer",
        "Asked again: Policy validation failed",
    )
    directory.refusals.clear()
    await answer(runtime, prefect, "officer", {"decision": "yes"})
    assert await outcome(runtime, opening) == "approved"
    assert len((await globals_of(runtime, "twoSteps"))["TICKETS"]) == 1


async def test_a_procedure_with_work_before_its_first_task(
    runtime: Runtime, prefect: FlowRuns | None
) -> None:
    write(runtime, "match", WITH_WORK_FIRST)
    opening = await opened(runtime, "match")
    assert opening.task is None
    await settled(runtime, prefect)
    await answer(runtime, prefect, "scarter", {"target": "none of them"})
    # asked in a loop, it asks again
    await answer(runtime, prefect, "scarter", {"target": "b"})
    assert await open_task(runtime) is None
    assert await outcome(runtime, opening) == "completed"
    async with runtime.database.read() as tx:
        assert len(await records.tasks_of(tx, [opening.process or 0])) == 2


async def test_a_defect_of_a_procedure_is_tried_again_later_and_hurts_nobody(
    runtime: Runtime, prefect: FlowRuns | None, caplog: pytest.LogCaptureFixture
) -> None:
    write(runtime, "broken", BROKEN)
    opening = await opened(runtime, "broken")
    await settled(runtime, prefect)
    await answer(runtime, prefect, "scarter", {})
    assert await outcome(runtime, opening) is None
    assert "a defect of the project" in caplog.text
    assert lane_of(runtime).retry_at[opening.process or 0] > runtime.clock()


async def test_nothing_is_performed_that_nobody_approved(
    runtime: Runtime, directory: Directory, prefect: FlowRuns | None, caplog: pytest.LogCaptureFixture
) -> None:
    write(runtime, "greedy", GREEDY)
    await opened(runtime, "greedy")
    await settled(runtime, prefect)
    await answer(runtime, prefect, "scarter", {})
    assert directory.calls == []
    assert "nothing was approved" in caplog.text


def test_the_sample_is_loaded() -> None:
    loaded = load(SAMPLE / "workflow")
    assert (list(loaded.definitions), loaded.problems) == (["managedUserApproval"], ())
    declared = loaded.definitions["managedUserApproval"].declaration
    assert (declared.resource, declared.decides_only) == ("managedUserApproval.py", True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("x = (", "wrong.py:1: SyntaxError", id="syntax"),
        pytest.param("import nosuch_module", "wrong.py:1: ModuleNotFoundError", id="import"),
        pytest.param("\nraise ValueError('no')", "wrong.py:2: ValueError: no", id="an error when it is run"),
        pytest.param("x = 1", "no process is defined here", id="no process"),
        pytest.param(
            "from flows.process import process\n@process(key='x', name='X')\nasync def x(r): ...",
            "process 'x': it has no task",
            id="a wrong declaration",
        ),
        pytest.param(
            "from flows.process import process\n@process(key='x', name='X', runs_first=True)\ndef x(r): ...",
            "must be an async function",
            id="not async",
        ),
    ],
)
def test_a_wrong_file_is_named_with_its_line_and_the_others_count(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "wrong.py").write_text(text)
    (tmp_path / "right.py").write_text(BROKEN)
    loaded = load(tmp_path)
    assert list(loaded.definitions) == ["broken"]
    (problem,) = loaded.problems
    assert message in problem.message
    assert "wrong.py" in problem.message


def test_two_files_cannot_define_the_same_process(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.py").write_text(BROKEN)
    (problem,) = load(tmp_path).problems
    assert "process 'broken' is defined twice" in problem.message


async def test_files_are_loaded_again_when_they_change(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    write(runtime, "broken", BROKEN)
    assert set(await definitions_of(runtime)) == {"managedUserApproval", "broken"}
    write(runtime, "broken", BROKEN.replace('name="Broken"', 'name="Broken, longer"'))
    await definitions_of(runtime)
    async with runtime.database.read() as tx:
        assert (await catalogue.latest_of(tx, "broken")).version == 2
    # a file that cannot be read for now leaves its process in force
    write(runtime, "broken", "x = (")
    assert "broken" in await definitions_of(runtime)
    async with runtime.database.read() as tx:
        await catalogue.latest_of(tx, "broken")
    (runtime.project.root / "workflow" / "broken.py").unlink()
    assert "broken" not in await definitions_of(runtime)
    async with runtime.database.read() as tx:
        with pytest.raises(ReconError, match="No process is deployed with key 'broken'"):
            await catalogue.latest_of(tx, "broken")
    assert "cannot be loaded" in caplog.text
