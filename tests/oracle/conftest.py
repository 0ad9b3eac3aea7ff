"""One project, one store for each page size, and a loop that they live in."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from conf.project import LiveProject
from flows.scripts.host import ScriptHost
from tests.oracle.engine import Engine, small_project

T = TypeVar("T")


@dataclass
class Stage:
    """Engines by page size, opened when they are first wanted."""

    runner: asyncio.Runner
    project: LiveProject
    scripts: ScriptHost
    opened: dict[int, Engine] = field(default_factory=dict)

    def engines(self, *sizes: int) -> list[Engine]:
        for size in sizes:
            if size not in self.opened:
                self.opened[size] = self.wait(Engine.open(self.project, self.scripts, size))
        return [self.opened[size] for size in sizes]

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    project = small_project(tmp_path_factory.mktemp("oracle") / "project")
    scripts = ScriptHost(project.script_text)
    with asyncio.Runner() as runner:
        found = Stage(runner, project, scripts)
        yield found
        for engine in found.opened.values():
            runner.run(engine.close())
    scripts.close()
