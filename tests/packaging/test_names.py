"""Our four packages have common names, so nobody else may bring one of them."""

from importlib.metadata import packages_distributions
from pathlib import Path

import pytest


@pytest.mark.parametrize("name", ["conf", "approvals", "flows", "api", "tests"])
def test_no_other_distribution_owns_our_names(name: str) -> None:
    assert set(packages_distributions().get(name, [])) <= {"reconvene"}


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "manager", "service", "misc"])
def test_no_module_has_a_name_that_says_nothing(root: Path, name: str) -> None:
    found = [
        path
        for package in ("conf", "approvals", "flows", "api")
        for path in (root / package).rglob(f"{name}.py")
    ]
    assert found == []


def test_every_source_folder_is_a_package_and_every_package_is_typed(root: Path) -> None:
    for package in ("conf", "approvals", "flows", "api"):
        assert (root / package / "py.typed").exists()
        for path in (root / package).rglob("*.py"):
            if not {"samples", "versions"} & set(path.parts):
                assert (path.parent / "__init__.py").exists(), path


def test_source_has_no_ignored_types(root: Path) -> None:
    marked = [
        path
        for package in ("conf", "approvals", "flows", "api")
        for path in (root / package).rglob("*.py")
        if "type: ignore" in path.read_text()
    ]
    assert marked == []
