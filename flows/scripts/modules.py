"""Script files and modules: the project's own first, then the built-in ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Final

from conf.errors import NotFound
from flows.scripts.references import References

Lookup = Callable[[str], str | None]
"""The project's text of a script file; None, NotFound or LookupError where it has none."""

_BUILT_IN: Final = Path(__file__).parent / "builtin"


class Library:
    """Finds script files by the names that configurations and `require` use."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    def text(self, file: str) -> str | None:
        """A script file, or None."""
        if not _is_inside(file):
            return None
        try:
            found = self._lookup(file)
        except (NotFound, LookupError):
            found = None
        return found if found is not None else built_in(file)

    def module(self, name: str) -> str | None:
        """The text of a module by its canonical name."""
        return self.text(name if name.endswith(".json") else f"{name}.js")

    def closure(self, references: References) -> dict[str, str]:
        """Modules that a script needs, and those that they need, by canonical name; unknown ones are left out."""
        found: dict[str, str] = {}
        waiting = [canonical("", request) for request in references.modules]
        while waiting:
            name = waiting.pop()
            if name is None or name in found or (text := self.module(name)) is None:
                continue
            found[name] = text
            if not name.endswith(".json"):
                folder = name.rpartition("/")[0]
                waiting += [canonical(folder, request) for request in References(text).modules]
        return found


def canonical(folder: str, request: str) -> str | None:
    """The one name of a module: `lib/x` for `./x` asked in `lib`; None when it leads out of the script folders.

    The prelude's `canonical` does the same when the script runs.
    """
    relative = request.startswith(("./", "../"))
    path: list[str] = []
    for part in (f"{folder}/{request}" if relative else request).split("/"):
        if part == "..":
            if not path:
                return None
            path.pop()
        elif part not in {"", "."}:
            path.append(part)
    return "/".join(path).removesuffix(".js")


def built_in(file: str) -> str | None:
    """The text of a built-in script. Those that shipped in Groovy stand here in JavaScript, by their own names."""
    name = f"{file.removesuffix('.groovy')}.js" if file.endswith(".groovy") else file
    path = _BUILT_IN / name
    return path.read_text(encoding="utf-8") if _is_inside(name) and path.is_file() else None


def read_project_file(root: Path | None, path: str, most: int) -> str | None:
    """A text file of the project folder for `readFile`; None where it is not one, hidden, or too large."""
    if root is None:
        return None
    home = root.resolve()
    try:
        found = (home / path).resolve()
        inside = found.relative_to(home)
        if _hidden(inside.parts) or not found.is_file() or found.stat().st_size > most:
            return None
        return found.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def _is_inside(file: str) -> bool:
    path = PurePosixPath(file)
    return bool(file) and "\0" not in file and not path.is_absolute() and ".." not in path.parts


def _hidden(parts: Iterable[str]) -> bool:
    return any(part.startswith(".") for part in parts)
