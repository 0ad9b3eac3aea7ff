"""What the decisions lane of a worker remembers between two pieces of work."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from approvals.intents import LONGEST_PAUSE_MS

if TYPE_CHECKING:
    from flows.call import Runtime
    from flows.flow_runs import FlowRuns

PATIENCE_MS: Final = 5_000
"""How long a Prefect server may be away before what it would show is done without it."""
INSPECT_MS: Final = 5_000
"""How often flow runs are compared with processes."""
LONGEST_INSPECT_MS: Final = 20_000
"""How often they are when nothing had to be repaired for a while."""

_PLACE: Final = "approval_lane"


class Presence(StrEnum):
    """Whether there is a Prefect server to show things."""

    NONE = "none"
    """This worker uses none."""
    HERE = "here"
    AWAY_BRIEFLY = "away briefly"
    """It is probably being restarted."""
    AWAY = "away"


@dataclass
class ApprovalLane:
    """One per lane; nothing in it outlives the process, and nothing depends on it for being right."""

    away_since: int | None = None
    retry_at: dict[int, int] = field(default_factory=dict)
    """Processes whose procedure failed, and when to try again."""
    failures: dict[int, int] = field(default_factory=dict)
    driving: set[str] = field(default_factory=set)
    """Flow runs that are being carried out here at this moment: nobody else's business."""
    inspected_at: int = 0
    inspect_ms: int = INSPECT_MS
    last_process: int = 0
    """Where the comparison of processes with their runs goes on."""
    offset: int = 0
    """Where the comparison of suspended runs with their processes goes on."""

    async def presence(self, prefect: FlowRuns | None, now: int) -> Presence:
        """Look whether the server answers."""
        if prefect is None:
            return Presence.NONE
        if await prefect.answers():
            self.away_since = None
            return Presence.HERE
        return self.note_away(prefect, now)

    def inspecting(self, now: int) -> bool:
        """Whether it is time to compare flow runs with processes; a clock that was set back is no reason to wait."""
        return not 0 <= now - self.inspected_at < self.inspect_ms

    def inspected(self, now: int, *, quiet: bool) -> None:
        """Flow runs were compared with processes: look less often while nothing happens."""
        self.inspected_at = now
        if quiet:
            self.inspect_ms = min(2 * self.inspect_ms, LONGEST_INSPECT_MS)
        else:
            self.inspect_ms = min(self.inspect_ms, INSPECT_MS)

    def note_away(self, prefect: FlowRuns, now: int) -> Presence:
        """It did not answer."""
        if self.away_since is None or self.away_since > now:
            self.away_since = now
            prefect.forget()
        return Presence.AWAY if now - self.away_since >= PATIENCE_MS else Presence.AWAY_BRIEFLY

    def rest(self, process: int, now: int) -> None:
        """Leave a process whose procedure failed alone for a while, longer each time."""
        failures = self.failures[process] = self.failures.get(process, 0) + 1
        self.retry_at[process] = now + back_off_ms(failures)

    def rests(self, process: int, now: int) -> bool:
        """Whether a process is to be left alone still."""
        return 0 < self.retry_at.get(process, 0) - now <= LONGEST_PAUSE_MS

    def forget(self, process: int) -> None:
        self.retry_at.pop(process, None)
        self.failures.pop(process, None)


def back_off_ms(attempts: int) -> int:
    """Pause after so many failed attempts: half a second, doubling up to a minute."""
    return int(min(LONGEST_PAUSE_MS, 250 * 2 ** min(attempts, 10)))


def lane_of(runtime: Runtime) -> ApprovalLane:
    """The memory of the lane that this runtime belongs to."""
    lane: ApprovalLane = runtime.extras.setdefault(_PLACE, ApprovalLane())
    return lane
