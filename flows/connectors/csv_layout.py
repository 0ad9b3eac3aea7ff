"""How a CSV file is laid out: what the provisioner configuration says, and what the header makes of it."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from conf.errors import ConfigError
from flows.connectors.base import SourceUnreadable

DEFAULT_TYPE = "__ACCOUNT__"


@dataclass(frozen=True)
class CsvConfig:
    """`configurationProperties` of a CSV file, checked."""

    path: Path
    uid: str = "uid"
    name: str = "uid"
    password: str = "password"
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None
    newline: str = "\n"
    space: str = "_"
    """What a space in a header name may be written as in `nativeName`."""
    ignore_case: bool = False
    types: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Object type -> property -> column; a type without properties shows every column under its own name."""
    hidden: frozenset[tuple[str, str]] = frozenset()
    """(object type, property) that can be written and not read."""


def read_config(document: Mapping[str, Any], root: Path, where: str = "") -> CsvConfig:
    """Check a provisioner document; `root` is the project folder, to which a relative file name belongs."""
    properties = document.get("configurationProperties") or {}
    if not isinstance(properties, Mapping):
        raise ConfigError("configurationProperties must be an object.", where=where)

    def text(key: str, default: str, *, single: bool = False) -> str:
        value = properties.get(key)
        if value is None:
            return default
        if not isinstance(value, str) or (single and len(value) != 1):
            kind = "one character" if single else "a text"
            raise ConfigError(f"configurationProperties.{key} must be {kind}, not {value!r}.", where=where)
        return value

    file = text("csvFile", "") or text("filePath", "")
    if not file:
        raise ConfigError("configurationProperties.csvFile names no file.", where=where)
    encoding = text("encoding", "utf-8")
    try:
        codecs.lookup(encoding)
        "\n".encode(encoding)
    except LookupError as cause:
        raise ConfigError(
            f"configurationProperties.encoding: {encoding!r} is no encoding of text.", where=where
        ) from cause
    handlers = document.get("resultsHandlerConfig")
    return CsvConfig(
        path=root / located(file, root),
        uid=(uid := text("headerUid", "uid").strip()),
        name=text("headerName", uid).strip(),
        password=text("headerPassword", "password").strip(),
        encoding=encoding,
        delimiter=text("fieldDelimiter", ",", single=True),
        quote=text("quoteCharacter", '"', single=True),
        escape=text("escapeCharacter", "", single=True) or None,
        newline=text("newlineString", "\n"),
        space=text("spaceReplacementString", "_"),
        ignore_case=isinstance(handlers, Mapping) and handlers.get("enableCaseInsensitiveFilter") is True,
        types=_types(document.get("objectTypes"), where),
        hidden=_hidden(document.get("objectTypes")),
    )


def located(file: str, root: Path) -> str:
    """Put folders for `&{idm.instance.dir}` and `&{project.location}`, which both are the project folder."""
    for variable in ("idm.instance.dir", "project.location", "idm.data.dir"):
        file = file.replace(f"&{{{variable}}}", str(root))
    return file


def _types(declared: object, where: str) -> dict[str, dict[str, str]]:
    if declared is None:
        return {DEFAULT_TYPE: {}}
    if not isinstance(declared, Mapping):
        raise ConfigError("objectTypes must be an object.", where=where)
    types: dict[str, dict[str, str]] = {}
    for name, body in declared.items():
        properties = (body.get("properties") if isinstance(body, Mapping) else None) or {}
        if not isinstance(properties, Mapping):
            raise ConfigError(f"objectTypes.{name}.properties must be an object.", where=where)
        types[str(name)] = {
            str(key): str(value.get("nativeName") or key)
            for key, value in properties.items()
            if isinstance(value, Mapping)
        }
    return types


def _hidden(declared: object) -> frozenset[tuple[str, str]]:
    if not isinstance(declared, Mapping):
        return frozenset()
    return frozenset(
        (str(name), str(key))
        for name, body in declared.items()
        if isinstance(body, Mapping) and isinstance(body.get("properties"), Mapping)
        for key, value in body["properties"].items()
        if isinstance(value, Mapping) and "NOT_READABLE" in (value.get("flags") or ())
    )


@dataclass(frozen=True)
class Columns:
    """The header of a file, read in the light of one object type."""

    header: tuple[str, ...]
    uid: int
    names: tuple[str, ...]
    """Members of an object, `_id` first."""
    picks: tuple[int, ...]
    """For each member, its column."""
    places: Mapping[str, int]
    """Column of every member that can be written."""

    @property
    def width(self) -> int:
        return len(self.header)

    def narrowed(self, fields: Sequence[str] | None) -> Columns:
        """Only `_id` and the members named."""
        if fields is None or "*" in fields or "" in fields:
            return self
        wanted = {"_id", *(name.strip("/").split("/")[0] for name in fields)}
        kept = [(name, pick) for name, pick in zip(self.names, self.picks, strict=True) if name in wanted]
        return replace(self, names=tuple(name for name, _ in kept), picks=tuple(pick for _, pick in kept))


def read_columns(config: CsvConfig, object_type: str, header: Sequence[str]) -> Columns:
    """Find each member's column; a header that lacks or repeats one is refused, whatever the rows hold."""
    names = [name.strip() for name in header]
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise SourceUnreadable(f"{config.path}: the header names {_listed(twice)} more than once.")
    place = {name: index for index, name in enumerate(names) if name}
    for name, index in list(place.items()):
        place.setdefault(name.replace(" ", config.space), index)
    declared = config.types[object_type] or {name: name for name in names if name}
    special = {"__UID__": config.uid, "__NAME__": config.name, "__PASSWORD__": config.password}
    wanted = {"_id": config.uid} | {
        key: special.get(column, column) for key, column in declared.items() if key != "_id"
    }
    if gone := sorted({column for column in wanted.values() if column not in place}):
        has = _listed(names) if any(names) else "nothing"
        raise SourceUnreadable(f"{config.path}: the header lacks {_listed(gone)}; it has {has}.")
    shown = [key for key in wanted if (object_type, key) not in config.hidden]
    return Columns(
        header=tuple(names),
        uid=place[config.uid],
        names=tuple(shown),
        picks=tuple(place[wanted[key]] for key in shown),
        places={key: place[column] for key, column in wanted.items()},
    )


def dialect(config: CsvConfig) -> dict[str, Any]:
    """Arguments of `csv.reader`."""
    return {
        "delimiter": config.delimiter,
        "quotechar": config.quote,
        "escapechar": config.escape,
        "doublequote": True,
        "skipinitialspace": True,
        "strict": True,
    }


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
