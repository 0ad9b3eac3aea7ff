"""The mail server's document."""

from pathlib import Path
from typing import Any

import pytest

from conf.email import EmailConfig
from conf.errors import ConfigError
from conf.project import open_project

PINGIDM = {
    "host": "smtp.example.com",
    "port": 587,
    "debug": False,
    "auth": {"enable": True, "username": "amadmin", "password": "&{mail.password|secret}"},
    "from": "admin@example.com",
    "timeout": 10000,
    "starttls": {"enable": True},
    "ssl": {"enable": False},
}


def test_a_document_in_the_usual_shape_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "other")
    project = open_project(tmp_path)
    assert project.email is None
    project.put("external.email", PINGIDM)
    assert project.email == EmailConfig(
        "smtp.example.com", 587, "admin@example.com", "amadmin", "other", starttls=True, timeout_seconds=10
    )
    project.remove("external.email")
    assert project.email is None


@pytest.mark.parametrize(
    ("given", "port"), [({}, 25), ({"ssl": True}, 465), ({"starttls": {"enable": True}}, 587)]
)
def test_the_port_follows_the_protection(tmp_path: Path, given: dict[str, Any], port: int) -> None:
    project = open_project(tmp_path)
    project.put("external.email", {"host": "localhost", "from": "recon@example.com", **given})
    assert project.email is not None
    assert project.email.port == port


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"host": None}, "'host' is missing"),
        ({"port": 70000}, "port: 70000 is not a port"),
        ({"port": "25"}, "port: expected a whole number"),
        ({"from": "recon"}, "from: 'recon' is not a mail address"),
        ({"auth": {"enable": True, "username": "a"}}, "auth: 'password' is missing"),
        ({"ssl": {"enable": True}}, "starttls: ssl encrypts"),
        (
            {"auth": {"enable": True, "username": "a", "password": "&{no.such}"}},
            "no.such} is not set in the environment",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        open_project(tmp_path).put("external.email", {**PINGIDM, **given})
