"""What a real Prefect server shows of runs and schedules, and what it does not decide."""

# Prefect is imported inside the tests, once the fixture has set its environment
# ruff: noqa: PLC0415

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from api.ports import free_port
from conf.terms import RunState
from flows.call import Runtime
from flows.launch import Launch, cancel, launch
from flows.runtime import running
from flows.store import runs
from flows.store import schedules as store
from flows.store.run_rows import RunRow
from flows.worker import work
from tests.worker.conftest import MAPPING, Make, read_run, user_names, write_people
from tests.worker.test_worker import until_page

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import Artifact, FlowRun, TaskRun

pytestmark = [
    pytest.mark.prefect,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("tidy"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SECONDS = 100


@asynccontextmanager
async def connection(api: str) -> AsyncIterator[PrefectClient]:
    from flows.prefect_client import connected, server_at

    with server_at(api):
        async with connected() as client:
            yield client


@asynccontextmanager
async def at_work(runtime: Runtime) -> AsyncIterator[None]:
    """A worker beside the test."""
    stop = asyncio.Event()
    worker = asyncio.create_task(work(runtime.settings, stop=stop))
    try:
        yield
    finally:
        stop.set()
        await worker


async def until(condition: Callable[[], Any]) -> Any:
    """What the condition answers, once that is something."""
    async with asyncio.timeout(SECONDS):
        while not (found := await condition()):
            await asyncio.sleep(0.1)
        return found


async def ended(runtime: Runtime, run_id: str) -> RunRow:
    async def now() -> RunRow | None:
        run = await read_run(runtime, run_id)
        return run if run.ended else None

    found: RunRow = await until(now)
    return found


async def flow_run_of(client: PrefectClient, runtime: Runtime, run_id: str, *, final: bool = True) -> FlowRun:
    """The flow run that shows a run, once it is final."""

    async def now() -> FlowRun | None:
        if (known := (await read_run(runtime, run_id)).flow_run_id) is None:
            return None
        found = await client.read_flow_run(UUID(known))
        return found if not final or (found.state and found.state.is_final()) else None

    shown: FlowRun = await until(now)
    return shown


async def tasks_of(client: PrefectClient, flow_run: FlowRun) -> list[TaskRun]:
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    only = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id]))
    return await client.read_task_runs(flow_run_filter=only)


async def artifacts_of(client: PrefectClient, flow_run: FlowRun) -> list[Artifact]:
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run.id]))
    return await client.read_artifacts(artifact_filter=only)


async def launched(runtime: Runtime) -> RunRow:
    return await launch(runtime.call(), Launch(MAPPING))


async def run_in_prefect(runtime: Runtime, client: PrefectClient) -> tuple[RunRow, FlowRun]:
    """A run that has ended, and its flow run; again where the server did not answer just then, so that it went without."""
    for _ in range(3):
        run = await ended(runtime, (await launched(runtime)).id)
        shown = await flow_run_of(client, runtime, run.id)
        if shown.state is not None and "away" not in (shown.state.message or ""):
            return run, shown
    raise AssertionError("the server was away for three runs")


async def test_a_run_is_shown_by_mapping_with_its_phases_and_its_result(make: Make, prefect_api: str) -> None:
    settings = make(people=5, page_size=2, executor="prefect", prefect_api=prefect_api)
    async with running(settings) as runtime, connection(prefect_api) as client, at_work(runtime):
        run, shown = await run_in_prefect(runtime, client)
        assert (run.state, run.reason) == (RunState.SUCCESS, None)
        assert shown.state is not None
        assert shown.state.is_completed()
        assert shown.name.startswith(MAPPING)
        assert shown.parameters == {"run_id": run.id}
        deployment = await client.read_deployment_by_name(f"recon/{MAPPING}")
        assert shown.deployment_id == deployment.id

        async def all_tasks() -> set[str]:
            # task runs are told to the server in the background
            names = {
                task.name
                for task in await tasks_of(client, shown)
                if task.state and task.state.is_completed()
            }
            return names if "results" in names else set()

        names = await until(all_tasks)
        assert {"query", "source phase, page 1", "source phase, page 3", "link clean-up", "results"} <= names
        kinds = {artifact.type for artifact in await artifacts_of(client, shown)}
        assert kinds == {"progress", "markdown"}


@pytest.mark.long
async def test_failed_and_cancelled_runs_say_why(make: Make, prefect_api: str) -> None:
    settings = make(people=60, page_size=1, executor="prefect", prefect_api=prefect_api)
    async with running(settings) as runtime, connection(prefect_api) as client, at_work(runtime):
        run = await launched(runtime)
        await until_page(runtime, run.id)
        await cancel(runtime.call(), run.id)
        shown = await flow_run_of(client, runtime, run.id)
        assert shown.state is not None
        assert shown.state.is_cancelled()
        write_people(runtime.project.root, 0)
        run = await ended(runtime, (await launched(runtime)).id)
        assert run.state is RunState.FAILED
        shown = await flow_run_of(client, runtime, run.id)
        assert shown.state is not None
        assert shown.state.is_failed()
        assert shown.state.message == run.reason


@pytest.mark.long
async def test_a_run_left_by_a_stopped_worker_goes_on_in_the_same_flow_run(
    make: Make, prefect_api: str
) -> None:
    settings = make(people=60, page_size=1, executor="prefect", prefect_api=prefect_api)
    async with running(settings) as runtime, connection(prefect_api) as client:
        async with at_work(runtime):
            run = await launched(runtime)
            await until_page(runtime, run.id)
        left = await flow_run_of(client, runtime, run.id, final=False)
        assert left.state is not None
        assert left.state.is_scheduled()
        async with at_work(runtime):
            run = await ended(runtime, run.id)
            assert run.state is RunState.SUCCESS
            assert (await flow_run_of(client, runtime, run.id)).id == left.id
        assert len(await user_names(runtime)) == 60


@pytest.mark.long
async def test_without_prefect_a_run_goes_on_and_is_shown_later(make: Make, prefect_api: str) -> None:
    away = f"http://127.0.0.1:{free_port(0)}/api"
    settings = make(people=3, executor="prefect", prefect_api=away)
    async with running(settings) as runtime, at_work(runtime):
        run = await ended(runtime, (await launched(runtime)).id)
        assert run.state is RunState.SUCCESS
        assert run.flow_run_id is None
    settings = settings.model_copy(update={"prefect_api": prefect_api})
    async with running(settings) as runtime, connection(prefect_api) as client, at_work(runtime):
        shown = await flow_run_of(client, runtime, run.id)
        assert shown.state is not None
        assert shown.state.is_completed()
        assert "away" in (shown.state.message or "")


@pytest.mark.long
async def test_a_due_schedule_of_the_folder_reconciles(make: Make, prefect_api: str) -> None:
    settings = make(executor="prefect", prefect_api=prefect_api)
    schedule = settings.project / "conf" / "schedule-nightly.json"
    change(schedule, enabled=True, schedule="0/5 * * * * ?")
    async with running(settings) as runtime, connection(prefect_api) as client:
        async with at_work(runtime):

            async def scheduled_run() -> RunRow | None:
                async with runtime.database.read() as tx:
                    found = await runs.list_all(tx)
                return found[0] if found and found[0].ended else None

            run: RunRow = await until(scheduled_run)
            assert run.state is RunState.SUCCESS
            assert run.trigger == "schedule:nightly"
            assert run.user_id.startswith("Scheduled nightly-")
            assert len(await user_names(runtime)) == 3
            shown = await flow_run_of(client, runtime, run.id)
            assert shown.auto_scheduled
            assert shown.state is not None
            assert shown.state.is_completed()
            change(schedule, enabled=False)
            deployment = await client.read_deployment_by_name(f"recon/{MAPPING}")

            async def no_schedule() -> bool:
                return await client.read_deployment_schedules(deployment.id) == []

            await until(no_schedule)
        async with runtime.database.read() as tx:
            slots = await store.slots(tx, "nightly")
        assert len({slot.slot_at for slot in slots}) == len(slots)


@pytest.mark.long
async def test_a_slot_that_cron_cannot_say_is_handed_over_by_itself(make: Make, prefect_api: str) -> None:
    settings = make(executor="prefect", prefect_api=prefect_api)
    soon = datetime.now(UTC) + timedelta(seconds=8)
    # seconds 0 and 7 of the minute are no even step
    quartz = f"{soon.second},{(soon.second + 7) % 60} {soon.minute} * * * ?"
    change(settings.project / "conf" / "schedule-nightly.json", enabled=True, schedule=quartz, timeZone="UTC")
    async with running(settings) as runtime, at_work(runtime):

        async def taken() -> list[store.Slot]:
            async with runtime.database.read() as tx:
                return await store.slots(tx, "nightly")

        (slot, *_) = await until(taken)
        assert slot.outcome == "STARTED"
        assert (slot.slot_at // 1000) % 60 in {soon.second, (soon.second + 7) % 60}


@pytest.mark.long
async def test_prefects_own_buttons_start_nothing_and_deployments_go_with_their_mapping(
    make: Make, prefect_api: str
) -> None:
    from prefect.exceptions import ObjectNotFound

    settings = make(executor="prefect", prefect_api=prefect_api)
    async with running(settings) as runtime, connection(prefect_api) as client, at_work(runtime):
        run = await ended(runtime, (await launched(runtime)).id)
        shown = await flow_run_of(client, runtime, run.id)
        assert shown.deployment_id is not None
        quick = await client.create_flow_run_from_deployment(shown.deployment_id)
        runtime.wake("schedule")

        async def refused() -> bool:
            state = (await client.read_flow_run(quick.id)).state
            return state is not None and state.name == "Refused"

        await until(refused)
        async with runtime.database.read() as tx:
            assert len(await runs.list_all(tx)) == 1
        (settings.project / "conf" / "sync.json").write_text('{"mappings": []}')

        async def gone() -> bool:
            try:
                await client.read_deployment_by_name(f"recon/{MAPPING}")
            except ObjectNotFound:
                return True
            return False

        await until(gone)


def change(file: Path, **members: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **members}))
