"""Checks of the installation: Python, the pinned packages, the machine."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from api.commands.findings import Finding, doubtful, well, wrong

OLDEST_PYTHON = (3, 11)
LEAST_FREE_MB = 500
INSTALL = "pip install -c constraints.txt -e '.[dev]'"


def check_installation(data: Path) -> Iterator[Finding]:
    """Everything that does not depend on the project."""
    yield _python()
    yield from _packages()
    yield _disk(data)


def _python() -> Finding:
    found = sys.version.split()[0]
    if sys.version_info < OLDEST_PYTHON:
        return wrong("Python", f"{found} is too old", "install Python 3.11 or later")
    return well("Python", found)


def _packages() -> Iterator[Finding]:
    """Each package we name, against the versions we know to work together."""
    sound = 0
    for line in metadata.requires("reconvene") or ():
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            yield wrong("Packages", f"{wanted.name} is not installed", INSTALL)
            continue
        if wanted.specifier.contains(version, prereleases=True):
            sound += 1
        else:
            yield wrong("Packages", f"{wanted.name} {version} is not {wanted.specifier}", INSTALL)
    yield well("Packages", f"{sound} as they should be")


def _disk(data: Path) -> Finding:
    folder = next(folder for folder in (data.absolute(), *data.absolute().parents) if folder.exists())
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < LEAST_FREE_MB:
        return doubtful("Disk", f"{free:,} MB free at {folder}", "make room: a full disk stops all runs")
    return well("Disk", f"{free:,} MB free at {folder}")
