"""A migrated database, a process like the sample's, and a runtime whose actions write into that database."""

import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import conf
from approvals import catalogue, inbox
from approvals.definitions import Approves, FieldType, FormField, ProcessDeclaration, UserTask
from approvals.requests import ApprovalRequest, Opened
from conf.database import Database
from conf.errors import ReconError
from conf.settings import Settings
from conf.terms import Action, Situation
from flows.call import Call, Caller, Runtime
from flows.resources.workflow_routes import add_workflow
from flows.router import Router
from flows.runtime import running
from flows.workflow_project import definitions_of
from tests.prefect_server import prefect_api, tidy

__all__ = ["prefect_api", "tidy"]

SAMPLE = Path(conf.__file__).parent / "samples" / "sync-asynchronous"
MAPPING = "systemCsvfileAccounts_managedUser"
NOW = 1_700_000_000_000

ADMIN = Caller("openidm-admin", roles=frozenset({"openidm-admin", "openidm-authorized"}))
APPROVER = Caller("async.admin", roles=frozenset({"openidm-authorized"}))
STRANGER = Caller("bjensen", roles=frozenset({"openidm-authorized"}))

EVALUATE = UserTask(
    "evaluateRequest",
    "Evaluate request",
    assignee="async.admin",
    form=(
        FormField("requesterName", "Requester's name", expression="${sourceId}", writable=False),
        FormField(
            "requestApproved",
            "Do you approve the request?",
            type=FieldType.ENUM,
            values={"true": "Yes", "false": "No"},
            required=True,
        ),
    ),
    approves=Approves("requestApproved"),
)
APPROVAL = ProcessDeclaration(
    "managedUserApproval", "Managed User Approval Workflow", (EVALUATE,), decides_only=True
)
OPEN_TO_MANAGERS = ProcessDeclaration(
    "open",
    "Open to many",
    (
        UserTask(
            "choose",
            "Choose for ${sourceId}",
            candidate_users=("scarter",),
            candidate_groups=("openidm-tasks-manager",),
            form=(FormField("target", "Target", required=True), FormField("comment", "Comment")),
        ),
    ),
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A store in which the two processes are published."""
    opened = await Database.open(database_url)
    async with opened.write() as tx:
        await catalogue.publish(tx, [APPROVAL, OPEN_TO_MANAGERS], NOW)
    yield opened
    await opened.close()


def request_for(source_id: str, **changes: Any) -> ApprovalRequest:
    """A request as a run makes it for an ABSENT source."""
    return ApprovalRequest(
        **{
            "definition_key": "managedUserApproval",
            "mapping": MAPPING,
            "object_id": source_id,
            "source_id": source_id,
            "situation": "ABSENT",
            "action": "CREATE",
            "recon_id": "run-1",
            "source_digest": f"digest of {source_id}",
            "start_user": "openidm-admin",
            **changes,
        }
    )


async def opened(database: Database, *requests: ApprovalRequest, now: int = NOW) -> list[Opened]:
    async with database.write() as tx:
        return await inbox.open_many(tx, list(requests), now)


async def count(database: Database, sql: str, *parameters: Any) -> int:
    async with database.read() as tx:
        found: int = (await tx.fetch(f"select count(*) from {sql}", parameters))[0][0]
        return found


@dataclass
class Performed:
    target_id: str | None


@dataclass
class Directory:
    """Carries actions out by writing into the database, as the engine does, and refuses what it is told to."""

    refusals: dict[str, Exception] = field(default_factory=dict)
    calls: list[tuple[str, Action, dict[str, Any]]] = field(default_factory=list)
    after_write: Callable[[], None] = lambda: None

    async def __call__(self, call: Call, mapping_name: str, action: Action, **more: Any) -> Performed:
        assert call.transaction is not None
        name = str(more["source_id"] or more["target_id"])
        self.calls.append((name, action, more))
        situation: Situation | None = more["situation"]
        assert situation is None or isinstance(situation, Situation)
        if name in self.refusals:
            raise self.refusals[name]
        await call.transaction.run(
            "insert into managed_object (type, id, rev, body) values ('managed/user', ?, 1, '{}')", (name,)
        )
        self.after_write()
        return Performed(name)


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
async def runtime(database_url: str, tmp_path: Path, directory: Directory) -> AsyncIterator[Runtime]:
    """The product without its processes' server: the sample's folder, and actions by the directory."""
    project = tmp_path / "project"
    shutil.copytree(SAMPLE, project)
    settings = Settings(
        project=project,
        data=tmp_path / "data",
        database=database_url,
        executor="embedded",
        decision_wait_seconds=2,
    )
    async with running(settings) as opened_runtime:
        opened_runtime.extras["perform_action"] = directory
        yield opened_runtime


def refused(error: ReconError) -> tuple[int, Any]:
    return error.status, error.detail


MORE = """
from flows.process import FormField, Process, UserTask, process

@process(key="open", name="Open to many", tasks=[UserTask(
    "choose", "Choose", candidate_users=("scarter",), candidate_groups=("openidm-tasks-manager",),
    form=(FormField("target", "Target", required=True),))])
async def choose(request: Process) -> None:
    await request.evaluate("choose")
"""


@pytest.fixture
async def router(runtime: Runtime) -> Router:
    (runtime.project.root / "workflow" / "more.py").write_text(MORE)
    await definitions_of(runtime)
    router = Router()
    add_workflow(router)
    return router
