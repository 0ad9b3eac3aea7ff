"""Writing a process: what `workflow/NAME.py` of a project folder imports.

A process is an async function that reads like the procedure it is. `evaluate` asks a person and suspends the
Prefect flow run until somebody has decided, however long that takes; then the function runs again from its first
line, and everything that was decided or done before is remembered. The decision itself is a row of ours: what
Prefect is told about it is for people to look at.

    @process(
        key="managedUserApproval",
        name="Managed User Approval Workflow",
        tasks=[UserTask("evaluateRequest", "Evaluate request", assignee="async.admin", ...)],
    )
    async def managed_user_approval(request: Process) -> None:
        decision = await request.evaluate("evaluateRequest")
        if decision.approved:
            await request.perform_action()
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.definitions import Approves, FieldType, FormField, ProcessDeclaration, UserTask
from conf.errors import ConfigError
from flows.procedure import Effect, Evaluation, Process

__all__ = [
    "Approves",
    "Effect",
    "Evaluation",
    "FieldType",
    "FormField",
    "Process",
    "ProcessDefinition",
    "UserTask",
    "process",
]

Procedure = Callable[[Process], Awaitable[Any]]


@dataclass(frozen=True)
class ProcessDefinition:
    """A process: what it declares, and its procedure."""

    declaration: ProcessDeclaration
    procedure: Procedure

    @property
    def key(self) -> str:
        return self.declaration.key


def process(
    *,
    key: str,
    name: str,
    tasks: Sequence[UserTask] = (),
    description: str = "",
    decides_only: bool = False,
    runs_first: bool = False,
) -> Callable[[Procedure], ProcessDefinition]:
    """Make an async function of one `Process` the definition that mappings start by `workflowName: key`.

    `decides_only`: the procedure is one decision and then the requested action, nothing else; many of those may be
    shown as one flow run and applied in bulk. `runs_first`: it has work to do before its first task.
    """

    def define(procedure: Procedure) -> ProcessDefinition:
        resource = inspect.getsourcefile(procedure) or ""
        if not inspect.iscoroutinefunction(procedure):
            raise ConfigError(f"process '{key}': its procedure must be an async function", where=resource)
        declaration = ProcessDeclaration(
            key=key,
            name=name,
            tasks=tuple(tasks),
            description=description or inspect.getdoc(procedure) or "",
            decides_only=decides_only,
            runs_first=runs_first,
            resource=resource.rpartition("/")[2],
        )
        return ProcessDefinition(declaration, procedure)

    return define
