"""Where the workflow resources stand."""

from __future__ import annotations

from flows.resources.workflow_definitions import ProcessDefinitions, TaskDefinitions
from flows.resources.workflow_processes import PastProcesses, ProcessInstances
from flows.resources.workflow_tasks import PastTasks, TaskInstances
from flows.router import Router


def add_workflow(router: Router) -> None:
    """Register `workflow/**`."""
    router.add("workflow/processdefinition", ProcessDefinitions())
    router.add("workflow/processdefinition/{definition}/taskdefinition", TaskDefinitions())
    router.add("workflow/processinstance", ProcessInstances())
    router.add("workflow/processinstance/history", PastProcesses())
    router.add("workflow/taskinstance", TaskInstances())
    router.add("workflow/taskinstance/history", PastTasks())
