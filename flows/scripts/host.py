"""The script host of a process: compiles scripts and opens sessions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Final

import orjson

from conf.errors import ConfigError
from conf.script_config import ScriptConfig
from flows.scripts import python_callables
from flows.scripts.broker import Broker
from flows.scripts.limits import Limits
from flows.scripts.modules import Library, Lookup, built_in
from flows.scripts.process import ProcessPool
from flows.scripts.references import READERS, WRITERS, References
from flows.scripts.script import Script, Wanted
from flows.scripts.session import ScriptSession
from flows.scripts.syntax import Syntax

_MOST_CACHED: Final = 1000
_Key = tuple[str, str, str, bytes]


class ScriptHost:
    """One per process. `lookup` gives the project's text of a script file, `properties` what `identityServer` tells."""

    def __init__(
        self,
        lookup: Lookup,
        limits: Limits | None = None,
        properties: Mapping[str, str] | None = None,
        *,
        root: Path | None = None,
    ) -> None:
        self.library = Library(lookup)
        self.limits = limits or Limits()
        self.root = root
        self.settings = orjson.dumps(
            {"properties": dict(properties or {}), "project": str(root.resolve()) if root else ""}
        ).decode()
        self.processes = ProcessPool(self.limits)
        self._lock = Lock()
        self._syntax = Syntax()
        self._compiled: dict[_Key, Script] = {}

    def close(self) -> None:
        """End the warm processes; sessions that are open go on and end theirs."""
        self.processes.close()

    def session(self, broker: Broker | None = None) -> ScriptSession:
        """Contexts for one run or request; close it. `broker` answers what its scripts ask of `openidm`."""
        return ScriptSession(self, broker)

    def compile(self, script: ScriptConfig) -> Script:
        """The script, ready to run; a changed file is compiled again. Raises ConfigError with file and line."""
        if script.language == "python":
            return self._python(script)
        text = self._text(script)
        key = (script.where, script.file or "", text, orjson.dumps(script.variables))
        with self._lock:
            found = self._compiled.get(key)
        references = References(text)
        modules = self.library.closure(references)
        if found is not None and found.modules == modules:
            return found
        found = self._javascript(script, references, modules)
        with self._lock:
            if len(self._compiled) >= _MOST_CACHED:
                self._compiled.clear()
            self._compiled[key] = found
        return found

    def _text(self, script: ScriptConfig) -> str:
        text = script.source if script.source is not None else self.library.text(script.file or "")
        if text is None:
            raise ConfigError(
                f"there is no script file '{script.file}' in the project's script folder, in the project,"
                " or among the built-in scripts",
                where=script.where,
            )
        if script.language == "groovy" and (script.file is None or text != built_in(script.file)):
            raise ConfigError(
                "Groovy is not run here; write this script in JavaScript (type text/javascript)"
                " or as a Python function (type python)",
                where=script.where,
            )
        if len(text) > self.limits.source_bytes:
            raise ConfigError(
                f"a script is at most {self.limits.source_bytes} bytes long", where=script.where
            )
        return text

    def _python(self, script: ScriptConfig) -> Script:
        name = script.source or script.file or ""
        function = python_callables.find(name, self.library, script.where)
        verbs = READERS | WRITERS if "openidm" in python_callables.parameters(function) else frozenset[str]()
        return Script(where=script.where, variables=script.variables, function=function, verbs=verbs)

    def _javascript(self, script: ScriptConfig, references: References, modules: dict[str, str]) -> Script:
        body = self._syntax.script(references.text, script.file or "the script", script.where)
        for name, text in modules.items():
            if not name.endswith(".json"):
                self._syntax.module(text, f"{name}.js", script.where)
        parts = [references, *(References(text) for text in modules.values())]
        verbs = frozenset[str]().union(*(part.verbs for part in parts))
        return Script(
            where=script.where,
            text=references.text,
            body=body,
            wanted=Wanted(None if references.any_name else references.identifiers),
            variables=script.variables,
            tidy=bool(modules) or references.assigns,
            modules=modules,
            verbs=verbs,
            isolated=bool(verbs) or any(part.reads_files for part in parts),
        )
