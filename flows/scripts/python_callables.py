"""Python callables as scripts: `module:function`, or `script/file.py:function` of the project.

They are trusted code without limits, so that only functions written for the purpose can be named: a file of the
project's script folder, or a function that an installed module defines itself, the standard library excluded.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import types
from collections.abc import Callable
from typing import Any

import orjson

from conf.errors import ConfigError, ReconError
from flows.scripts.broker import Broker, OpenIdm
from flows.scripts.failures import ScriptFailed
from flows.scripts.modules import Library


def find(name: str, library: Library, where: str) -> Callable[..., Any]:
    """The function of that name; ConfigError says what is missing."""
    module_name, colon, function_name = name.rpartition(":")
    if not colon or not module_name or not function_name.isidentifier():
        raise ConfigError(f"'{name}' is not a Python callable of the form module:function", where=where)
    module = _project_module(module_name, library, where) or _installed_module(module_name, where)
    function = getattr(module, function_name, None)
    if not inspect.isfunction(function) or function.__module__ != module.__name__:
        raise ConfigError(f"module '{module_name}' defines no function '{function_name}'", where=where)
    if inspect.iscoroutinefunction(function):
        raise ConfigError(f"'{name}' is async; a script is a plain function", where=where)
    return function


def parameters(function: Callable[..., Any]) -> frozenset[str]:
    """The names that it takes by keyword."""
    return frozenset(inspect.signature(function).parameters)


def run(function: Callable[..., Any], scope: dict[str, Any], where: str, broker: Broker | None) -> Any:
    """Call it with what it accepts of the scope; its value comes back as JSON would keep it."""
    try:
        return _kept(function(**_arguments(function, scope, broker)), where)
    except ScriptFailed:
        raise
    except ReconError as problem:
        raise ScriptFailed(
            problem.message, where=where, code=problem.status, detail=problem.detail
        ) from problem
    except Exception as problem:
        message = str(problem) or type(problem).__name__
        thrown = {"name": type(problem).__name__, "message": message}
        raise ScriptFailed(message, where=where, thrown=thrown) from problem


def _arguments(function: Callable[..., Any], scope: dict[str, Any], broker: Broker | None) -> dict[str, Any]:
    known = scope if broker is None else {"openidm": OpenIdm(broker), **scope}
    taken = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken):
        return dict(known)
    missing = [p.name for p in taken if p.default is p.empty and p.name not in known]
    if missing:
        there = ", ".join(scope) or "nothing"
        raise TypeError(f"{function.__name__} asks for {', '.join(missing)}; in its scope here: {there}")
    return {p.name: known[p.name] for p in taken if p.name in known}


def _kept(value: Any, where: str) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    try:
        return orjson.loads(orjson.dumps(value))
    except (TypeError, ValueError) as problem:
        raise ScriptFailed(f"the script's value is not JSON: {problem}", where=where) from problem


def _project_module(name: str, library: Library, where: str) -> types.ModuleType | None:
    file = name if name.endswith(".py") else f"{name.replace('.', '/')}.py"
    text = library.text(file)
    if text is None:
        text = library.text(file.removeprefix("script/"))
    if text is None:
        return None
    module = types.ModuleType(f"project_script.{file.removesuffix('.py').replace('/', '.')}")
    module.__file__ = file
    try:
        exec(compile(text, file, "exec"), module.__dict__)
    except SyntaxError as problem:
        raise ConfigError(f"{file} line {problem.lineno}: {problem.msg}", where=where) from problem
    except Exception as problem:
        raise ConfigError(f"{file} cannot be imported: {problem}", where=where) from problem
    return module


def _installed_module(name: str, where: str) -> types.ModuleType:
    if name.partition(".")[0] in sys.stdlib_module_names:
        raise ConfigError(f"'{name}' belongs to Python itself; name a module of your own", where=where)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as problem:
        raise ConfigError(f"there is no Python module '{name}'", where=where) from problem
    except Exception as problem:
        raise ConfigError(f"Python module '{name}' cannot be imported: {problem}", where=where) from problem
