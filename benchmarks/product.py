"""The product as something that is measured: what its processes use, and a mapping that keeps it busy."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from tests import product

LOAD = "load"
"""A mapping without approvals: a recon that runs while something else is measured."""
_TICK = os.sysconf("SC_CLK_TCK")


class Product(product.Product):
    """One `recon up` on the sample project."""

    def add_load(self) -> None:
        """A second system and a mapping that creates its people without asking anybody."""
        conf = self.project / "conf"
        system = (conf / "provisioner.openicf-csvfile.json").read_text("utf-8")
        (conf / "provisioner.openicf-load.json").write_text(
            system.replace(product.PEOPLE, LOAD).replace('"csvfile"', '"load"'), "utf-8"
        )
        sync = json.loads((conf / "sync.json").read_text("utf-8"))
        (mapping,) = sync["mappings"]
        policies = [
            {**policy, "action": "CREATE"} if policy["situation"] == "ABSENT" else policy
            for policy in mapping["policies"]
        ]
        load = {**mapping, "name": LOAD, "displayName": LOAD, "source": "system/load/account"}
        sync["mappings"].append({**load, "policies": policies, "runTargetPhase": False})
        (conf / "sync.json").write_text(json.dumps(sync, indent=2), "utf-8")

    def seconds_of_processor(self) -> dict[str, float]:
        """Processor time used so far, by kind of process."""
        return self._by_kind(lambda entry: _ticks(entry) / _TICK)

    def mebibytes(self) -> dict[str, float]:
        """Resident memory now, by kind of process."""
        return self._by_kind(_mebibytes)

    def _by_kind(self, measure: Callable[[Path], float]) -> dict[str, float]:
        found: dict[str, float] = {}
        for pid, kind in self.processes():
            found[kind] = found.get(kind, 0) + measure(Path("/proc") / str(pid))
        return found

    def is_over(self, run: str) -> bool:
        """Whether a run has ended; a failed one is an error."""
        status, answer = self.call("GET", f"recon/{run}")
        assert status == 200, (status, answer)
        assert answer["state"] in ("ACTIVE", "SUCCESS"), answer
        return bool(answer["state"] == "SUCCESS")


def _ticks(entry: Path) -> int:
    try:
        fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _mebibytes(entry: Path) -> float:
    try:
        lines = (entry / "status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))
