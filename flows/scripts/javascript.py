"""A JavaScript context in this thread: QuickJS with time and memory limits, spoken to in JSON texts.

Nothing of JavaScript but texts reaches Python, and a context has no way to call into Python.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol, cast

from flows.scripts.failures import ScriptFailed, ran_too_long, took_too_much
from flows.scripts.limits import Limits

Runner = Callable[[str], str]
"""A compiled script: JSON of its variables in, JSON of its answer out."""

_HERE: Final = Path(__file__).parent


def our_javascript(name: str) -> str:
    """A file of this package."""
    return (_HERE / name).read_text(encoding="utf-8")


class Context(Protocol):
    """What we use of a QuickJS context."""

    def eval(self, code: str) -> Any: ...
    def set_time_limit(self, seconds: float) -> None: ...
    def set_memory_limit(self, size: int) -> None: ...


class Engine(Protocol):
    """The extension module; it carries no types. Loaded on first use: most processes never run a script."""

    __file__: str
    Context: Callable[[], Context]
    JSException: type[Exception]


@cache
def engine() -> Engine:
    """QuickJS; its helper class `quickjs.Function` collects garbage at every call and is not used."""
    return cast("Engine", importlib.import_module("_quickjs"))


@cache
def beginning(*, isolated: bool) -> tuple[str, ...]:
    """What a context starts with: its door for the host, what extends it, the guards around everything."""
    names = ("prelude.js", "jvm.js", *(("openidm.js",) if isolated else ()), "guards.js")
    return tuple(our_javascript(name) for name in names)


class Realm:
    """One context. It must not be used by two threads at once; using it from one after the other is fine."""

    def __init__(self, limits: Limits, settings: str) -> None:
        self._limits = limits
        self._engine = engine()
        self._context = self._engine.Context()
        self._context.set_memory_limit(limits.memory_bytes)
        prelude, *extensions = beginning(isolated=False)
        self._host = self._context.eval(prelude)
        for text in extensions:
            if (extension := self._context.eval(text)) is not None:
                self._host("extend", extension)
        self._host("settings", settings)
        self._context.set_time_limit(limits.seconds)

    def host(self, operation: str, argument: str = "") -> Any:
        """Ask the prelude."""
        return self.call(lambda text: self._host(operation, text), argument, "")

    def runner(self, kind: str, definition: str) -> Runner:
        """Compile a script; `kind` is `one` or `many`."""
        return cast("Runner", self.host(kind, definition))

    def call(self, runner: Runner, text: str, where: str) -> str:
        """Run a compiled script; raises ScriptFailed when the context was stopped, and is then spent."""
        try:
            return runner(text)
        except self._engine.JSException as problem:
            raise self._stopped(str(problem), where) from None

    def call_longer(self, runner: Runner, text: str, where: str, seconds: float) -> str:
        """As `call`, with a time limit of its own."""
        self._context.set_time_limit(seconds)
        try:
            return self.call(runner, text, where)
        finally:
            self._context.set_time_limit(self._limits.seconds)

    def _stopped(self, problem: str, where: str) -> ScriptFailed:
        first = problem.partition("\n")[0]
        if "interrupted" in first:
            return ran_too_long(where, self._limits.seconds)
        if "out of memory" in first or first in {"", "null"} or first.startswith("(Failed obtaining"):
            return took_too_much(where, self._limits.memory_bytes)
        return ScriptFailed(first, where=where)
