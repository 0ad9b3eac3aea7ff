"""A server on an empty project with one two-way configuration: on SQLite, and on PostgreSQL with `-m services`."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from tests.reports.runs import CONFIGURATION
from tests.rest.conftest import Server, serve


@pytest.fixture
def folder(tmp_path: Path, sqlite_template: Path) -> Path:
    """A project folder, with an empty store in its data folder."""
    (tmp_path / ".recon").mkdir(mode=0o700)
    shutil.copyfile(sqlite_template, tmp_path / ".recon" / "reconvene.db")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "reconciliation-hr.json").write_bytes(orjson.dumps(CONFIGURATION))
    return tmp_path


@pytest.fixture
async def server(store: dict[str, str], folder: Path) -> AsyncIterator[Server]:
    async with serve(folder, public_url="https://recon.example.com/", **store) as found:
        yield found
