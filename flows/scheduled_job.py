"""A scheduled job as `scheduler/job` answers it."""

from __future__ import annotations

from typing import Any, Final

from flows.schedules import Job
from flows.store.audit_recon import timestamp
from flows.store.schedules import Job as JobRow

Json = dict[str, Any]

GROUP: Final = "scheduler-service-group"


def job_document(job: Job, row: JobRow | None, now: int) -> Json:
    """The whole document: fields as configured or by default, its trigger, when it ran and when it will."""
    schedule = job.schedule
    due = job.due_after(now) if schedule.enabled and not schedule.problems else []
    previous = row.previous_run_at if row else None
    found: Json = {
        "_id": job.name,
        "enabled": schedule.enabled,
        "persisted": schedule.persisted,
        "recoverable": schedule.recoverable,
        "misfirePolicy": schedule.misfire_policy,
        "schedule": schedule.schedule,
        "repeatInterval": schedule.repeat_interval_ms,
        "repeatCount": schedule.repeat_count if schedule.type == "simple" else 0,
        "type": schedule.type,
        "invokeService": f"org.forgerock.openidm.{schedule.service}",
        "invokeContext": schedule.context,
        "invokeLogLevel": schedule.log_level,
        "timeZone": schedule.time_zone,
        "startTime": schedule.raw.get("startTime"),
        "endTime": schedule.raw.get("endTime"),
        "concurrentExecution": schedule.concurrent_execution,
        "triggers": [trigger_document(job, row, now)] if schedule.enabled else [],
        "previousRunDate": None if previous is None else timestamp(previous),
        "nextRunDate": timestamp(due[0]) if due else None,
    }
    if row is not None and row.previous_outcome is not None:
        found["previousOutcome"] = row.previous_outcome
    if schedule.problems:
        found["problems"] = list(schedule.problems)
    return found


def trigger_document(job: Job, row: JobRow | None, now: int) -> Json:
    """The one trigger that an enabled job has."""
    due, previous = job.due_after(now), row.previous_run_at if row else None
    return {
        "_id": f"{GROUP}.trigger-{job.name}",
        "calendar": None,
        "group": GROUP,
        "jobKey": f"{GROUP}.{job.name}",
        "name": f"trigger-{job.name}",
        "nodeId": None,
        "previousState": None,
        "state": "PAUSED" if job.paused else "NORMAL",
        "nextFireTime": due[0] if due else None,
        "previousFireTime": previous,
    }
