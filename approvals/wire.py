"""The shapes of workflow resources on the wire: members as PingIDM's clients know them, ids as texts. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from approvals.catalogue import Published
from approvals.definitions import FieldType, FormField, UserTask
from approvals.errors import instant
from approvals.forms import shown_values
from approvals.records import Decision, Process, Task
from approvals.states import IntentState, TaskStatus

Json = dict[str, Any]

STEPS: Final = "_steps"
"""Variable that remembers what a procedure has done; it is nobody else's business."""


def listed_task(task: Task) -> Json:
    """A task in a list."""
    return {
        "_id": task.id,
        "_rev": str(task.rev),
        "activityInstanceVariables": {},
        "cachedElContext": None,
        "category": None,
        "createTime": instant(task.created_at),
        "delegationState": None,
        "delegationStateString": None,
        "deleted": False,
        "description": task.description,
        "dueDate": _moment(task.due_at),
        "eventName": None,
        "executionId": str(task.process),
        "name": task.name,
        "owner": task.owner,
        "parentTaskId": None,
        "priority": task.priority,
        "processDefinitionId": task.definition_id,
        "processInstanceId": str(task.process),
        "processVariables": {},
        "queryVariables": None,
        "revisionNext": task.rev + 1,
        "suspended": False,
        "suspensionState": 1,
        "taskDefinitionKey": task.task_key,
        "taskLocalVariables": {},
        "tenantId": "",
        "assignee": task.assignee,
    }


def full_task(task: Task, declared: UserTask) -> Json:
    """A task as a read answers it: with its form, the variables of its process, and who may take it."""
    shown = listed_task(task)
    assignee = shown.pop("assignee")
    return {
        **shown,
        "formProperties": shown_values(declared, task.variables),
        "assignee": assignee,
        "variables": shown_variables(task.variables),
        "candidates": candidates(task),
    }


def shown_variables(variables: Mapping[str, Any]) -> Json:
    return {name: value for name, value in variables.items() if name != STEPS}


def candidates(task: Task) -> Json:
    users = [task.assignee] if task.assignee else list(task.candidate_users)
    return {"candidateUsers": users, "candidateGroups": list(task.candidate_groups)}


def past_task(task: Task) -> Json:
    """A task in the history, open ones included, with what was decided and what came of it."""
    return {
        "_id": task.id,
        "assignee": task.assignee,
        "category": None,
        "claimTime": _moment(task.claimed_at),
        "deleteReason": task.delete_reason,
        "description": task.description,
        "dueDate": _moment(task.due_at),
        "durationInMillis": _duration(task.created_at, task.ended_at),
        "endTime": _moment(task.ended_at),
        "executionId": str(task.process),
        "formKey": None,
        "name": task.name,
        "owner": task.owner,
        "parentTaskId": None,
        "priority": task.priority,
        "processDefinitionId": task.definition_id,
        "processInstanceId": str(task.process),
        "processVariables": {},
        "queryVariables": None,
        "startTime": instant(task.created_at),
        "taskDefinitionKey": task.task_key,
        "taskLocalVariables": {},
        "tenantId": "",
        "time": task.created_at,
        "workTimeInMillis": _duration(task.claimed_at, task.ended_at),
        **_decision(task_outcome(task), task.decision),
    }


def task_outcome(task: Task) -> str | None:
    """What became of a task: the verdict, or why nobody had to decide."""
    if task.decision is not None:
        return task.decision.verdict
    return task.outcome if task.status is TaskStatus.CANCELLED else None


def listed_process(process: Process, definition: Published) -> Json:
    """A process in a list."""
    return {
        "_id": process.id,
        "businessKey": process.business_key,
        "deleteReason": process.delete_reason,
        "durationInMillis": _duration(process.started_at, process.ended_at),
        "endActivityId": process.end_activity,
        "endTime": _moment(process.ended_at),
        "processDefinitionId": definition.id,
        "processInstanceId": process.id,
        "processVariables": {},
        "queryVariables": None,
        "startActivityId": "start",
        "startTime": instant(process.started_at),
        "startUserId": process.start_user_id,
        "superProcessInstanceId": None,
        "tenantId": "",
        "processDefinitionResourceName": definition.declaration.name,
    }


def past_process(process: Process, definition: Published) -> Json:
    """A process in the history, with its outcome."""
    return {**listed_process(process, definition), **_decision(process.outcome, process.decision)}


def full_process(process: Process, definition: Published, tasks: Sequence[Task]) -> Json:
    """A process as a read answers it: with its tasks."""
    return {
        **past_process(process, definition),
        "variables": shown_variables(process.variables),
        "tasks": [past_task(task) for task in tasks],
    }


def started_process(process: int, definition: Published, business_key: str | None) -> Json:
    """The answer to starting a process."""
    return {
        "_id": str(process),
        "processInstanceId": str(process),
        "processDefinitionId": definition.id,
        "businessKey": business_key,
        "status": "suspended",
    }


def listed_definition(published: Published) -> Json:
    """A definition in a list: without its tasks."""
    declared = published.declaration
    return {
        "_id": published.id,
        "_rev": "1",
        "candidateStarterGroupIdExpressions": [],
        "candidateStarterUserIdExpressions": [],
        "category": declared.category or None,
        "deploymentId": str(published.seq),
        "description": declared.description or None,
        "eventSupport": {},
        "executionListeners": {},
        "graphicalNotationDefined": False,
        "hasStartFormKey": False,
        "historyLevel": None,
        "ioSpecification": None,
        "key": published.key,
        "laneSets": [],
        "name": declared.name,
        "participantProcess": None,
        "processDiagramResourceName": None,
        "properties": {},
        "resourceName": declared.resource,
        "revisionNext": 2,
        "startFormHandler": None,
        "suspended": False,
        "suspensionState": 1,
        "taskDefinitions": None,
        "tenantId": "",
        "variables": None,
        "version": published.version,
    }


def full_definition(published: Published) -> Json:
    """A definition as a read answers it: with its tasks and their forms."""
    return {
        **listed_definition(published),
        "_rev": "2",
        "properties": {"documentation": published.declaration.description or None},
        "revisionNext": 3,
        "startFormHandler": {"deploymentId": str(published.seq), "formKey": None, "formPropertyHandlers": []},
        "taskDefinitions": {
            task.key: {
                "assigneeExpression": _expression(task.assignee),
                "candidateGroupIdExpressions": [_expression(group) for group in task.candidate_groups],
                "candidateUserIdExpressions": [_expression(user) for user in task.candidate_users],
                "categoryExpression": None,
                "descriptionExpression": _expression(task.description),
                "dueDateExpression": None,
                "key": task.key,
                "nameExpression": _expression(task.name),
                "ownerExpression": _expression(task.owner),
                "priorityExpression": _expression(str(task.priority)),
                "taskFormHandler": _form(published, task, "id"),
                "taskListeners": {},
            }
            for task in published.declaration.tasks
        },
        "variables": {},
        "formProperties": [],
    }


def task_definition(published: Published, task: UserTask) -> Json:
    """One user task of a definition."""
    return {
        "_id": task.key,
        "assignee": _expression(task.assignee),
        "categoryExpression": None,
        "descriptionExpression": _expression(task.description),
        "dueDate": None,
        "formProperties": _form(published, task, "_id"),
        "name": _expression(task.name),
        "ownerExpression": _expression(task.owner),
        "priority": _expression(str(task.priority)),
        "taskCandidateGroup": [_expression(group) for group in task.candidate_groups],
        "taskCandidateUser": [_expression(user) for user in task.candidate_users],
        "taskListeners": {},
        "formResourceKey": None,
    }


def _form(published: Published, task: UserTask, id_member: str) -> Json:
    handlers = [_field(declared, id_member) for declared in task.form]
    return {"deploymentId": str(published.seq), "formKey": None, "formPropertyHandlers": handlers}


def _field(declared: FormField, id_member: str) -> Json:
    return {
        id_member: declared.id,
        "defaultExpression": _expression(declared.default),
        "name": declared.name,
        "readable": True,
        "required": declared.required,
        "type": _type(declared),
        "variableExpression": _expression(declared.expression),
        "variableName": None,
        "writable": declared.writable,
    }


def _type(declared: FormField) -> Mapping[str, Any] | None:
    if declared.type is FieldType.TEXT:
        return None
    if declared.type is FieldType.ENUM:
        return {"name": "enum", "values": dict(declared.values)}
    return {"name": str(declared.type)}


def _expression(text: str | None) -> Json | None:
    return None if text is None else {"expressionText": text}


def _decision(outcome: str | None, decision: Decision | None) -> Json:
    return {
        "outcome": outcome,
        "decidedBy": decision and decision.by,
        "decidedAt": None if decision is None else instant(decision.at),
        "comment": decision and decision.comment,
        "effect": _effect(decision),
        "effectMessage": decision and decision.message,
    }


def _effect(decision: Decision | None) -> str | None:
    if decision is None or decision.intent is None:
        return None
    state = IntentState(decision.intent)
    return state.lower() if state.is_final else "pending"


def _moment(at: int | None) -> str | None:
    return None if at is None else instant(at)


def _duration(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else end - start
