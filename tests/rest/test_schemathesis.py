"""Schemathesis over our own OpenAPI: whatever it sends, no answer is a server error but 503."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from importlib.resources import as_file, files

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings

from api.app import create_app
from conf.settings import Settings
from tests.kills.databases import LONG
from tests.product import free_port

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

LOGIN = {"X-OpenIDM-Username": "openidm-admin", "X-OpenIDM-Password": "openidm-admin"}
EXAMPLES = {"sqlite": 25, "postgresql": 25 if LONG else 3}
"""Requests of each kind."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, module_store: dict[str, str]) -> Iterator[str]:
    """A server of our own, in a thread, on the sample."""
    folder = tmp_path_factory.mktemp("schemathesis")
    with as_file(files("conf") / "samples" / "sync-asynchronous") as sample:
        shutil.copytree(sample, folder / "project")
    given = {"project": folder / "project", "data": folder / "data", "executor": "embedded", **module_store}
    chosen = Settings.model_validate({"decision_wait_seconds": 0, **given})
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(create_app(chosen), host="127.0.0.1", port=port, log_level="error", lifespan="on")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        thread.join(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


def test_no_request_makes_a_server_error(address: str, module_store: dict[str, str]) -> None:
    examples = EXAMPLES["postgresql" if module_store else "sqlite"]
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(case=operation.as_strategy())
        def no_server_error(case: schemathesis.Case) -> None:
            case.query = {
                name: value for name, value in (case.query or {}).items() if name != "waitForCompletion"
            }
            answer = case.call(headers=LOGIN, timeout=60)
            assert answer.status_code < 500 or answer.status_code in (501, 503), answer.text

        no_server_error()
        tried += 1
    assert tried > 20
