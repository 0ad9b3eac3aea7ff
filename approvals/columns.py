"""The members of tasks and processes that a list can be ordered by."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class Column:
    """What stands behind a member in the database."""

    sql: str
    is_text: bool = False


def _text(sql: str) -> Column:
    return Column(sql, is_text=True)


COLUMNS_OF_TASKS: Final[Mapping[str, Column]] = MappingProxyType(
    {
        "_id": Column("t.seq"),
        "taskId": Column("t.seq"),
        "name": _text("t.name"),
        "description": _text("t.description"),
        "priority": Column("t.priority"),
        "assignee": _text("t.assignee"),
        "owner": _text("t.owner"),
        "createTime": Column("t.created_at"),
        "startTime": Column("t.created_at"),
        "claimTime": Column("t.claimed_at"),
        "endTime": Column("t.ended_at"),
        "dueDate": Column("t.due_at"),
        "durationInMillis": Column("(t.ended_at - t.created_at)"),
        "processInstanceId": Column("t.process"),
        "executionId": Column("t.process"),
        "processDefinitionId": _text("t.definition_id"),
        "taskDefinitionKey": _text("t.task_key"),
        "deleteReason": _text("t.delete_reason"),
        "outcome": _text("coalesce(d.verdict, case t.status when 'CANCELLED' then p.outcome end)"),
        "decidedBy": _text("d.actor"),
        "decidedAt": Column("d.at"),
        # the same for all rows, as no tenants exist
        "tenantId": Column("0"),
    }
)

COLUMNS_OF_PROCESSES: Final[Mapping[str, Column]] = MappingProxyType(
    {
        "_id": Column("p.seq"),
        "processInstanceId": Column("p.seq"),
        "businessKey": _text("p.business_key"),
        "processDefinitionId": Column("p.definition"),
        "startTime": Column("p.started_at"),
        "startUserId": _text("p.start_user_id"),
        "endTime": Column("p.ended_at"),
        "durationInMillis": Column("(p.ended_at - p.started_at)"),
        "deleteReason": _text("p.delete_reason"),
        "outcome": _text("p.outcome"),
        "decidedBy": _text("d.actor"),
        "decidedAt": Column("d.at"),
        "tenantId": Column("0"),
    }
)
