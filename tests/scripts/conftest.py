"""A script host over a project of a few files, and `run`, which compiles and runs a text in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.scripts.broker import Broker
from flows.scripts.failures import ScriptFailed
from flows.scripts.host import ScriptHost
from flows.scripts.limits import Limits
from flows.scripts.session import ScriptSession
from tests.scripts.configured import javascript

Run = Callable[..., Any]


@pytest.fixture
def limits() -> Limits:
    return Limits(seconds=0.05, memory_bytes=16 * 2**20)


@pytest.fixture
def files() -> dict[str, str]:
    """The project's script files; a test may add to them."""
    return {}


@pytest.fixture
def host(files: dict[str, str], limits: Limits, tmp_path: Path) -> Iterator[ScriptHost]:
    host = ScriptHost(files.get, limits, {"mail.domain": "example.com"}, root=tmp_path)
    yield host
    host.close()


@pytest.fixture
def broker() -> Broker | None:
    return None


@pytest.fixture
def session(host: ScriptHost, broker: Broker | None) -> Iterator[ScriptSession]:
    with host.session(broker) as session:
        yield session


@pytest.fixture
def run(host: ScriptHost, session: ScriptSession) -> Run:
    """`run(source, scope, mutable, **variables)`."""

    def call(
        source: str, scope: dict[str, Any] | None = None, mutable: tuple[str, ...] = (), **variables: Any
    ) -> Any:
        return session.run(host.compile(javascript(source, **variables)), scope or {}, mutable)

    return call


@pytest.fixture
def failure_of(run: Run) -> Callable[..., ScriptFailed]:
    """The failure that a text ends in; the same arguments as `run`."""

    def call(*given: Any, **variables: Any) -> ScriptFailed:
        with pytest.raises(ScriptFailed) as caught:
            run(*given, **variables)
        return caught.value

    return call
