"""Figures for Prometheus: calls by method, route and status, and how long they took."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest


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

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one call; the route is a template, so that ids never become labels."""
        where = route or "none"
        self._calls.labels(method, where, str(status)).inc()
        self._seconds.labels(method, where).observe(seconds)

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)
