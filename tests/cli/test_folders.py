"""Which project and data folder a command means."""

from pathlib import Path

import pytest

from api.commands import folders
from api.commands.outcome import CommandFailed


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    return tmp_path / "share" / "reconvene"


def project(folder: Path) -> Path:
    (folder / "conf").mkdir(parents=True)
    return folder


def test_the_named_project_counts(tmp_path: Path, home: Path) -> None:
    found = folders.find(project(tmp_path / "p"), None, here=project(tmp_path / "here"))
    assert (found.project, found.data, found.sample) == (tmp_path / "p", tmp_path / "p" / ".recon", None)


def test_else_the_folder_we_stand_in(tmp_path: Path, home: Path) -> None:
    found = folders.find(None, None, here=project(tmp_path / "here"))
    assert (found.project, found.sample) == (tmp_path / "here", None)


def test_else_a_copy_of_the_sample_outside_of_everything(tmp_path: Path, home: Path) -> None:
    found = folders.find(None, None, here=tmp_path)
    assert (found.project, found.sample) == (home / "sync-asynchronous", "sync-asynchronous")
    assert found.data == home / "sync-asynchronous" / ".recon"


def test_our_own_source_tree_is_no_project(home: Path) -> None:
    clone = Path(folders.__file__).parents[2]
    assert folders.find(None, None, here=clone).sample == "sync-asynchronous"


def test_the_data_folder_can_be_moved(tmp_path: Path, home: Path) -> None:
    found = folders.find(None, tmp_path / "d", here=tmp_path)
    assert found.project == tmp_path / "d" / "sync-asynchronous"
    assert folders.find(project(tmp_path / "p"), tmp_path / "d").data == tmp_path / "d"


def test_a_folder_without_conf_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="no project folder: it has no folder conf"):
        folders.find(tmp_path, None)


def test_the_sample_is_copied_once_and_then_belongs_to_its_owner(tmp_path: Path, home: Path) -> None:
    found = folders.find(None, None, here=tmp_path)
    folders.ensure(found)
    csv = found.project / "data" / "csvConnectorData.csv"
    assert csv.read_text().startswith('"description", "uid", "username"')
    csv.write_text("mine")
    folders.ensure(found)
    assert csv.read_text() == "mine"
    assert sorted(path.name for path in home.iterdir()) == ["sync-asynchronous"]


def test_a_full_folder_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(CommandFailed, match="not an empty folder"):
        folders.copy_sample("sync-asynchronous", tmp_path)
    with pytest.raises(CommandFailed, match="no sample 'klingon'; there is sync-asynchronous"):
        folders.copy_sample("klingon", tmp_path / "new")
