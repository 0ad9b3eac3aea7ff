"""Calling `recon` as a person does, and a server to call it for."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from api.commands.throwaway import RECON, Throwaway, running


class Recon(Protocol):
    def __call__(
        self, *arguments: str, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]: ...


def caller(folder: Path) -> Recon:
    """`recon` in a folder, with nothing of our own environment that it would listen to."""

    def call(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("RECON_", "XDG_"))}
        own |= {"XDG_DATA_HOME": str(folder / "share"), "COLUMNS": "200", **environment}
        return subprocess.run(
            [*RECON, *arguments],
            cwd=folder,
            env=own,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return call


@pytest.fixture
def recon(tmp_path: Path) -> Recon:
    return caller(tmp_path)


@pytest.fixture(scope="module")
def server(module_store: dict[str, str]) -> Iterator[Throwaway]:
    """A fresh server on a copy of the sample, without Prefect."""
    with running("sync-asynchronous", "embedded", **module_store) as found:
        yield found


@pytest.fixture
def there(server: Throwaway) -> Recon:
    """`recon`, standing in the project folder of the server."""
    return caller(server.project)
