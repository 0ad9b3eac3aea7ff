"""`recon token create`."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from api import installation_key
from api.cli import main
from api.commands.outcome import Exit
from api.installation_key import KeyFile
from api.signed_token import parse


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "p" / "conf").mkdir(parents=True)
    return tmp_path / "p"


def recon(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_token_is_for_the_administrator_and_an_hour(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert recon("token", "create", "-p", str(project)) == Exit.DONE
    shown = capsys.readouterr()
    token = parse(shown.out.strip(), frozenset({"EdDSA"}))
    assert token.claims["sub"] == "openidm-admin"
    assert token.claims["roles"] == ["openidm-admin", "openidm-authorized"]
    assert token.claims["exp"] - token.claims["iat"] == 3600
    assert abs(token.claims["iat"] - time.time()) < 60
    assert shown.err.startswith("For openidm-admin until ")
    key = installation_key.read(project / ".recon")
    assert key is not None
    token.verify(key.key)


def test_the_key_is_for_nobody_else_and_stays(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recon("token", "create", "-p", str(project))
    file = project / ".recon" / installation_key.FILE
    first = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    recon("token", "create", "-p", str(project))
    assert file.read_bytes() == first
    assert [left.name for left in file.parent.iterdir()] == [installation_key.FILE]
    one, other = capsys.readouterr().out.split()
    assert one != other
    assert json.loads(first)["d"] not in one


def test_a_subject_gets_the_roles_that_are_named_and_no_others(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recon("token", "create", "-p", str(project), "--subject", "bjensen", "-o", "json", "--expires", "90s")
    found = json.loads(capsys.readouterr().out)
    assert (found["format"], found["subject"], found["roles"]) == (1, "bjensen", [])
    roles = "internal/role/openidm-auditor, openidm-authorized"
    recon("token", "create", "-p", str(project), "--subject", "x", "--roles", roles, "-o", "json")
    assert json.loads(capsys.readouterr().out)["roles"] == ["openidm-auditor", "openidm-authorized"]


@pytest.mark.parametrize("expires", ["0s", "25h", "1d", "-1h", "1 h", "h", "", "1e3s"])
def test_a_time_that_is_none_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], expires: str
) -> None:
    assert recon("token", "create", "-p", str(project), f"--expires={expires}") == Exit.USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "15m" in shown.err
    assert not (project / ".recon").exists()


@pytest.mark.parametrize("subject", [" ", "a\nb", "x" * 300])
def test_a_subject_that_is_no_name_is_refused(project: Path, subject: str) -> None:
    assert recon("token", "create", "-p", str(project), "--subject", subject) == Exit.USAGE


def test_a_broken_key_file_is_named_with_its_remedy(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / ".recon").mkdir()
    (project / ".recon" / installation_key.FILE).write_text("{}")
    assert KeyFile(project / ".recon").key() is None
    assert recon("token", "create", "-p", str(project)) == Exit.FAILED
    assert "delete it" in capsys.readouterr().err
