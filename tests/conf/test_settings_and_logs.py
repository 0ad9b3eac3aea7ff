"""Settings from the environment, and what log lines show and hide."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from pydantic import ValidationError

from conf import logs
from conf.settings import Settings


def test_the_data_folder_stands_in_the_project_unless_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings(project=Path("/p")).data == Path("/p/.recon")
    assert Settings(project=Path("/p"), data=Path("/d")).data == Path("/d")
    monkeypatch.setenv("RECON_PROJECT", "/q")
    monkeypatch.setenv("RECON_PORT", "9")
    found = Settings()
    assert (found.data, found.port) == (Path("/q/.recon"), 9)
    assert found.database_url == "sqlite:////q/.recon/reconvene.db"
    assert Settings(database="postgresql://u:p@h/d").database_url == "postgresql://u:p@h/d"


@pytest.mark.parametrize(
    ("name", "value"),
    [("RECON_PAGE_SIZE", "5001"), ("RECON_PORT", "x"), ("RECON_EXECUTOR", "y"), ("RECON_LEASE_SECONDS", "0")],
)
def test_settings_out_of_range_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        Settings()


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("10.0.0.1", False)],
)
def test_loopback_is_known(host: str, loopback: bool) -> None:
    assert Settings(host=host).is_loopback is loopback


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_events_are_json_lines_with_their_context(stream: io.StringIO) -> None:
    logs.configure("json", "info", stream)
    with logs.bound(run="r1"):
        structlog.get_logger("flows").info("Run started", mapping="m")
        logging.getLogger("library").warning("hello %s", "you", extra={"n": 1})
        logging.getLogger("library").debug("not shown")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["message"], first["run"], first["mapping"], first["level"]) == (
        "Run started",
        "r1",
        "m",
        "info",
    )
    assert (second["message"], second["run"], second["n"], second["logger"]) == (
        "hello you",
        "r1",
        1,
        "library",
    )


def test_secrets_are_hidden_by_name_at_any_depth(stream: io.StringIO) -> None:
    logs.configure("json", "info", stream)
    structlog.get_logger("flows").info(
        "Called",
        password="s3cret",
        headers={"X-OpenIDM-Password": "s3cret", "Accept": "x"},
        items=[{"apiKey": "s3cret"}],
        url="postgresql://user:s3cret@host/db",
    )
    logging.getLogger("library").info("x", extra={"token": "s3cret"})
    assert "s3cret" not in stream.getvalue()
    assert '"Accept":"x"' in stream.getvalue()


def test_an_exception_stays_on_its_line(stream: io.StringIO) -> None:
    logs.configure("json", "info", stream)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        structlog.get_logger("flows").exception("Broke")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError: two" in json.loads(line)["exception"]


def test_people_get_plain_lines(stream: io.StringIO) -> None:
    logs.configure("auto", "info", stream)
    assert stream.getvalue() == ""
    logs.configure("human", "info", stream)
    structlog.get_logger("flows").info("Run started", mapping="m")
    assert "Run started" in stream.getvalue()
    assert "mapping=m" in stream.getvalue()
