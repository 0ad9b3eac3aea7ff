"""Counters and durations of a run: kept in memory by page, merged into the run's row with each commit."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from conf.terms import EntryStatus, Phase, Situation
from flows.engine.entry import Effect, Entry

Json = dict[str, Any]


@dataclass(slots=True)
class Duration:
    """Measured times of one step, in seconds."""

    count: int = 0
    sum: float = 0.0
    min: float = math.inf
    max: float = 0.0
    squares: float = 0.0

    def add(self, seconds: float, count: int = 1) -> None:
        """Take in one measurement, or `count` equal shares of one."""
        share = seconds / count
        self.count += count
        self.sum += seconds
        self.min = min(self.min, share)
        self.max = max(self.max, share)
        self.squares += share * share * count

    def body(self) -> Json:
        """Whole milliseconds, as the status document shows them."""
        mean = self.sum / self.count
        spread = math.sqrt(max(self.squares / self.count - mean * mean, 0.0))
        shown = {"min": self.min, "max": self.max, "mean": max(mean, self.min)}
        rounded = {name: round(value * 1000) for name, value in shown.items()}
        return {**rounded, "count": self.count, "sum": round(self.sum * 1000), "stdDev": round(spread * 1000)}

    def dump(self) -> list[float]:
        return [self.count, self.sum, self.min, self.max, self.squares]


@dataclass
class Statistics:
    """All numbers of one run."""

    source_processed: int = 0
    source_total: int | None = None
    target_processed: int = 0
    target_total: int | None = None
    target_effects: Counter[str] = field(default_factory=Counter)
    links_processed: int = 0
    links_total: int | None = None
    links_created: int = 0
    situations: Counter[str] = field(default_factory=Counter)
    in_target_phase: Counter[str] = field(default_factory=Counter)
    """Of `situations`, those that the target phase met."""
    statuses: Counter[str] = field(default_factory=Counter)
    durations: dict[str, Duration] = field(default_factory=dict)
    nodes: Counter[str] = field(default_factory=Counter)
    """Sources processed by each node, of clustered mappings."""

    def count(self, entry: Entry) -> None:
        """Move the counters for one entry; situation and progress only when its action was tried."""
        self.statuses[entry.status] += 1
        if not entry.performed:
            return
        if entry.situation is not None:
            self.situations[entry.situation] += 1
            if entry.phase is Phase.TARGET:
                self.in_target_phase[entry.situation] += 1
        if entry.phase is Phase.SOURCE and entry.source_id is not None:
            self.source_processed += 1
        if entry.effect is Effect.CREATED:
            self.target_effects[Effect.CREATED] += 1
        elif entry.had_target and entry.action != "CREATE":
            self.target_processed += 1
            if entry.effect is not None:
                self.target_effects[entry.effect] += 1
        self.links_processed += entry.had_link
        self.links_created += entry.link_created

    def count_unchanged(self, number: int, *, performed: bool = True) -> None:
        """Move the counters for `number` confirmed pairs that needed nothing; an analysis touches no target."""
        self.statuses[EntryStatus.SUCCESS] += number
        self.situations[Situation.CONFIRMED] += number
        self.source_processed += number
        self.target_processed += number
        if performed:
            self.target_effects[Effect.UNCHANGED] += number
        self.links_processed += number

    def credit(self, node: str) -> None:
        """This node has processed the sources that are nobody's yet."""
        self.nodes[node] += self.source_processed - self.nodes.total()

    def measured(self, name: str, seconds: float, count: int = 1) -> None:
        """Take in a measured time under a metric name of the status document."""
        if count:
            self.durations.setdefault(name, Duration()).add(seconds, count)

    @contextmanager
    def measure(self, name: str, count: int = 1) -> Iterator[None]:
        """Measure a block, which did `count` steps in one go; nothing is noted for none."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.measured(name, time.perf_counter() - begun, count)

    def progress(self) -> Json:
        """`progress` of the status document; totals are text, `?` when unknown."""
        return {
            "source": {"existing": {"processed": self.source_processed, "total": shown(self.source_total)}},
            "target": {
                "existing": {"processed": self.target_processed, "total": shown(self.target_total)},
                **{str(effect): self.target_effects[effect] for effect in EFFECTS},
            },
            "links": {
                "existing": {"processed": self.links_processed, "total": shown(self.links_total)},
                "created": self.links_created,
            },
        }

    def summaries(self) -> Json:
        """`situationSummary`, `statusSummary` and `durationSummary`."""
        return {
            "situationSummary": {str(situation): self.situations[situation] for situation in Situation},
            "statusSummary": {str(status): self.statuses[status] for status in EntryStatus},
            "durationSummary": {name: found.body() for name, found in self.durations.items() if found.count},
        }

    def phase(self, phase: Phase) -> Json:
        """One phase's counts as the `result` script sees them; what did not qualify is NOTVALID besides."""
        found = self.in_target_phase if phase is Phase.TARGET else self.situations - self.in_target_phase
        invalid = sum(found[situation] for situation in NOT_VALID[phase])
        counts = {"NOTVALID": invalid} | {str(situation): found[situation] for situation in Situation}
        return {"entries": found.total(), **{name: {"count": count} for name, count in counts.items()}}

    def dump(self) -> Json:
        """For the run's row."""
        return {
            "source": [self.source_processed, self.source_total],
            "target": [self.target_processed, self.target_total],
            "effects": plain(self.target_effects),
            "links": [self.links_processed, self.links_total, self.links_created],
            "situations": plain(self.situations),
            "targetPhase": plain(self.in_target_phase),
            "statuses": plain(self.statuses),
            "durations": {name: found.dump() for name, found in self.durations.items()},
            "nodes": plain(self.nodes),
        }

    @classmethod
    def load(cls, dumped: Json) -> Statistics:
        """From the run's row."""
        if not dumped:
            return cls()
        found = cls(
            source_processed=dumped["source"][0],
            source_total=dumped["source"][1],
            target_processed=dumped["target"][0],
            target_total=dumped["target"][1],
            target_effects=Counter(dumped["effects"]),
            links_processed=dumped["links"][0],
            links_total=dumped["links"][1],
            links_created=dumped["links"][2],
            situations=Counter(dumped["situations"]),
            in_target_phase=Counter(dumped.get("targetPhase", {})),
            statuses=Counter(dumped["statuses"]),
            nodes=Counter(dumped.get("nodes", {})),
        )
        for name, (count, total, least, most, squares) in dumped["durations"].items():
            found.durations[name] = Duration(int(count), total, least, most, squares)
        return found


NOT_VALID = {
    Phase.SOURCE: (Situation.UNQUALIFIED, Situation.SOURCE_IGNORED),
    Phase.TARGET: (Situation.TARGET_IGNORED,),
}
EFFECTS = (Effect.CREATED, Effect.UNCHANGED, Effect.UPDATED, Effect.DELETED)


def plain(counted: Counter[str]) -> dict[str, int]:
    """Counts under plain texts: JSON takes no other keys, not even words of ours that are texts too."""
    return {str(word): count for word, count in counted.items()}


def shown(total: int | None) -> str:
    """A total as text."""
    return "?" if total is None else str(total)
