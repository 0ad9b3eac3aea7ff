"""Following a run: a bar with rate and time left on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from api.commands.outcome import CommandFailed, Exit
from api.commands.printing import note
from api.commands.server import Server

POLL_SECONDS = 0.3
LINE_SECONDS = 10.0
SMOOTH_SECONDS = 30.0
PHASES = {"ACTIVE_RECONCILING_SOURCE": "source", "ACTIVE_RECONCILING_TARGET": "target"}


@dataclass
class Pace:
    """Rate of a phase over the last half minute, and what it means for the rest."""

    phase: str = ""
    done: int = 0
    total: int | None = None
    rate: float | None = None
    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def see(self, document: dict[str, Any], now: float) -> None:
        """Take in a run document."""
        phase = PHASES.get(str(document.get("stage")), "")
        existing = document.get("progress", {}).get(phase or "source", {}).get("existing", {})
        if phase != self.phase:
            self.phase, self.rate = phase, None
            self._seen.clear()
        self.done = int(existing.get("processed") or 0)
        total = str(existing.get("total", "?"))
        self.total = int(total) if total.isdigit() else None
        self._seen.append((now, self.done))
        while len(self._seen) > 2 and now - self._seen[0][0] > SMOOTH_SECONDS:
            self._seen.popleft()
        since, first = self._seen[0]
        if now > since and self.done > first:
            self.rate = (self.done - first) / (now - since)

    @property
    def seconds_left(self) -> float | None:
        """Of this phase; None when the total or the rate is not known."""
        if not self.rate or self.total is None:
            return None
        return max(self.total - self.done, 0) / self.rate

    def sentence(self, document: dict[str, Any]) -> str:
        """`reconciling source entries, 4,000 of 100,000, 2,310/s, 42 s left`."""
        parts = [str(document.get("stageDescription", ""))]
        if self.phase:
            parts.append(f"{self.done:,}" + ("" if self.total is None else f" of {self.total:,}"))
        if self.rate:
            parts.append(f"{self.rate:,.0f}/s")
        if self.seconds_left is not None:
            parts.append(f"{duration(self.seconds_left)} left")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """`0.4 s`, `42 s`, `3 min 5 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def watch(server: Server, run_id: str) -> dict[str, Any]:
    """Show a run until it ends, and answer its document. Ctrl-C stops watching, not the run."""
    pace = Pace()
    try:
        with _display() as show:
            while True:
                document = server.read(f"recon/{run_id}")
                if document.get("state") != "ACTIVE":
                    return document
                pace.see(document, time.monotonic())
                show(pace, document)
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        raise CommandFailed(
            f"No longer watching. The run goes on: recon runs show {run_id} --watch, recon runs cancel {run_id}",
            Exit.INTERRUPTED,
        ) from None


Show = Callable[[Pace, dict[str, Any]], None]


@contextmanager
def _display() -> Iterator[Show]:
    if not sys.stderr.isatty():
        yield _lines()
        return
    columns = (SpinnerColumn(), BarColumn(bar_width=30), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("starting", total=None)

        def show(pace: Pace, document: dict[str, Any]) -> None:
            total = pace.total if pace.phase else None
            progress.update(bar, completed=pace.done, total=total, description=pace.sentence(document))

        yield show


def _lines() -> Show:
    last = time.monotonic()

    def show(pace: Pace, document: dict[str, Any]) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_SECONDS:
            last = time.monotonic()
            note(pace.sentence(document))

    return show
