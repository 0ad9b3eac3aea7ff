"""Schedules: the files `schedule-<name>.json`, and jobs put over REST, which look the same."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from conf.cron import Quartz
from conf.document import Node, did_you_mean
from conf.errors import BadRequest
from conf.scan_schedule import check_scan
from conf.script_config import read_script

PREFIX: Final = "schedule/"

MISFIRE_POLICIES: Final = ("fireAndProceed", "doNothing", "MISFIRE_INSTRUCTION_FIRE_NOW")
_SERVICE_PREFIX: Final = "org.forgerock.openidm."
_SERVICES: Final = {
    "sync": "sync",
    "provisioner": "provisioner",
    "script": "script",
    "taskscanner": "taskscanner",
    "reconciliation": "reconciliation",
}
_SCRIPTS: Final = {"script": ("script",), "taskscanner": ("task", "script")}
"""Where the invokeContext of a service holds its script."""
SYNC_ACTIONS: Final = ("reconcile", "recon", "reconById", "reconByQuery")


@dataclass(frozen=True)
class ScheduleConfig:
    """When something is to be done, and what."""

    name: str
    enabled: bool
    type: str
    """`cron` or `simple`."""
    cron: Quartz | None
    schedule: str | None
    """The expression as written."""
    zone: str
    """Name of a time zone; the server's own when the document names none."""
    time_zone: str | None
    """As written."""
    misfire_policy: str
    """`fireAndProceed`: one run for all that were missed; `doNothing`: none."""
    start_ms: int | None
    end_ms: int | None
    repeat_interval_ms: int
    repeat_count: int
    """-1: for ever."""
    concurrent_execution: bool
    persisted: bool
    recoverable: bool
    service: str
    """`sync`, `provisioner`, `script`, `taskscanner` or `reconciliation`."""
    context: dict[str, Any]
    log_level: str
    raw: dict[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def mapping(self) -> str | None:
        """Name of the mapping that it reconciles, if it does."""
        named = self.context.get("mapping")
        return named if self.service == "sync" and isinstance(named, str) else None

    @property
    def reconciliation(self) -> str | None:
        """Name of the two-way configuration that it runs, if it does."""
        named = self.context.get("reconciliation")
        return named if self.service == "reconciliation" and isinstance(named, str) else None

    def next_times(self, after_ms: int, n: int = 1) -> list[int]:
        """The next times it is due, in epoch milliseconds; none while it is disabled."""
        if not self.enabled:
            return []
        after = max(after_ms, (self.start_ms or 0) - 1)
        found = self.cron.next_times(after, self.zone, n) if self.cron else self._simple_times(after, n)
        return [when for when in found if self.end_ms is None or when <= self.end_ms]

    def _simple_times(self, after_ms: int, n: int) -> list[int]:
        if self.repeat_interval_ms <= 0:
            return []
        start, interval = self.start_ms or 0, self.repeat_interval_ms
        first = max(0, (after_ms - start) // interval + 1)
        last = None if self.repeat_count < 0 else self.repeat_count
        return [
            start + number * interval for number in range(first, first + n) if last is None or number <= last
        ]


def read_schedule(root: Node, name: str, default_zone: str | None = None) -> ScheduleConfig | None:
    """The schedule of a document; without `timeZone` it keeps to `default_zone`, else to this machine's zone."""
    if not root.is_object():
        return None
    kind = root.text("type", "cron").lower()
    if kind not in ("cron", "simple"):
        root.child("type").problem(f"'{kind}' is not a type of schedule; known: cron, simple")
    cron = _cron(root) if kind == "cron" else None
    time_zone = root.text("timeZone") or None
    zone = _zone(root, time_zone, default_zone or local_zone())
    misfire = root.text("misfirePolicy", "fireAndProceed")
    if misfire not in MISFIRE_POLICIES:
        hint = did_you_mean(misfire, MISFIRE_POLICIES)
        root.child("misfirePolicy").problem(f"'{misfire}' is not a misfire policy.{hint}")
    service = root.text("invokeService", required=True)
    return ScheduleConfig(
        name=name,
        enabled=root.flag("enabled", False),
        type=kind,
        cron=cron,
        schedule=root.text("schedule") or None,
        zone=zone,
        time_zone=time_zone,
        misfire_policy=misfire,
        start_ms=_instant(root.child("startTime"), zone),
        end_ms=_instant(root.child("endTime"), zone),
        repeat_interval_ms=root.number("repeatInterval", 0),
        repeat_count=root.number("repeatCount", -1, least=-1),
        concurrent_execution=root.flag("concurrentExecution", False),
        persisted=root.flag("persisted", True),
        recoverable=root.flag("recoverable", False),
        service=_service(root, service),
        context=_context(root, service),
        log_level=root.text("invokeLogLevel", "info"),
        raw=root.value,
    )


def _cron(root: Node) -> Quartz | None:
    child = root.child("schedule")
    written = root.text("schedule", required=True)
    if not written:
        return None
    try:
        return Quartz(written)
    except BadRequest as failure:
        child.problem(failure.message)
        return None


def _zone(root: Node, named: str | None, default: str) -> str:
    if named is None:
        return default
    try:
        ZoneInfo(named)
    except (OSError, ValueError, KeyError):
        hint = did_you_mean(named, available_timezones())
        root.child("timeZone").problem(f"'{named}' is not a time zone.{hint}")
        return default
    return named


def local_zone() -> str:
    """Name of this machine's time zone; UTC when it has none that is known."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if not named:
        _, _, named = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")
    return named if named in available_timezones() else "UTC"


def _instant(node: Node, zone: str) -> int | None:
    if node.value in (None, ""):
        return None
    try:
        when = datetime.fromisoformat(str(node.value))
    except ValueError:
        node.problem(f"'{node.value}' is not a time; write 2026-01-31T02:00:00+01:00")
        return None
    return int((when if when.tzinfo else when.replace(tzinfo=ZoneInfo(zone))).timestamp() * 1000)


def _service(root: Node, written: str) -> str:
    bare = written.removeprefix(_SERVICE_PREFIX)
    service = _SERVICES.get(bare.lower())
    if written and service is None:
        hint = did_you_mean(bare, _SERVICES)
        root.child("invokeService").problem(f"'{written}' is not a service that can be scheduled.{hint}")
    return service or bare


def _context(root: Node, service: str) -> dict[str, Any]:
    child = root.child("invokeContext")
    if child.value is None:
        root.problem("'invokeContext' is missing: it says what to do")
        return {}
    if not child.is_object():
        return {}
    context: dict[str, Any] = child.value
    if service.removeprefix(_SERVICE_PREFIX) == "reconciliation":
        child.text("reconciliation", required=True)
    if root.flag("enabled", False) and (
        script := _SCRIPTS.get(service.removeprefix(_SERVICE_PREFIX).lower())
    ):
        place = child
        for step in script:
            place = place.child(step)
        if read_script(place) is None:
            child.problem(f"'{'.'.join(script)}' is missing: it is what the job runs")
        elif len(script) > 1:
            check_scan(child)
    if service.removeprefix(_SERVICE_PREFIX) == "sync":
        action = child.text("action")
        if action not in SYNC_ACTIONS:
            child.problem(f"Action '{action}' configured in schedule not supported. Write reconcile.")
        if not isinstance(context.get("mapping"), str | dict):
            child.problem("'mapping' is missing: name the mapping to reconcile")
    return context
