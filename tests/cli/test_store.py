"""`recon backup`, `recon restore` and `recon doctor --fsck` on a data folder, with a server and without."""

import asyncio
import json
from pathlib import Path

import pytest

from api.cli import build
from api.commands.outcome import CommandFailed
from api.folder_lock import FolderLock
from conf.errors import ConfigError, Conflict
from flows.store import schema
from tests import stored


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose data folder is empty."""
    made = tmp_path / "project"
    (made / "conf").mkdir(parents=True)
    (made / ".recon").mkdir(mode=0o700)
    return made


@pytest.fixture
def filled(folder: Path) -> Path:
    """The store of the project: up to date, with one user."""
    path = folder / ".recon" / "reconvene.db"
    asyncio.run(schema.upgrade(f"sqlite:///{path}"))
    change(path, "insert into managed_object (type, id, rev, body) values ('user', 'bjensen', 1, '{}')")
    return path


def recon(*arguments: object) -> int:
    code: int = build()([str(argument) for argument in arguments])
    return code


def change(path: Path, statement: str) -> None:
    stored.change(f"sqlite:///{path}", statement)


def users(path: Path) -> int:
    ((found,),) = stored.rows(f"sqlite:///{path}", "select count(*) from managed_object where type = 'user'")
    return int(found)


def test_a_store_is_saved_and_put_back(
    folder: Path, filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "saved.db"
    assert recon("backup", saved, "-p", folder, "-o", "json") == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == saved.stat().st_size
    with pytest.raises(ConfigError, match="exists already"):
        recon("backup", saved, "-p", folder)
    change(filled, "delete from managed_object")
    assert recon("restore", saved, "-p", folder) == 0
    assert users(filled) == 1
    assert recon("doctor", "--fsck", "-p", folder) == 0


def test_nothing_is_restored_under_a_running_server(folder: Path, filled: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.db"
    recon("backup", saved, "-p", folder)
    change(filled, "delete from managed_object")
    lock = FolderLock(folder / ".recon")
    try:
        with pytest.raises(Conflict, match="in use by process"):
            recon("restore", saved, "-p", folder)
    finally:
        lock.release()
    assert users(filled) == 0


def test_what_cannot_be_saved_or_restored_is_said(folder: Path, tmp_path: Path) -> None:
    saved, text = tmp_path / "saved.db", tmp_path / "text.db"
    text.write_text("no store")
    with pytest.raises(ConfigError, match="no store to save"):
        recon("backup", saved, "-p", folder)
    with pytest.raises(ConfigError, match="no store of reconvene"):
        recon("restore", text, "-p", folder)
    with pytest.raises(ConfigError, match="pg_dump"):
        recon("backup", saved, "-p", folder, "--database", "postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(CommandFailed, match="no database yet"):
        recon("doctor", "--fsck", "-p", folder)


def test_fsck_names_rule_row_and_promise(
    folder: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("doctor", "--fsck", "-p", folder, "--database", database_url)
    assert recon(*asked) == 0
    assert "nothing is wrong" in capsys.readouterr().out
    stored.change(
        database_url,
        "insert into decision (task, actor, verdict, form, at) values (7, 'x', 'approved', '{}', 1)",
    )
    assert recon(*asked, "-o", "json") == 1
    found = json.loads(capsys.readouterr().out)["violations"]
    assert ("I2", "task 7") in {(one["invariant"], one["row"]) for one in found}
    assert recon(*asked) == 1
    assert "task 7" in capsys.readouterr().out
