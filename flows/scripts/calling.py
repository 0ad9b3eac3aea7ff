"""What a script in the killable process asks for on the way: `openidm`, modules, files, the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson

from conf.errors import NotFound, NotSupported, ReconError
from flows.scripts.failures import ScriptFailed
from flows.scripts.modules import read_project_file
from flows.scripts.script_log import write_line
from flows.scripts.values import from_text

if TYPE_CHECKING:
    from flows.scripts.broker import Broker
    from flows.scripts.host import ScriptHost


class Callbacks:
    """Answers one script's questions; errors that carry a status go back to the script, which may catch them."""

    def __init__(self, host: ScriptHost, broker: Broker | None, where: str) -> None:
        self._host = host
        self._broker = broker
        self._where = where

    def __call__(self, what: str, asked: str) -> str:
        try:
            given = from_text(asked, self._where, self._host.limits.value_bytes)
            match what:
                case "log":
                    write_line(given, self._where)
                    return ""
                case "module":
                    return self._value(self._host.library.module(str(given)))
                case "script":
                    return self._value(_there(self._host.library.text(str(given)), given))
                case "file":
                    return self._value(_there(self._project_file(str(given)), given))
                case _:
                    return self._value(self._call(given))
        except ReconError as problem:
            error = {"code": problem.status, "message": problem.message, "detail": problem.detail}
            return orjson.dumps({"error": error}, default=str).decode()

    def _call(self, given: Any) -> Any:
        match given:
            case [str(verb), list(arguments)] if self._broker is not None:
                return self._broker(verb, arguments)
            case [str(verb), list()]:
                raise NotSupported(f"openidm.{verb} is not available to this script")
            case _:
                raise ScriptFailed("the script changed how its values become JSON", where=self._where)

    def _project_file(self, name: str) -> str | None:
        return read_project_file(self._host.root, name, self._host.limits.source_bytes)

    def _value(self, value: Any) -> str:
        try:
            return orjson.dumps({"value": value}).decode()
        except TypeError:
            pass
        try:
            return json.dumps({"value": value}, allow_nan=False)
        except (TypeError, ValueError) as problem:
            raise ScriptFailed(
                f"what openidm answered is not JSON: {problem}", where=self._where
            ) from problem


def _there(text: str | None, name: Any) -> str:
    if text is None:
        raise NotFound(f"There is no file '{name}' in the project folder that a script may read")
    return text
