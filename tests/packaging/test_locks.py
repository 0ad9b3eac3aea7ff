"""What is pinned agrees with what is wanted."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement


def pins(root: Path) -> dict[str, str]:
    lines = (line for line in (root / "constraints.txt").read_text().splitlines() if not line.startswith("#"))
    found = [Requirement(line) for line in lines]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in found}


def test_every_dependency_is_pinned_within_its_bounds(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    pinned = pins(root)
    for line in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        wanted = Requirement(line)
        assert wanted.specifier.contains(pinned[wanted.name.lower()]), line


def test_the_lock_names_the_public_index_only(root: Path) -> None:
    lock = tomllib.loads((root / "uv.lock").read_text())
    sources = {package["source"].get("registry") for package in lock["package"]}
    assert sources == {None, "https://pypi.org/simple"}


def test_constraints_and_lock_agree(root: Path) -> None:
    lock = tomllib.loads((root / "uv.lock").read_text())
    locked = {package["name"]: package.get("version") for package in lock["package"]}
    assert {name: locked[name] for name in pins(root)} == pins(root)


def test_the_group_of_uv_users_is_the_extra(root: Path) -> None:
    document = tomllib.loads((root / "pyproject.toml").read_text())
    assert document["dependency-groups"]["dev"] == ["reconvene[dev]"]
