"""Decisions as people meet them: how soon a user exists, a thousand at once, ten thousand waiting.

    python -m benchmarks.decisions                         SQLite, all parts
    python -m benchmarks.decisions --database postgresql://user:password@host/name
    python -m benchmarks.decisions --parts latency --during 100000

Starts `recon up` on a folder of its own, prints one line for each figure with its bar, and stops it again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.product import LOAD, Product
from tests.product import MAPPING, Json

YES = {"requestApproved": "true"}
PARTS = ("latency", "bulk", "pending")
IDLE_SECONDS = 30
PATIENCE_SECONDS = 600
WARM = 100
TASK = "workflow/taskinstance"


class Benchmark:
    """The parts, on one running product."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.people: list[str] = []

    def latency(self, decisions: int, during: int) -> None:
        """One decision after the other, each from the call to the user."""
        self._ask_for("one", decisions)
        run = None
        if during:
            self.product.write_people((f"load{number:07d}" for number in range(during)), LOAD)
            run = self.product.launch(LOAD)
            self.product.wait_until(lambda: self._is_writing(run), "the recon writes its pages")
        seconds = [self._decide(task) for task in self.product.query(TASK)]
        busy = "" if run is None else f" during a recon of {during:,}"
        if run is not None and self.product.is_over(run):
            busy += " (which ended before)"
        report(f"decision to user, median{busy}", statistics.median(seconds), "s", 1)
        report(f"decision to user, worst{busy}", max(seconds), "s", 5)
        if run is not None:
            self.product.wait_until(lambda: self.product.is_over(run), "the recon ends")

    def bulk(self, count: int) -> None:
        """Everything that waits, approved by one call."""
        answered, all_done = self._approve_at_once("bulk", count)
        report(f"{count:,} approved in bulk, answered", answered, "s", None)
        report(f"{count:,} approved in bulk, all users and links", all_done, "s", 20)

    def _approve_at_once(self, name: str, count: int) -> tuple[float, float]:
        self._ask_for(name, count)
        begun = time.perf_counter()
        status, answer = self.product.call(
            "POST",
            f"{TASK}?_action=complete",
            {"_queryFilter": "true", "confirm": count, **YES},
            timeout=120,
        )
        answered = time.perf_counter() - begun
        assert status in (200, 202), answer
        assert answer["done"] == len(answer["result"]) == count, answer
        self.product.wait_until(lambda: self._links() == len(self.people), "every link exists")
        return answered, time.perf_counter() - begun

    def pending(self, count: int) -> None:
        """Many wait, nobody does anything."""
        # what a process takes for its first run and decisions is not what waiting costs
        self._approve_at_once("warm", WARM)
        before = self.product.mebibytes()
        seconds = self._ask_for("wait", count)
        report(f"recon that asks for {count:,} decisions", seconds, "s", None)
        time.sleep(IDLE_SECONDS)  # what follows a recon is not idleness
        used = self.product.seconds_of_processor()
        time.sleep(IDLE_SECONDS)
        after = self.product.seconds_of_processor()
        for kind in sorted(after):
            share = (after[kind] - used.get(kind, 0)) / IDLE_SECONDS * 100
            report(f"idle processor, {kind}", share, "% of a core", None)
        total = (sum(after.values()) - sum(used.values())) / IDLE_SECONDS * 100
        report(f"idle processor with {count:,} waiting, all processes", total, "% of a core", 5)
        report("task list page", statistics.median(self._page() for _ in range(20)) * 1000, "ms", 100)
        grown = {kind: now - before.get(kind, 0) for kind, now in self.product.mebibytes().items()}
        for kind, more in sorted(grown.items()):
            report(f"memory growth, {kind}", more, "MiB", 50)

    def _ask_for(self, name: str, count: int) -> float:
        self.people += [f"{name}{number:05d}" for number in range(count)]
        self.product.write_people(self.people)
        begun = time.perf_counter()
        run = self.product.launch(MAPPING)
        self.product.wait_until(lambda: self.product.is_over(run), "the recon ends")
        seconds = time.perf_counter() - begun
        # counted, not listed: a list of them all would be what the memory is found to have grown by
        asked = "_queryFilter=true&_pageSize=1&_totalPagedResultsPolicy=EXACT"
        status, body = self.product.call("GET", f"{TASK}?{asked}")
        assert (status, body["totalPagedResults"]) == (200, count), body
        return seconds

    def _decide(self, task: Json) -> float:
        status, body = self.product.call("GET", f"{TASK}/{task['_id']}")
        assert status == 200, body
        person = body["variables"]["sourceId"]
        begun = time.perf_counter()
        status, body = self.product.call("POST", f"{TASK}/{task['_id']}?_action=complete", YES)
        assert status in (200, 202), body
        self.product.wait_until(
            lambda: self.product.call("GET", f"managed/user/{person}?_fields=_id")[0] == 200,
            "the user exists",
        )
        return time.perf_counter() - begun

    def _is_writing(self, run: str) -> bool:
        status, body = self.product.call("GET", f"recon/{run}")
        assert (status, body["state"]) == (200, "ACTIVE"), body
        return bool(body["stage"] == "ACTIVE_RECONCILING_SOURCE")

    def _links(self) -> int:
        return len(self.product.query("repo/link", f'linkType eq "{MAPPING}"', fields="_id"))

    def _page(self) -> float:
        begun = time.perf_counter()
        found = self.product.query(TASK, _pageSize="50")
        assert len(found) == 50
        return time.perf_counter() - begun


def report(what: str, value: float, unit: str, bar: float | None) -> None:
    """One line: figure, bar, and whether it is kept."""
    kept = "" if bar is None else f"   bar {bar:g} {unit}   {'kept' if value <= bar else 'MISSED'}"
    print(f"{what:<58}{value:>9.3f} {unit}{kept}   load {os.getloadavg()[0]:.1f}", flush=True)


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--database", help="PostgreSQL, as postgresql://user:password@host/name; default SQLite"
    )
    parser.add_argument("--executor", choices=("prefect", "embedded"), default="prefect")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--decisions", type=int, default=50, help="in the part `latency`")
    parser.add_argument("--during", type=int, default=0, metavar="ROWS", help="a recon that runs meanwhile")
    parser.add_argument("--bulk", type=int, default=1000)
    parser.add_argument("--pending", type=int, default=10_000)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="recon-decisions-"))
    product = Product(folder, asked.database, asked.executor, patience=PATIENCE_SECONDS)
    product.add_load()
    product.write_people([], LOAD)
    try:
        product.start()
        benchmark = Benchmark(product)
        if "latency" in asked.parts:
            benchmark.latency(asked.decisions, asked.during)
        if "bulk" in asked.parts:
            benchmark.bulk(asked.bulk)
        if "pending" in asked.parts:
            benchmark.pending(asked.pending)
    finally:
        product.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
