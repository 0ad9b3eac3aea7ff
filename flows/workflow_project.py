"""The processes of a project: `workflow/*.py`, loaded by the worker and published for everybody else.

Loading runs the files, so only the worker does it; the api knows definitions from the table alone.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from approvals import catalogue
from conf.errors import ConfigError, ReconError
from flows.process import ProcessDefinition

if TYPE_CHECKING:
    from flows.call import Runtime

_LOG = logging.getLogger(__name__)
_PLACE = "workflow_definitions"

Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Loaded:
    """What a project folder's `workflow/` holds."""

    definitions: Mapping[str, ProcessDefinition] = field(default_factory=dict)
    problems: tuple[ConfigError, ...] = ()
    """One for each file that could not be loaded; the others count."""
    signature: Signature = ()


async def definitions_of(runtime: Runtime) -> Mapping[str, ProcessDefinition]:
    """The processes in force, by key; loaded and published when a file has changed since.

    A worker calls this before it takes its first run, so that mappings find the processes that they start.
    """
    folder = runtime.project.root / "workflow"
    before: Loaded = runtime.extras.get(_PLACE, Loaded(signature=(("", 0, 0),)))
    signature = _signature(folder)
    if signature == before.signature:
        return before.definitions
    loaded = load(folder, signature)
    for problem in loaded.problems:
        _LOG.error("a process definition cannot be loaded: %s", problem.message)
    # a file that is broken for now must not make its process unknown
    kept = {} if not loaded.problems else before.definitions
    definitions = {**kept, **loaded.definitions}
    async with runtime.database.write() as tx:
        if loaded.problems:
            published = await catalogue.latest(tx, None)
            declared = {key: found.declaration for key, found in published.items()}
        else:
            declared = {}
        declared |= {key: definition.declaration for key, definition in definitions.items()}
        await catalogue.publish(tx, list(declared.values()), runtime.clock())
    runtime.extras[_PLACE] = Loaded(definitions, loaded.problems, signature)
    return definitions


def load(folder: Path, signature: Signature | None = None) -> Loaded:
    """Run the files of the folder and collect the processes they define."""
    definitions: dict[str, ProcessDefinition] = {}
    problems: list[ConfigError] = []
    for file in _files(folder):
        try:
            for definition in _definitions_in(file):
                if definition.key in definitions:
                    raise ConfigError(f"process '{definition.key}' is defined twice", where=str(file))
                definitions[definition.key] = definition
        except ConfigError as problem:
            problems.append(problem)
    return Loaded(definitions, tuple(problems), _signature(folder) if signature is None else signature)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*.py") if not file.name.startswith("_"))


def _signature(folder: Path) -> Signature:
    found = []
    for file in _files(folder):
        try:
            status = file.stat()
        except OSError:
            continue
        found.append((file.name, status.st_mtime_ns, status.st_size))
    return tuple(found)


def _definitions_in(file: Path) -> list[ProcessDefinition]:
    # a name of its own for each folder and content: a changed file is a new module, the old one may still be running
    content = sha256(str(file).encode() + b"\0" + _bytes(file)).hexdigest()[:12]
    name = f"recon_workflow_{file.stem}_{content}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ConfigError("this is not a Python file", where=str(file))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except ReconError as error:
        raise ConfigError(error.message, where="" if str(file) in error.message else str(file)) from error
    except Exception as error:
        raise ConfigError(f"{type(error).__name__}: {error}", where=_place(file, error)) from error
    found = [value for value in vars(module).values() if isinstance(value, ProcessDefinition)]
    if not found:
        raise ConfigError(
            "no process is defined here; decorate an async function with @process(...)", where=str(file)
        )
    return found


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(file)) from error


def _place(file: Path, error: Exception) -> str:
    """File and line of what went wrong, as far as it is in this file."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return f"{file}:{error.lineno}"
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)
    ]
    return f"{file}:{lines[-1]}" if lines else str(file)
