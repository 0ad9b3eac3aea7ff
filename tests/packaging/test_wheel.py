"""What is installed: four packages with their data, the console script, the licence; no tests."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def names(root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)],
        cwd=root,
        check=True,
        capture_output=True,
    )
    (wheel,) = target.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_four_packages_and_nothing_else(names: list[str]) -> None:
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"conf", "approvals", "flows", "api"}


def test_data_is_part_of_it(root: Path, names: list[str]) -> None:
    """Whatever stands in a package folder and is no Python file: samples, defaults, scripts, pages."""
    tracked = subprocess.run(
        ["git", "ls-files", "conf", "approvals", "flows", "api"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    assert set(tracked) <= set(names)
    for wanted in (
        "conf/samples/sync-asynchronous/conf/sync.json",
        "conf/samples/sync-asynchronous/data/csvConnectorData.csv",
        "flows/store/migrations/env.py",
        "api/docs/page.js",
        "conf/py.typed",
    ):
        assert wanted in names


def test_nothing_of_a_running_server_is_part_of_it(names: list[str]) -> None:
    assert [name for name in names if ".recon" in name or "__pycache__" in name or name.endswith(".db")] == []


def test_the_licence_and_the_console_script(names: list[str]) -> None:
    info = [name for name in names if ".dist-info/" in name]
    assert any(name.endswith("licenses/LICENSE") for name in info)
    assert any(name.endswith("entry_points.txt") for name in info)
