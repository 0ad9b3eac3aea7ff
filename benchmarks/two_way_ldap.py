"""Two-way runs over a directory: `python -m benchmarks.two_way_ldap [PEOPLE] [LIBRARY]`. Needs slapd and ldap-utils.

The sample project, a directory with so many people, and five runs: the first brings both sides together, the second finds
that nothing is to be done, the third that nothing has changed since, before the fourth 1 % of the people are changed in the
directory, and the fifth looks only at what changed since the fourth, which is 10 people. Prints for each its seconds, how
many of them it waited for entries (it reads ahead), how that compares with a plain paged `ldapsearch` of these attributes
and with the library's own paged read, and the peak memory of the whole product in one process. The connector without a
run is measured beforehand.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from api.programs import ONE_HEAP
from benchmarks import ldap_read
from benchmarks.recon import peak_mib, reset_peak
from flows.collecting import collect_now
from flows.connectors.base import SourcePage
from flows.connectors.ldap import LdapDirectory
from flows.connectors.ldap_library import LIBRARIES
from tests import slapd
from tests.embedded import Embedded, embedded
from tests.slapd import PASSWORD, PEOPLE, SYNC, Slapd

ATTRIBUTES = ["uid", "cn", "sn", "givenName", "mail", "telephoneNumber", "employeeType"]
TURNS = 3
FEW = 10


def person(name: str, number: int) -> str:
    """A person whom the sample's policy map leaves as it is."""
    return slapd.entry(
        f"uid={name},{PEOPLE}",
        {
            "objectClass": ["top", "person", "organizationalPerson", "inetOrgPerson"],
            "uid": name,
            "cn": f"Person Name {number}",
            "sn": f"Name {number}",
            "givenName": "Person",
            "mail": f"{name}@example.com",
            "telephoneNumber": f"+1 555 {number:06d}",
            "employeeType": "active",
        },
    )


@dataclass
class Reads:
    """How long runs waited for pages of the directory; a walk over all of it counts once."""

    seconds: float = 0.0
    walks: int = 0

    def watch(self) -> None:
        """Measure every enumeration from now on."""
        plain: Callable[..., AsyncIterator[SourcePage]] = LdapDirectory.pages

        async def measured(*given: Any, **more: Any) -> AsyncIterator[SourcePage]:
            self.walks += 1
            pages = plain(*given, **more)
            while True:
                begun = time.perf_counter()
                page = await anext(pages, None)
                self.seconds += time.perf_counter() - begun
                if page is None:
                    return
                yield page

        LdapDirectory.pages = measured  # type: ignore[method-assign]


def write_project(folder: Path, server: Slapd, library: str) -> Path:
    """The sample, led to the server."""
    with as_file(files("conf") / "samples" / "two-way-ldap") as sample:
        shutil.copytree(sample, folder)
    file = folder / "conf" / "provisioner.openicf-ldap.json"
    document = json.loads(file.read_text("utf-8"))
    document["configurationProperties"] |= {
        "port": server.port,
        "principal": SYNC,
        "credentials": PASSWORD,
        "baseContexts": [PEOPLE],
        "blockSize": ldap_read.PAGE,
        "ldapLibrary": library,
    }
    file.write_text(json.dumps(document), "utf-8")
    return folder


def change(server: Slapd, numbers: Iterable[int], text: str) -> None:
    """Give these people another surname."""
    server.change(
        "".join(
            f"dn: uid=u{number},{PEOPLE}\nchangetype: modify\nreplace: sn\nsn: {text} {number}\n\n"
            for number in numbers
        )
    )


async def run_once(
    server: Embedded, reads: Reads, what: str, bounds: dict[str, float], **options: Any
) -> None:
    """One run to its end, and its line."""
    reset_peak()
    seconds, walks, begun, worked = reads.seconds, reads.walks, time.perf_counter(), time.process_time()
    path = "reconciliation/people?_action=start&waitForCompletion=true"
    status, run = await server.call("POST", path, options)
    took, worked = time.perf_counter() - begun, time.process_time() - worked
    assert status == 200, run
    collect_now()  # as a worker does after a long run
    seconds, walks = reads.seconds - seconds, reads.walks - walks
    ratios = " ".join(f"{seconds / bound:.2f} x {name}" for name, bound in bounds.items()) if walks else ""
    print(
        f"{what:16} {took:7.2f} s wall {worked:7.2f} s cpu; {walks} walks in {seconds:5.2f} s {ratios}; "
        f"peak {peak_mib():4.0f} MiB; {run['status']} {run['message']} load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


async def measured(place: Path, server: Slapd, library: str, bounds: dict[str, float]) -> None:
    """All runs with one library."""
    reads = Reads()
    reads.watch()
    project = write_project(place / "project", server, library)
    async with embedded(project, place / "data") as product:
        await run_once(product, reads, "first", bounds)
        await run_once(product, reads, "nothing to do", bounds)
        await run_once(product, reads, "nothing changed", bounds)
        await asyncio.to_thread(change, server, range(0, server.people, 100), "Changed")
        await run_once(product, reads, "1 % changed", bounds)
        await asyncio.to_thread(change, server, range(1, FEW * 10, 10), f"Late {library}")
        await run_once(product, reads, f"last, {FEW} changed", bounds, updatedSince="last")


def main(people: int = 100_000, only: str = "") -> None:
    with slapd.running(people, made=person) as server:
        for library in [only] if only else LIBRARIES:
            ldap_read.ATTRIBUTES[:] = ATTRIBUTES
            turns = [
                (
                    ldap_read.by_ldapsearch(server),
                    ldap_read.apart(server, "library", library)[1],
                    ldap_read.apart(server, "connector", library)[1],
                )
                for _ in range(TURNS)
            ]
            plain, own, alone = (min(column) for column in zip(*turns, strict=True))
            print(
                f"{people:,} people, {library}: ldapsearch {plain:.2f} s, the library's own read {own:.2f} s, "
                f"the connector alone {alone:.2f} s: {alone / plain:.2f} x ldapsearch, {alone / own:.2f} x library"
            )
            with tempfile.TemporaryDirectory(prefix="recon-bench-") as place:
                bounds = {"ldapsearch": plain, "library": own}
                asyncio.run(measured(Path(place), server, library, bounds))


if __name__ == "__main__":
    if ONE_HEAP.items() - os.environ.items():  # memory as the product's own processes have it
        os.execve(sys.executable, [sys.executable, "-m", __spec__.name, *sys.argv[1:]], os.environ | ONE_HEAP)
    main(*map(int, sys.argv[1:2]), *sys.argv[2:3])
