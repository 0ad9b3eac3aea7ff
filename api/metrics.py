"""Figures for Prometheus: calls and how long they took, and what the store knows of runs, tasks and orders."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from conf.errors import ReconError
from flows.store import figures

if TYPE_CHECKING:
    from flows.call import Runtime
    from flows.store.figures import Figures

FRESH_SECONDS: Final = 2.0
"""Figures of the store are read once in so long, however many ask."""
MISSED_BEATS: Final = 2
"""A worker that has not been seen for so many leases is not counted."""


class Metrics:
    """The figures of one application; a registry of its own, so that two of them never meet."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("method", "route")
        self._calls = Counter("recon_calls", "Calls answered", (*labels, "status"), registry=self._registry)
        self._seconds = Histogram(
            "recon_call_seconds",
            "Time to answer",
            labels,
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
            registry=self._registry,
        )
        self._store = _Store()
        self._registry.register(self._store)
        self._read_at = float("-inf")

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one call; the route is a template, so that ids never become labels."""
        where = route or "none"
        self._calls.labels(method, where, str(status)).inc()
        self._seconds.labels(method, where).observe(seconds)

    async def look(self, runtime: Runtime) -> None:
        """Bring the figures of the store up to date; a store that cannot be read shows as `recon_store_up 0`."""
        if time.monotonic() - self._read_at < FRESH_SECONDS:
            return
        self._read_at = time.monotonic()
        alive_ms = round(runtime.settings.lease_seconds * 1000) * MISSED_BEATS
        try:
            async with runtime.database.read() as tx:
                self._store.found = await figures.read(tx, runtime.clock(), alive_ms)
        except ReconError:
            self._store.found = None

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)


class _Store(Collector):
    """Shows what was last read."""

    def __init__(self) -> None:
        self.found: Figures | None = None

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        found = self.found
        yield _one("recon_store_up", "Whether the store could be read", 0 if found is None else 1)
        if found is None:
            return
        yield _by("recon_runs", "Runs kept, by state", "state", found.runs)
        yield _by(
            "recon_run_rows", "Sources assessed by the latest run",
            "mapping", {run.mapping: run.processed for run in found.latest},
        )  # fmt: skip
        yield _by(
            "recon_run_rows_per_second", "Sources a second in the latest run",
            "mapping", {run.mapping: run.rows_per_second for run in found.latest},
        )  # fmt: skip
        steps = GaugeMetricFamily(
            "recon_run_step_seconds",
            "Time the latest run spent in a step; steps named ...Script are scripts",
            labels=("mapping", "step"),
        )
        for run in found.latest:
            for step, seconds in run.steps.items():
                steps.add_metric((run.mapping, step), seconds)
        yield steps
        yield _by("recon_tasks_open", "Tasks that wait for a person, by age", "age", found.open_tasks)
        yield _one("recon_task_oldest_seconds", "Age of the oldest open task", found.oldest_task_seconds)
        yield _by("recon_decisions", "Decisions taken, by verdict", "verdict", found.decisions)
        yield _by("recon_orders", "Orders that approvals made, by state", "state", found.orders)
        yield _one(
            "recon_order_oldest_seconds", "Age of the oldest order that is to be carried out",
            found.oldest_order_seconds,
        )  # fmt: skip
        yield _by("recon_processes_ended", "Ended processes, by outcome", "outcome", found.outcomes)
        yield _one(
            "recon_notifications_waiting",
            "Ended two-way runs of which somebody is still to be told",
            found.untold,
        )
        yield _one("recon_workers", "Workers alive", found.workers)
        if found.prefect:
            up = 1 if found.prefect.get("ok") else 0
            yield _one("recon_prefect_up", "Whether a worker reaches the Prefect server", up)


def _one(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value)


def _by(name: str, about: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=(label,))
    for key, value in sorted(values.items()):
        family.add_metric((key,), value)
    return family
