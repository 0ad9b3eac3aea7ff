"""The schedule of a two-way configuration: its frequency, as a schedule file would say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from conf.reconciliation_schema import Reconciliation

PREFIX: Final = "reconciliation_"


def job_name(name: str) -> str:
    """Name of the job of a configuration."""
    return f"{PREFIX}{name}"


def job_document(configuration: Reconciliation) -> dict[str, Any] | None:
    """The job; None for a manual configuration."""
    if configuration.cron is None:
        return None
    zone = {} if configuration.time_zone is None else {"timeZone": configuration.time_zone}
    return {
        "enabled": configuration.is_active and not configuration.problems,
        "type": "cron",
        "schedule": configuration.cron,
        "misfirePolicy": configuration.misfire_policy,
        "persisted": True,
        "invokeService": "reconciliation",
        "invokeContext": {"reconciliation": configuration.name},
        **zone,
    }
