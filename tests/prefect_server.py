"""A real Prefect server on loopback for the tests that need one; import the fixtures `prefect_api` and `tidy`."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from api.bound import COMMAND, PARENT
from api.ports import free_port
from conf.settings import Settings
from flows.prefect_environment import client_environment, server_environment
from flows.serving_prefect import COMMAND as PREFECT

START_SECONDS = 120


def start_server(settings: Settings, port: int) -> subprocess.Popen[bytes]:
    """Start one with its home in the data folder of the settings; it may take a while until it answers.

    It ends with this process, also when that one is killed.
    """
    home = settings.data / "prefect"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "server.log").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, *COMMAND, sys.executable, *PREFECT, "server", "start"],
            env=server_environment(settings, port, os.environ) | {PARENT: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
        )


def wait_for_server(process: subprocess.Popen[bytes], api: str) -> None:
    """Return once the server answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the Prefect server ended with code {process.returncode}")
        try:
            with urllib.request.urlopen(f"{api}/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"no Prefect server at {api} after {START_SECONDS} s")


def stop_server(process: subprocess.Popen[bytes]) -> None:
    """End it; its state is of no further use."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@cache
def only_server(folder: Path) -> tuple[str, Callable[[], None]]:
    """Start the one server of this session; answers its address and what ends it.

    Its environment is set before anything here imports Prefect, so that no setting of the person's own counts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(project=folder, data=folder)
    port = free_port(0)
    api = f"http://127.0.0.1:{port}/api"
    process = start_server(settings, port)
    before = dict(os.environ)
    os.environ.update(client_environment(settings, api, os.environ))

    @cache
    def end() -> None:
        try:
            _flush()
        finally:
            stop_server(process)
            os.environ.clear()
            os.environ.update(before)

    try:
        wait_for_server(process, api)
    except BaseException:
        end()
        raise
    return api, end


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the API of a running server, the same for all tests of the session, whoever imports this."""
    api, end = only_server(tmp_path_factory.getbasetemp() / "prefect-server")
    yield api
    end()


@pytest.fixture
def tidy() -> Iterator[None]:
    """Prefect's clients leave sockets open in loops that have ended; they go here, not in some other test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


def _flush() -> None:
    """Let Prefect's background threads, if there are any, send what they have."""
    for module, worker in (
        ("prefect.logging.handlers", "APILogWorker"),
        ("prefect.events.worker", "EventsWorker"),
    ):
        if module in sys.modules:
            getattr(sys.modules[module], worker).drain_all(timeout=10)
