"""Our things on a Prefect server: a work pool, and a deployment for each mapping."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.settings import PREFECT_API_URL, temporary_settings

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

POOL = "recon"
FLOW = "recon"
TAG = "recon"
"""Tag of every deployment and flow run of ours."""
ENTRYPOINT = "flows.prefect_shell.recon"
PAGE = 200
BEAT_SECONDS = 30

_LOG = logging.getLogger(__name__)


@contextmanager
def server_at(api: str) -> Iterator[None]:
    """Within the block, and all that starts in it, Prefect's client talks to this server."""
    with temporary_settings({PREFECT_API_URL: api}):
        yield


@asynccontextmanager
async def connected() -> AsyncIterator[PrefectClient]:
    """A client of the server in force."""
    async with get_client() as client:
        yield client


def slug(text: str) -> str:
    """The text as an artifact key: lower-case letters, digits and dashes, never empty."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def deployment_name(mapping: str) -> str:
    """Name of a mapping's deployment: the mapping's own, where Prefect allows it."""
    plain = re.sub(r"[/%&><]", "-", mapping)
    return plain if plain == mapping else f"{plain}-{hashlib.sha256(mapping.encode()).hexdigest()[:8]}"


class Deployments:
    """Deployments that are known to exist on the server in force."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._known: dict[str, UUID] = {}
        self._flow: UUID | None = None
        self._beaten = float("-inf")

    def forget(self) -> None:
        """Look again next time: the server was away, and may have lost its database."""
        self._known.clear()
        self._flow = None
        self._beaten = float("-inf")

    async def flow(self, client: PrefectClient) -> UUID:
        """Id of the flow of all our runs."""
        if self._flow is None:
            self._flow = await client.create_flow_from_name(FLOW)
        return self._flow

    async def of(self, client: PrefectClient, mapping: str) -> UUID:
        """Id of a mapping's deployment, which is created if need be."""
        if mapping not in self._known:
            self._known[mapping] = await self._find_or_create(client, mapping)
        return self._known[mapping]

    async def _find_or_create(self, client: PrefectClient, mapping: str) -> UUID:
        name = deployment_name(mapping)
        # creating one that exists would delete its schedules and the runs that were missed
        try:
            return (await client.read_deployment_by_name(f"{FLOW}/{name}")).id
        except ObjectNotFound:
            await self._ensure_pool(client)
        return await client.create_deployment(
            await self.flow(client),
            name,
            description=f"Reconciliations of the mapping {mapping}",
            work_pool_name=POOL,
            tags=[TAG, mapping],
            parameter_openapi_schema=PARAMETERS,
            entrypoint=ENTRYPOINT,
            enforce_parameter_schema=False,
        )

    async def all(self, client: PrefectClient) -> list[DeploymentResponse]:
        """Deployments on the server that are ours, one for each mapping."""
        ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
        found: list[DeploymentResponse] = []
        while True:
            page = await client.read_deployments(deployment_filter=ours, limit=PAGE, offset=len(found))
            found += page
            if len(page) < PAGE:
                flow = await self.flow(client)
                return [deployment for deployment in found if deployment.flow_id == flow]

    @staticmethod
    def mapping_of(deployment: DeploymentResponse) -> str:
        """The mapping that a deployment of ours belongs to."""
        return next((tag for tag in deployment.tags if tag != TAG), TAG)

    async def drop(self, client: PrefectClient, deployment: DeploymentResponse) -> None:
        """Delete the deployment of a mapping that is gone; what it did stays."""
        for mapping, known in list(self._known.items()):
            if known == deployment.id:
                del self._known[mapping]
        try:
            await client.delete_deployment(deployment.id)
        except ObjectNotFound:
            return

    async def beat(self, client: PrefectClient) -> None:
        """Let the dashboard show our pool as served, twice a minute."""
        now = asyncio.get_running_loop().time()
        if now - self._beaten < BEAT_SECONDS:
            return
        await self._ensure_pool(client)
        await client.send_worker_heartbeat(POOL, self._worker, heartbeat_interval_seconds=BEAT_SECONDS)
        self._beaten = now

    async def _ensure_pool(self, client: PrefectClient) -> None:
        try:
            await client.read_work_pool(POOL)
        except ObjectNotFound:
            try:
                await client.create_work_pool(
                    WorkPoolCreate(name=POOL, type="process", description="Served by `recon worker`")
                )
            except ObjectAlreadyExists:
                return


PARAMETERS = {
    "title": "Parameters",
    "type": "object",
    "properties": {"run_id": {"title": "run_id", "type": "string", "position": 0}},
    "required": ["run_id"],
}
