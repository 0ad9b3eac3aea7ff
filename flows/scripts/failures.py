"""What a script that failed says: what it threw, or what it ran into."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, Final

import orjson

from conf.errors import ReconError

_PHRASES: Final = frozenset(status.value for status in HTTPStatus)
_PLACE: Final = re.compile(r"<input>:(\d+)")
_UNDEFINED: Final = re.compile(r"^(\S+) is not defined$")
_QUOTED: Final = r'"\1" is not defined.'
_THROWS_NULL: Final = re.compile(r"\bthrow\s+null\b")


class ScriptFailed(ReconError):
    """A script threw, left something that is not JSON, or went beyond its limits.

    `status` is the code of a thrown `{code, message, detail}`, else 500; `message` is the thrown message alone.
    """

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        thrown: Any = None,
        code: int | None = None,
        detail: Any = None,
        line: int | None = None,
        timed_out: bool = False,
        out_of_memory: bool = False,
    ) -> None:
        super().__init__(message, detail=detail, code=code)
        self.where = where
        self.thrown = thrown
        self.line = line
        self.timed_out = timed_out
        self.out_of_memory = out_of_memory


def ran_too_long(where: str, seconds: float) -> ScriptFailed:
    """The script was stopped by the clock."""
    return ScriptFailed(
        f"the script ran longer than {seconds:g} s and was stopped", where=where, timed_out=True
    )


def took_too_much(where: str, memory_bytes: int) -> ScriptFailed:
    """The script was stopped by its memory limit."""
    return ScriptFailed(
        f"the script needs more memory than the {memory_bytes // 2**20} MiB it may have",
        where=where,
        out_of_memory=True,
    )


def from_report(report: dict[str, Any], where: str, text: str, memory_bytes: int) -> ScriptFailed:
    """The failure that a context reports: what was thrown, and of errors their name and stack."""
    message, thrown, name = report.get("message"), report.get("thrown"), report.get("name")
    if _is_shortage(name, str(message), text):
        return took_too_much(where, memory_bytes)
    code = _status(report.get("code"))
    if not isinstance(message, str):
        message = _without_message(code, thrown)
    elif isinstance(name, str) and name not in {"", "Error"}:
        message = f"{name}: {_UNDEFINED.sub(_QUOTED, message)}"
    return ScriptFailed(
        message,
        where=where,
        thrown=thrown,
        code=code,
        detail=report.get("detail"),
        line=line_of(report.get("stack")),
    )


def line_of(stack: Any) -> int | None:
    """The line of the script that an error's stack begins with."""
    found = _PLACE.search(stack) if isinstance(stack, str) else None
    return int(found[1]) if found else None


def _is_shortage(name: Any, message: str, text: str) -> bool:
    """Where no memory is left for an error object, the engine throws null."""
    if name is None:
        return message == "null" and _THROWS_NULL.search(text) is None
    return name == "InternalError" and message.startswith(("out of memory", "string too long"))


def _without_message(code: int | None, thrown: Any) -> str:
    if code in _PHRASES:
        return HTTPStatus(code).phrase
    if thrown is None:
        return "the script threw something that is not JSON"
    return f"the script threw {orjson.dumps(thrown).decode()[:1000]}"


def _status(code: Any) -> int | None:
    """A status of an error, or None: a thrown code must never make a failure look like a success."""
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) == 3:
        code = int(code)
    if isinstance(code, int) and not isinstance(code, bool) and 400 <= code <= 599:
        return code
    return None
