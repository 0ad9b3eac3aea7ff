"""Whether a text is JavaScript: its errors by file and line, before it ever runs."""

from __future__ import annotations

from threading import Lock
from typing import Any, Final

import orjson

from conf.errors import ConfigError
from flows.scripts.failures import line_of
from flows.scripts.javascript import engine, our_javascript

_SECONDS: Final = 5.0
_MEMORY: Final = 128 * 2**20


class Syntax:
    """A context that parses and runs nothing. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._check: Any = None

    def script(self, text: str, name: str, where: str) -> str | None:
        """The text as a function's body, or None where only `eval` gives its last value. Raises ConfigError."""
        body: str | None = self._checked("script", text, name, where)["body"]
        return body

    def module(self, text: str, name: str, where: str) -> None:
        """Raises ConfigError when the text is not a module."""
        self._checked("module", text, name, where)

    def _checked(self, kind: str, text: str, name: str, where: str) -> Any:
        try:
            text.encode()
        except UnicodeEncodeError as problem:
            raise ConfigError(
                f"{name} is not valid text: it holds half of a character", where=where
            ) from problem
        found = self._ask(kind, text, name, where)
        if "problem" not in found:
            return found
        line, reason = line_of(found["stack"]), found["problem"]
        if reason.endswith(": ''"):
            reason = "unexpected end of the script"
        place = f"{name} line {line}" if line else name
        raise ConfigError(f"{place}: JavaScript syntax error: {reason}", where=where)

    def _ask(self, kind: str, text: str, name: str, where: str) -> Any:
        with self._lock:
            if self._check is None:
                context = engine().Context()
                context.set_memory_limit(_MEMORY)
                self._check = context.eval(our_javascript("syntax.js"))
                context.set_time_limit(_SECONDS)
            try:
                return orjson.loads(self._check(kind, text))
            except engine().JSException as problem:
                self._check = None
                raise ConfigError(
                    f"{name} is too large or too deeply nested to be read", where=where
                ) from problem
