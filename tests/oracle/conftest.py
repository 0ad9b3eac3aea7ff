"""One project, one store for each page size, and a loop that they live in."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from conf.project import LiveProject
from flows.scripts.host import ScriptHost
from tests import postgres
from tests.conftest import BOTH
from tests.oracle.engine import Engine, small_project

T = TypeVar("T")


@dataclass
class Stage:
    """Engines by page size, opened when they are first wanted."""

    runner: asyncio.Runner
    project: LiveProject
    scripts: ScriptHost
    server: str | None
    """The PostgreSQL that keeps their stores; without one these are SQLite."""
    opened: dict[int, Engine] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    def engines(self, *sizes: int) -> list[Engine]:
        for size in sizes:
            if size not in self.opened:
                url = self.stack.enter_context(postgres.database(self.server)) if self.server else None
                self.opened[size] = self.wait(Engine.open(self.project, self.scripts, size, url))
        return [self.opened[size] for size in sizes]

    def close(self) -> None:
        with self.stack:
            for engine in self.opened.values():
                self.wait(engine.close())

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)


@contextmanager
def stage_in(folder: Path, server: str | None = None) -> Iterator[Stage]:
    project = small_project(folder / "project")
    scripts = ScriptHost(project.script_text)
    with asyncio.Runner() as runner:
        found = Stage(runner, project, scripts, server)
        yield found
        found.close()
    scripts.close()


@pytest.fixture(scope="module")
def sqlite_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage_in(tmp_path_factory.mktemp("oracle")) as found:
        yield found


@pytest.fixture(scope="module")
def postgresql_stage(tmp_path_factory: pytest.TempPathFactory, postgres_cluster: str) -> Iterator[Stage]:
    with stage_in(tmp_path_factory.mktemp("oracle"), postgres_cluster) as found:
        yield found


@pytest.fixture(scope="module", params=BOTH)
def stage(request: pytest.FixtureRequest) -> Stage:
    """Engines on SQLite, and on PostgreSQL with `-m services`."""
    found = request.getfixturevalue(f"{request.param}_stage")
    assert isinstance(found, Stage)
    return found
