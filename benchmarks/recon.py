"""First load and quiet night: the whole product path against lower bounds measured in the same run.

    python -m benchmarks.recon [ROWS] [DATABASE-URL]

LB1 writes the same object, link and entry rows without any logic; LB2 reads the file, fetches all links, joins them
and writes one entry row a source. Both commit as often as the product does.
Ratios carry over between machines, times do not.
"""

from __future__ import annotations

import asyncio
import csv
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import orjson

from benchmarks.workload import HEADER, write_csv, write_project
from conf.settings import Settings
from conf.transaction import Transaction
from flows.call import Runtime
from flows.launch import Launch, launch
from flows.recon.status import status_document
from flows.reconcile import execute_run
from flows.runtime import running
from flows.shell import EmbeddedShell
from flows.store import runs

PAGE = Settings.model_fields["page_size"].default  # lower bounds commit as the product does


def peak_mib() -> float:
    """Peak resident memory since the last reset."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


async def run_once(runtime: Runtime) -> tuple[float, float, dict[str, object]]:
    """One run of the mapping, carried out here; wall and processor seconds, and its status document."""
    call = runtime.call()
    run = await launch(call, Launch("people"))
    now = runtime.clock()
    async with runtime.database.write() as transaction:
        claimed = await runs.claim(transaction, run.id, "benchmark", now, now + 3_600_000)
    assert claimed is not None
    reset_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    await execute_run(runtime, run.id, "benchmark", claimed.token, EmbeddedShell())
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    async with runtime.database.read() as transaction:
        ended = await runs.read(transaction, run.id)
    assert ended is not None
    return wall, cpu, status_document(ended, runtime.clock())


async def lower_bound_1(runtime: Runtime, file: Path) -> float:
    """Object, link and entry rows of the file, written with no logic."""
    begun = time.perf_counter()
    with file.open(newline="", encoding="utf-8") as source:
        reader = csv.reader(source)
        next(reader)
        while page := list(islice(reader, PAGE)):
            async with runtime.database.write() as tx:
                await _write_without_logic(tx, page)
    return time.perf_counter() - begun


async def _write_without_logic(tx: Transaction, page: Sequence[Sequence[str]]) -> None:
    await tx.insert(
        "managed_object",
        ("type", "id", "rev", "body", "secrets", "unique_key"),
        [
            ("bound", r[0], 1, orjson.dumps(dict(zip(HEADER, r, strict=True))).decode(), None, r[1])
            for r in page
        ],
    )
    await tx.insert(
        "link",
        ("link_type", "qualifier", "first_id", "second_id", "rev", "fingerprint", "target_rev"),
        [("bound", "default", r[0], r[0], 1, None, None) for r in page],
    )
    await tx.insert(
        "recon_entry",
        ("run", "seq", "phase", "situation", "action", "status", "source_id", "target_id", "changed"),
        [(-1, int(r[0][1:]), "source", "ABSENT", "CREATE", "SUCCESS", r[0], r[0], True) for r in page],
    )


async def lower_bound_2(runtime: Runtime, file: Path) -> float:
    """Read, fetch all links, join, write one entry row a source."""
    begun = time.perf_counter()
    with file.open(newline="", encoding="utf-8") as source:
        reader = csv.reader(source)
        next(reader)
        ids = [row[0] for row in reader]
    async with runtime.database.read() as tx:
        linked = dict(await tx.fetch("select first_id, second_id from link where link_type = ?", ("people",)))
    for first in range(0, len(ids), PAGE):
        async with runtime.database.write() as tx:
            await tx.insert(
                "recon_entry",
                ("run", "seq", "phase", "situation", "action", "status", "source_id", "target_id", "changed"),
                [
                    (-2, n, "source", "CONFIRMED", "UPDATE", "SUCCESS", id, linked.get(id), False)
                    for n, id in enumerate(ids[first : first + PAGE], first)
                ],
            )
    return time.perf_counter() - begun


async def main(n: int, url: str | None) -> None:
    with tempfile.TemporaryDirectory(prefix="recon-bench-") as temp:
        project = write_project(Path(temp) / "project", n)
        file = project / "data" / "people.csv"
        settings = Settings(project=project, data=Path(temp) / "data", executor="embedded", database=url)
        async with running(settings) as runtime:
            print(f"{n} rows, {runtime.database.dialect}, {os.cpu_count()} cores")
            for name, bound in (("first load", lower_bound_1), ("nothing changed", lower_bound_2)):
                wall, cpu, status = await run_once(runtime)
                peak = peak_mib()
                low = await bound(runtime, file)
                print(
                    f"{name:16} {wall:7.2f} s wall {cpu:7.2f} s cpu {n / wall:9.0f} rows/s  peak {peak:5.0f} MiB  "
                    f"bound {low:6.2f} s  ratio {wall / low:5.2f}  {status['state']} {status['progress']}"
                )
            write_csv(file, n, changed_every=50)
            wall, cpu, status = await run_once(runtime)
            print(
                f"{'2 % changed':16} {wall:7.2f} s wall {cpu:7.2f} s cpu {n / wall:9.0f} rows/s  {status['progress']}"
            )


if __name__ == "__main__":
    asyncio.run(
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, sys.argv[2] if len(sys.argv) > 2 else None)
    )
