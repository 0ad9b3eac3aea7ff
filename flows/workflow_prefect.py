"""The flow runs of processes on a Prefect server: created suspended in bulk, watched, carried out, closed in bulk.

Prefect is given numbers and names, never what is to be written. What it says about a run decides nothing.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import httpx
import orjson
from prefect.client.schemas.actions import LogCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import PrefectHTTPStatusError
from prefect.input.run_input import keyset_from_paused_state
from prefect.states import Scheduled, Suspended, to_state_create

from flows.flow_runs import Driven, Ending, Phase, PrefectAway, Resumption, ShownRun, SuspendedRun
from flows.reachable import status_of
from flows.workflow_flow import answered, as_flow, drive, form_input, shown

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun

    from approvals.definitions import ProcessDeclaration
    from flows.procedure import Work
    from flows.process import ProcessDefinition

TAG: Final = "approval"
"""Tag of every flow run of a process."""
CREATED_AT_ONCE: Final = 100
CLOSED_AT_ONCE: Final = 50
READ_AT_ONCE: Final = 200
CARRY_OUT_SECONDS: Final = 30.0
"""Longest time for a process that only decides; others take as long as their procedure does."""

_STIRRING: Final = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
_LOG = logging.getLogger(__name__)


class PrefectApprovals:
    """The flow runs of processes, by a client of the server in force; belongs to one event loop."""

    def __init__(self, client: PrefectClient) -> None:
        self._client = client
        self._deployments: dict[str, UUID] = {}
        self._flows: dict[int, tuple[ProcessDefinition, Flow[[int], Any]]] = {}

    async def answers(self) -> bool:
        return await status_of(f"{str(self._client.api_url).rstrip('/')}/health") == 200

    def forget(self) -> None:
        """Look everything up again: the server was away, and may have lost its database."""
        self._deployments.clear()

    async def suspend(self, declaration: ProcessDeclaration, runs: Sequence[SuspendedRun]) -> dict[str, str]:
        created: dict[str, str] = {}
        for start in range(0, len(runs), CREATED_AT_ONCE):
            async with answered():
                batch = runs[start : start + CREATED_AT_ONCE]
                found = await self._create(declaration, batch, [_suspended(run.pause_key) for run in batch])
                for run in batch:
                    if run.key in found:
                        await self._ask(run, found[run.key])
                        created[run.key] = found[run.key]
                await self._note(batch, found)
        return created

    async def start(self, declaration: ProcessDeclaration, run: SuspendedRun) -> str:
        async with answered():
            found = await self._create(declaration, [run], [Scheduled()])
            if run.key not in found:
                raise PrefectAway("the flow run was not created")
            return found[run.key]

    async def states(self, ids: Sequence[str]) -> dict[str, ShownRun]:
        found: dict[str, ShownRun] = {}
        for start in range(0, len(ids), READ_AT_ONCE):
            wanted = FlowRunFilterId(any_=[UUID(id) for id in ids[start : start + READ_AT_ONCE]])
            async with answered():
                rows = await self._client.read_flow_runs(
                    flow_run_filter=FlowRunFilter(id=wanted), limit=READ_AT_ONCE
                )
            found |= {str(row.id): _shown_run(row) for row in rows}
        return found

    async def stirring(self) -> list[ShownRun]:
        return await self._read(_STIRRING, 0, READ_AT_ONCE)

    async def suspended(self, offset: int, limit: int) -> list[ShownRun]:
        return await self._read([StateType.PAUSED], offset, min(limit, READ_AT_ONCE))

    async def close(self, ids: Sequence[str], ending: Ending) -> None:
        state = to_state_create(shown(ending)).model_dump(mode="json", exclude_unset=True)
        for start in range(0, len(ids), CLOSED_AT_ONCE):
            async with answered():
                response = await self._client._client.post(
                    "/flow_runs/bulk_set_state",
                    json={
                        # one that has ended by itself stays as it is
                        "flow_runs": {
                            "id": {"any_": ids[start : start + CLOSED_AT_ONCE]},
                            "state": {"type": {"any_": [*_STIRRING, StateType.PAUSED]}},
                        },
                        "state": state,
                        "force": True,
                        "limit": CLOSED_AT_ONCE,
                    },
                )
                refused = [each for each in response.json()["results"] if each["status"] != "ACCEPT"]
            if refused:
                raise PrefectAway(f"{len(refused)} flow runs could not be closed")

    async def carry_out(self, resumption: Resumption, definition: ProcessDefinition, work: Work) -> Driven:
        seconds = CARRY_OUT_SECONDS if definition.declaration.decides_only else None
        failures: list[Exception] = []
        async with answered(seconds):
            driven = await drive(self._client, resumption, self._flow(definition), work, failures)
        if failures:
            raise failures[0]
        return driven

    def _flow(self, definition: ProcessDefinition) -> Flow[[int], Any]:
        known = self._flows.get(id(definition))
        if known is None:
            # the definition is kept, so that its identity is not given to another one
            known = self._flows[id(definition)] = (definition, as_flow(definition))
        return known[1]

    async def _deployment(self, declaration: ProcessDeclaration) -> UUID:
        if declaration.key not in self._deployments:
            flow = await self._client.create_flow_from_name(declaration.key)
            # no work pool: nobody but our worker carries out what was approved
            self._deployments[declaration.key] = await self._client.create_deployment(
                flow,
                "approvals",
                description=f"{declaration.name}: waits for a person, is carried out by `recon worker`",
                tags=[TAG],
                parameter_openapi_schema=_PARAMETERS,
                enforce_parameter_schema=False,
            )
        return self._deployments[declaration.key]

    async def _create(
        self, declaration: ProcessDeclaration, runs: Sequence[SuspendedRun], states: Sequence[State[Any]]
    ) -> dict[str, str]:
        deployment = await self._deployment(declaration)
        response = await self._client._client.post(
            f"/deployments/{deployment}/create_flow_run/bulk",
            json=[_item(run, state) for run, state in zip(runs, states, strict=True)],
        )
        # each run has a result of its own: on SQLite some fail because the server's own services hold the lock
        results = response.json()["results"]
        failed = [result["error"] for result in results if result["status"] != "CREATED"]
        if failed:
            _LOG.info("%d flow runs of processes are to be created again: %s", len(failed), failed[0])
        return {
            run.key: result["flow_run_id"]
            for run, result in zip(runs, results, strict=True)
            if result["status"] == "CREATED"
        }

    async def _ask(self, run: SuspendedRun, flow_run_id: str) -> None:
        """Leave the form beside a suspended run; without it the run refuses to be resumed."""
        if run.pause_key is None or run.task is None:
            return
        key = keyset_from_paused_state(_suspended(run.pause_key))["schema"]
        schema = orjson.dumps(form_input(run.task).model_json_schema()).decode()
        try:
            await self._client.create_flow_run_input(UUID(flow_run_id), key, schema)
        except (httpx.HTTPStatusError, PrefectHTTPStatusError) as error:
            # it is there when the run was created before by a worker that died
            if error.response.status_code != 409:
                raise

    async def _note(self, runs: Sequence[SuspendedRun], created: dict[str, str]) -> None:
        lines = [
            LogCreate(
                name="approvals",
                level=logging.INFO,
                message=run.note,
                timestamp=datetime.now(UTC),
                flow_run_id=UUID(created[run.key]),
            )
            for run in runs
            if run.note and run.key in created
        ]
        if lines:
            await self._client.create_logs(lines)

    async def _read(self, types: list[StateType], offset: int, limit: int) -> list[ShownRun]:
        async with answered():
            rows = await self._client.read_flow_runs(
                flow_run_filter=FlowRunFilter(
                    tags=FlowRunFilterTags(all_=[TAG]),
                    state=FlowRunFilterState(type=FlowRunFilterStateType(any_=types)),
                ),
                sort=FlowRunSort.ID_DESC,
                limit=limit,
                offset=offset,
            )
        return [_shown_run(row) for row in rows]


@asynccontextmanager
async def prefect_approvals() -> AsyncIterator[PrefectApprovals]:
    """The flow runs of processes on the server in force."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - only where a server is used

    async with get_client() as client:
        yield PrefectApprovals(client)


def _suspended(key: str | None) -> State[Any]:
    state: State[Any] = Suspended(pause_key=key or "group")
    if key is not None:
        keyset = keyset_from_paused_state(state)
        state.state_details.run_input_keyset = {str(name): value for name, value in keyset.items()}
    return state


def _item(run: SuspendedRun, state: State[Any]) -> dict[str, Any]:
    return {
        "state": to_state_create(state).model_dump(mode="json"),
        "name": run.name,
        "parameters": dict(run.parameters),
        "idempotency_key": run.key,
        "tags": [TAG, *run.tags],
        # a run that was never running has to look as if it had suspended itself, or it would do so again
        "empirical_policy": {"pause_keys": [run.pause_key] if run.pause_key else []},
    }


def _shown_run(run: FlowRun) -> ShownRun:
    state = run.state
    if state is None:
        return ShownRun(str(run.id), Phase.ENDED, "none", 0)
    if state.is_final():
        phase = Phase.ENDED
    elif state.is_paused():
        phase = Phase.SUSPENDED
    else:
        phase = Phase.RESUMED if state.is_scheduled() else Phase.RUNNING
    return ShownRun(
        str(run.id), phase, state.name or state.type.value, int(state.timestamp.timestamp() * 1000)
    )


_PARAMETERS: Final[dict[str, Any]] = {
    "title": "Parameters",
    "type": "object",
    "properties": {
        "process": {"title": "Process instance", "type": "integer", "position": 0},
        "processes": {"title": "Process instances", "type": "array", "position": 1},
    },
}
