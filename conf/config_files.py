"""The files of a project's `conf` folder: their ids, reading them, and writing one so that nobody sees half of it."""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from json import JSONDecodeError
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from conf.errors import BadRequest, ConfigError, Conflict, ReconError, Unavailable

Json = dict[str, Any]
SUFFIXES: Final = (".json", ".yaml", ".yml")
_TEMPORARY: Final = ".tmp"
_WRONG: Final = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True)
class ConfigFile:
    """One file as it was last seen."""

    path: Path
    stamp: tuple[int, int, int]
    """Inode, size and time of change: differs after every write."""

    @property
    def is_yaml(self) -> bool:
        return self.path.suffix != ".json"


class _PlainLoader(yaml.CSafeLoader):
    """YAML with JSON's types: `no` and `2026-01-31` stay texts."""


_PlainLoader.yaml_implicit_resolvers = {
    letter: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")
    ]
    for letter, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def id_of(path: Path) -> str:
    """`provisioner.openicf/csvfile` of `provisioner.openicf-csvfile.json`."""
    return path.stem.replace("-", "/", 1)


def file_name(id: str, suffix: str = ".json") -> str:
    """The file of a configuration id; BadRequest for one that no file can have."""
    kind, slash, instance = id.partition("/")
    if not kind or kind.startswith(".") or _WRONG.search(id) or (slash and not instance) or "/" in instance:
        raise BadRequest(f"'{id}' is not a configuration id; write sync, managed or schedule/nightly")
    if "-" in kind:
        hint = id.replace("-", "/", 1) if id[-1] != "-" else "a name after the dash"
        raise BadRequest(f"'{id}' is not a configuration id; write {hint}")
    name = f"{kind}-{instance}{suffix}" if slash else f"{kind}{suffix}"
    if len(name.encode(errors="replace")) > 200:
        raise BadRequest("The configuration id is too long; at most 200 bytes")
    return name


def scan(folder: Path) -> dict[str, ConfigFile]:
    """The configuration files there are, by id; where JSON and YAML say the same id, JSON counts."""
    found: dict[str, ConfigFile] = {}
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return found
    for entry in entries:
        path = Path(entry.path)
        if path.suffix not in SUFFIXES or entry.name.startswith("."):
            continue
        try:
            seen = entry.stat()
        except OSError:
            continue  # renamed away while we looked
        if entry.is_file():
            found.setdefault(id_of(path), ConfigFile(path, (seen.st_ino, seen.st_size, seen.st_mtime_ns)))
    return found


def read(file: ConfigFile, where: str) -> Json:
    """The document in a file; ConfigError with file and line when it is not one."""
    try:
        raw = file.path.read_bytes()
    except OSError as failure:
        raise ConfigError(f"the file cannot be read: {failure.strerror}", where=where) from failure
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        line = raw.count(b"\n", 0, failure.start) + 1
        raise ConfigError(
            "the file is not UTF-8 text; save it as UTF-8", where=f"{where}:{line}"
        ) from failure
    document = _from_yaml(text, where) if file.is_yaml else _from_json(text, where)
    if not isinstance(document, dict):
        raise ConfigError("the file must hold one object ({...})", where=where)
    return document


def _from_json(text: str, where: str) -> Any:
    try:
        return orjson.loads(text)
    except JSONDecodeError as failure:
        place = f"{where}:{failure.lineno}"
        raise ConfigError(
            f"this is not JSON: {failure.msg} (column {failure.colno})", where=place
        ) from failure


def _from_yaml(text: str, where: str) -> Any:
    try:
        document = yaml.load(text, Loader=_PlainLoader)
        # what JSON cannot say, YAML may not say either
        return None if document is None else orjson.loads(orjson.dumps(document))
    except yaml.MarkedYAMLError as failure:
        mark = failure.problem_mark or failure.context_mark
        place = f"{where}:{mark.line + 1}" if mark else where
        raise ConfigError(f"this is not YAML: {failure.problem or failure.context}", where=place) from failure
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as failure:
        raise ConfigError(f"this is not YAML that JSON could say: {failure}", where=where) from failure


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Put a document in place at once: a reader sees the old file or the new one, also after a power cut."""
    if path.suffix == ".json":
        text = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    else:
        text = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True).encode()
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}{_TEMPORARY}")
    try:
        with temporary.open("xb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as failure:
        temporary.unlink(missing_ok=True)
        raise refusal(failure, path) from failure


def delete(path: Path) -> None:
    """Remove a file, durably."""
    try:
        path.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as failure:
        raise refusal(failure, path) from failure


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refusal(failure: OSError, path: Path) -> ReconError:
    """The error for a file that cannot be written."""
    if failure.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Conflict(f"{path} cannot be written: {failure.strerror}. Make the project folder writable.")
    if failure.errno == errno.ENAMETOOLONG:
        return BadRequest(f"{path.name} is too long for a file name")
    return Unavailable(f"{path} cannot be written: {failure.strerror}. Nothing was changed; try again.")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder against other processes that write configuration."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as failure:
        raise refusal(failure, folder) from failure
    try:
        flock(descriptor, LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove what a killed writer left; only while holding the folder."""
    for path in folder.glob(f".*{_TEMPORARY}"):
        path.unlink(missing_ok=True)
