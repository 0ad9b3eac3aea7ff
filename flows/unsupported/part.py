"""One thing that a project uses and that is not done here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conf import config_files
from conf.config_files import ConfigFile
from conf.document import path_text
from conf.errors import ConfigError
from conf.positions import line_of

Steps = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Unsupported:
    """Where it stands, what it is, and what to do."""

    file: str
    """Relative to the project folder."""
    line: int
    what: str
    remedy: str
    is_fatal: bool = True
    """False where the project works without it, only otherwise than its author meant."""

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass
class Documents:
    """The configuration files of a project as they stand, each value with its line."""

    root: Path
    files: dict[str, ConfigFile] = field(default_factory=dict)
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path) -> Documents:
        """Files that cannot be read are left out: reading the project tells of them."""
        found = cls(root, config_files.scan(root / "conf"))
        for id, file in found.files.items():
            try:
                found.documents[id] = config_files.read(file, file.path.name)
            except ConfigError:
                continue
            found._texts[id] = file.path.read_text("utf-8-sig")
        return found

    def part(
        self,
        id: str,
        path: Iterable[str | int],
        what: str,
        remedy: str,
        *,
        is_fatal: bool = True,
        below: int = 0,
    ) -> Unsupported:
        """A finding at a value of a document; `below` counts lines of a text that has several."""
        steps: Steps = tuple(path)
        file = self.files[id]
        line = line_of(self._texts[id], steps, is_yaml=file.is_yaml) or 0
        shown = f"{path_text(steps)}: {what}" if steps else what
        return Unsupported(f"conf/{file.path.name}", line + below, shown, remedy, is_fatal)
