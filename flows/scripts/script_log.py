"""The log of scripts: `logger.info("{} of {}", a, b)` becomes a line of the Python logger `reconvene.script`."""

from __future__ import annotations

import logging
from typing import Any, Final

logger: Final = logging.getLogger("reconvene.script")

TRACE: Final = 5
_LEVELS: Final = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}


def write_line(line: list[Any], where: str) -> None:
    """One `[level, text]` of a script."""
    level, text = line
    logger.log(_LEVELS.get(level, logging.INFO), "%s", text, extra={"event": "script_log", "script": where})


def without_log(found: Any, where: str) -> Any:
    """The answer of a context, after the lines that came with it were written."""
    if isinstance(found, dict) and "answer" in found:
        for line in found["log"]:
            write_line(line, where)
        return found["answer"]
    return found
