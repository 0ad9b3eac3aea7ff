"""Which project folder a command means, and where its data lie."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from api.commands.outcome import CommandFailed

SAMPLE = "sync-asynchronous"


@dataclass(frozen=True)
class Folders:
    """A project folder and its data folder."""

    project: Path
    data: Path
    sample: str | None = None
    """Name of the sample that has to stand in the project folder before it runs."""


def find(project: Path | None, data: Path | None, *, here: Path | None = None) -> Folders:
    """The named project, else the folder we stand in, else a copy of the sample outside of clone and installation."""
    if project is not None:
        if not (project / "conf").is_dir():
            raise CommandFailed(f"{project} is no project folder: it has no folder conf/.")
        return Folders(project, data or project / ".recon")
    here = here or Path.cwd()
    if is_project(here):
        return Folders(here, data or here / ".recon")
    home = data or home_folder()
    return Folders(home / SAMPLE, data or home / SAMPLE / ".recon", SAMPLE)


def is_project(folder: Path) -> bool:
    """Whether it has a conf/ that is a project's, not a Python package of that name, as in our own source tree."""
    conf = folder / "conf"
    return conf.is_dir() and not (conf / "__init__.py").exists()


def home_folder() -> Path:
    """Where the copied sample and its data stand when nothing else is said."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "reconvene"


def ensure(folders: Folders) -> None:
    """Copy the sample if it is wanted and not there yet; an edited copy stays as it is."""
    if folders.sample is not None and not is_project(folders.project):
        copy_sample(folders.sample, folders.project)


def samples() -> list[str]:
    """Names of the shipped samples."""
    folder = files("conf") / "samples"
    return sorted(found.name for found in folder.iterdir() if found.is_dir() and found.name != "__pycache__")


def copy_sample(name: str, target: Path) -> None:
    """Copy a sample; its folder appears whole or not at all, and an existing one is not touched."""
    if name not in (known := samples()):
        raise CommandFailed(f"There is no sample '{name}'; there is {', '.join(known)}.")
    _refuse_taken(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as draft:
        with as_file(files("conf") / "samples" / name) as source:
            shutil.copytree(source, Path(draft, name), ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        if target.exists():
            target.rmdir()
        Path(draft, name).rename(target)


def make_empty(target: Path) -> None:
    """A project folder without anything: every file has a default."""
    _refuse_taken(target)
    (target / "conf").mkdir(parents=True)


def _refuse_taken(target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CommandFailed(f"{target} exists and is not an empty folder; name another one.")
