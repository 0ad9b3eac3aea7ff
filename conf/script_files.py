"""Script files of a project: where a name leads, and never outside the project."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from conf.errors import ConfigError
from conf.script_config import is_built_in

_BUILT_IN: Final = Path(__file__).parent / "defaults" / "script"


class NoSuchScript(ConfigError, LookupError):
    """Neither the project nor we have a script file of that name."""


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
        """The code in a script file; NoSuchScript when there is none."""
        path = self.find(file)
        built_in = _BUILT_IN / file.removeprefix("script/")
        if path is None and is_built_in(file) and built_in.is_file():
            path = built_in
        if path is None:
            raise NoSuchScript(f"there is no script file '{file}' in {self._root / 'script'} or {self._root}")
        try:
            return path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as failure:
            raise ConfigError(f"the script file cannot be read: {failure}", where=str(path)) from failure
