"""Where a script runs: in a context of this thread, or in a killable process. Each remembers what it was given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import orjson

from flows.scripts.javascript import Realm, Runner
from flows.scripts.process import Answer, ScriptProcess
from flows.scripts.script import Script

Shape = tuple[Script, tuple[str, ...], tuple[str, ...]]
"""A script, the variables it is given, and those of them that are live."""

MOST_SCRIPTS: Final = 500
"""A context that was given so many scripts makes room by being replaced."""


@dataclass
class ThreadLane:
    """Scripts without `openidm`."""

    realm: Realm
    _one: dict[Shape, Runner] = field(default_factory=dict)
    _many: dict[Shape, Runner] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        return len(self._one) + len(self._many) >= MOST_SCRIPTS

    def one(self, shape: Shape) -> Runner:
        """Runs one scope."""
        if (runner := self._one.get(shape)) is None:
            runner = self._one[shape] = self._define("one", shape)
        return runner

    def many(self, shape: Shape) -> Runner:
        """Runs a list of scopes."""
        if (runner := self._many.get(shape)) is None:
            runner = self._many[shape] = self._define("many", shape)
        return runner

    def _define(self, kind: str, shape: Shape) -> Runner:
        script, names, live = shape
        for name, text in script.modules.items():
            self.realm.host("module", orjson.dumps({"id": name, "text": text}).decode())
        return self.realm.runner(kind, script.definition(names, live))


@dataclass
class ProcessLane:
    """Scripts with `openidm`, or with files that only show when they run."""

    process: ScriptProcess
    _numbers: dict[Shape, int] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        return len(self._numbers) >= MOST_SCRIPTS

    @property
    def is_alive(self) -> bool:
        return self.process.close.alive

    def run(self, shape: Shape, text: str, answer: Answer) -> str:
        script, names, live = shape
        if (number := self._numbers.get(shape)) is None:
            self.process.define(script.definition(names, live), script.where)
            number = self._numbers[shape] = len(self._numbers)
        return self.process.run(number, text, script.where, answer)
