"""Script files of a project: where a name leads, and never outside the project."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from conf.errors import ConfigError
from conf.script_config import BUILT_IN_SCRIPTS

_BUILT_IN: Final = Path(__file__).parent / "defaults" / "script"


class ScriptFiles:
    """Looks a name up in `script/`, then in the project folder, then among the built-in scripts."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def find(self, file: str) -> Path | None:
        """The project's own file of that name."""
        if "\x00" in file:
            return None
        for folder in (self._root / "script", self._root):
            path = (folder / file).resolve()
            if path.is_relative_to(self._root) and path.is_file():
                return path
        return None

    def has(self, file: str) -> bool:
        """Whether the project has a file of its own of that name."""
        return self.find(file) is not None

    def text(self, file: str) -> str:
        """The code in a script file; ConfigError when there is none."""
        path = self.find(file)
        if path is None and file in BUILT_IN_SCRIPTS and (_BUILT_IN / file).is_file():
            path = _BUILT_IN / file
        if path is None:
            raise ConfigError(f"there is no script file '{file}' in {self._root / 'script'} or {self._root}")
        try:
            return path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as failure:
            raise ConfigError(f"the script file cannot be read: {failure}", where=str(path)) from failure
