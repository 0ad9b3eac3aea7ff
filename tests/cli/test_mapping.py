"""`recon mapping list` and `validate`, which need no server."""

import json
from pathlib import Path

import pytest

from api.cli import build
from api.commands.outcome import CommandFailed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    script = {"type": "text/javascript", "source": "source.x ==== 1"}
    sound = {"name": "sound", "source": "managed/user", "target": "managed/role"}
    broken = {**sound, "name": "broken", "validSource": script}
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "sync.json").write_text(json.dumps({"mappings": [sound, broken]}, indent=1))
    return tmp_path


def recon(*arguments: object) -> int:
    code: int = build()([str(argument) for argument in arguments])
    return code


def test_mappings_are_listed_in_their_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert recon("mapping", "list", "-p", folder) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["MAPPING", "sound", "broken"]
    assert "out of service" in lines[2]
    recon("mapping", "list", "-p", folder, "-o", "json")
    assert [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()] == ["sound", "broken"]


def test_what_is_wrong_is_told_with_file_and_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert recon("mapping", "validate", "-p", folder) == 1
    told = capsys.readouterr().out
    assert "sound: sound" in told
    assert "broken: out of service\n  conf/sync.json:" in told
    assert recon("mapping", "validate", "sound", "-p", folder) == 0
    with pytest.raises(CommandFailed, match="No such mapping: nosuch"):
        recon("mapping", "validate", "nosuch", "-p", folder)
