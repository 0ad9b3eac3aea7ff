"""The asynchronous sample by the real engine: two people, two tasks, one account for each yes."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conf.errors import Conflict, Forbidden, ReconError
from conf.settings import Settings
from flows.approval_loop import drain_intents
from flows.call import Runtime
from flows.launch import Launch, launch
from flows.reconcile import execute_run
from flows.router import Query
from flows.runtime import running
from flows.shell import EmbeddedShell
from flows.store import runs
from flows.workflow_project import definitions_of
from tests.approvals.conftest import ADMIN, APPROVER, MAPPING, SAMPLE
from tests.approvals.invariants import check
from tests.approvals.resources import working

TASK = "workflow/taskinstance"
YES, NO = {"requestApproved": "true"}, {"requestApproved": "false"}


@pytest.fixture
async def sample(database_url: str, tmp_path: Path) -> AsyncIterator[Runtime]:
    project = tmp_path / "project"
    shutil.copytree(SAMPLE, project)
    settings = Settings(project=project, data=tmp_path / "data", database=database_url, executor="embedded")
    async with running(settings) as runtime:
        await definitions_of(runtime)
        yield runtime


async def reconcile(runtime: Runtime, **overrides: Any) -> str:
    """One run, to its end; answers its id."""
    row = await launch(runtime.call(ADMIN), Launch(MAPPING, overrides=overrides))
    now = runtime.clock()
    async with runtime.database.write() as tx:
        claimed = await runs.claim(tx, row.id, "test", now, now + 60_000)
    assert claimed is not None
    await execute_run(runtime, row.id, "test", claimed.token, EmbeddedShell())
    return row.id


async def found(runtime: Runtime, path: str, filter: str = "true", **query: Any) -> list[dict[str, Any]]:
    return list((await runtime.router.query(runtime.call(ADMIN), path, Query(filter=filter, **query))).result)


async def complete(runtime: Runtime, task: str, form: dict[str, str]) -> Any:
    async with working(runtime):
        return await runtime.router.action(runtime.call(APPROVER), f"{TASK}/{task}", "complete", form, {})


async def tasks(runtime: Runtime) -> dict[str, str]:
    """Source id -> open task."""
    listed = await found(runtime, TASK, fields=("_id", "variables"))
    return {task["variables"]["sourceId"]: task["_id"] for task in listed}


async def situations(runtime: Runtime, run: str) -> dict[str, int]:
    status = await runtime.router.read(runtime.call(ADMIN), f"recon/{run}")
    return {name: count for name, count in status["situationSummary"].items() if count}


async def test_one_is_approved_and_one_rejected(sample: Runtime) -> None:
    run = await reconcile(sample)
    open_tasks = await tasks(sample)
    assert open_tasks.keys() == {"bjensen", "scarter"}
    await reconcile(sample)
    assert await tasks(sample) == open_tasks

    assert await complete(sample, open_tasks["bjensen"], YES) == {"Task action performed": "complete"}
    assert await complete(sample, open_tasks["scarter"], NO) == {"Task action performed": "complete"}
    assert [user["userName"] for user in await found(sample, "managed/user")] == ["bjensen@example.com"]
    assert [link["secondId"] for link in await found(sample, "repo/link")] == ["bjensen"]
    entries = await found(sample, "audit/recon", f'reconId eq "{run}" and entryType eq "entry"')
    assert sorted(entry["action"] for entry in entries) == ["ASYNC", "ASYNC", "CREATE"]
    created = [entry for entry in entries if entry["action"] == "CREATE"]
    assert (created[0]["taskId"], created[0]["approver"]) == (open_tasks["bjensen"], "async.admin")

    again = await reconcile(sample)
    assert await situations(sample, again) == {"CONFIRMED": 1, "ABSENT": 1}
    assert await tasks(sample) == {}
    messages = [entry["message"] for entry in await found(sample, "audit/recon", f'reconId eq "{again}"')]
    assert any("rejected by async.admin on" in (message or "") for message in messages)
    async with sample.database.read() as tx:
        assert await check(tx) == []


async def test_somebody_who_was_created_meanwhile_is_not_created_twice(sample: Runtime) -> None:
    await reconcile(sample)
    task = (await tasks(sample))["bjensen"]
    user = {
        "_id": "other",
        "userName": "bjensen@example.com",
        "sn": "J",
        "givenName": "B",
        "mail": "b@example.com",
    }
    await sample.router.create(sample.call(ADMIN), "managed/user", None, user)
    with pytest.raises(ReconError) as error:
        await complete(sample, task, YES)
    assert isinstance(error.value, Conflict)
    assert len(await found(sample, "managed/user")) == 1
    past = await sample.router.read(sample.call(ADMIN), f"{TASK}/history/{task}")
    assert (past["outcome"], past["effect"]) in (("approved", "stale"), ("approved", "failed"))
    async with sample.database.read() as tx:
        assert await check(tx) == []


async def test_a_source_that_has_gone_ends_the_process(sample: Runtime) -> None:
    await reconcile(sample)
    task = (await tasks(sample))["bjensen"]
    people = sample.project.root / "data" / "csvConnectorData.csv"
    people.write_text("".join(line for line in people.read_text().splitlines(True) if "bjensen" not in line))
    with pytest.raises(Conflict, match="does not exist"):
        await complete(sample, task, YES)
    assert "bjensen" not in await tasks(sample)


async def test_sources_that_another_resource_does_not_list_are_not_gone(sample: Runtime) -> None:
    await reconcile(sample)
    opened = await tasks(sample)
    some = {"type": "text/javascript", "source": "[{_id: 'bjensen'}]"}
    await sample.router.create(sample.call(ADMIN), "config", "endpoint/some", some)
    run = await reconcile(sample, sourceQuery={"resourceName": "endpoint/some", "_queryFilter": "true"})
    assert await situations(sample, run) == {"ABSENT": 1}
    assert await tasks(sample) == opened


async def test_a_policy_that_refuses_asks_again_and_says_why(sample: Runtime) -> None:
    await reconcile(sample)
    task = (await tasks(sample))["bjensen"]
    people = sample.project.root / "data" / "csvConnectorData.csv"
    people.write_text(people.read_text().replace('"Jensen"', '""'))
    with pytest.raises(Forbidden, match="asks again") as error:
        await complete(sample, task, YES)
    assert error.value.detail["failedPolicyRequirements"]
    assert "bjensen" in await tasks(sample)
    assert await found(sample, "managed/user") == []


async def test_twenty_approvals_are_twenty_accounts(sample: Runtime) -> None:
    lines = ["description,uid,username,firstname,lastname,email,mobileTelephoneNumber"]
    lines += [f"x,p{n},p{n}@example.com,First{n},Last{n},p{n}@example.com,{n}" for n in range(20)]
    (sample.project.root / "data" / "csvConnectorData.csv").write_text("\n".join(lines) + "\n")
    await reconcile(sample)
    for task in (await tasks(sample)).values():
        sample.settings = sample.settings.model_copy(update={"decision_wait_seconds": 0})
        await sample.router.action(sample.call(APPROVER), f"{TASK}/{task}", "complete", YES, {})
    while await drain_intents(sample, None, "worker/decisions"):
        pass
    assert len(await found(sample, "managed/user")) == 20
    assert len(await found(sample, "repo/link")) == 20
    async with sample.database.read() as tx:
        assert await check(tx) == []
