"""What a script in the killable process asks for on the way: `openidm`, modules, files, the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson

from conf.errors import NotSupported, ReconError
from flows.scripts.failures import ScriptFailed
from flows.scripts.modules import read_project_file
from flows.scripts.script_log import write_line

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
        given = orjson.loads(asked)
        try:
            match what:
                case "log":
                    write_line(given, self._where)
                    return ""
                case "module":
                    return self._value(self._host.library.module(given[0]))
                case "file":
                    return self._value(self._file(*given))
                case _:
                    return self._value(self._call(*given))
        except ReconError as problem:
            error = {"code": problem.status, "message": problem.message, "detail": problem.detail}
            return orjson.dumps({"error": error}).decode()

    def _call(self, verb: str, arguments: list[Any]) -> Any:
        if self._broker is None:
            raise NotSupported(f"openidm.{verb} is not available to this script")
        return self._broker(verb, arguments)

    def _file(self, name: str, kind: str) -> str:
        if kind == "script":
            found = self._host.library.text(name)
        else:
            found = read_project_file(self._host.root, name, self._host.limits.source_bytes)
        if found is None:
            raise ScriptFailed(f"There is no file '{name}' in the project folder that a script may read")
        return found

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
