"""Scripts of a project that are not run: Groovy, and JavaScript that calls Java."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from conf.script_config import LANGUAGES, is_built_in, is_shipped_hook
from flows.unsupported.javascript import jvm_uses
from flows.unsupported.part import Documents, Steps, Unsupported

if TYPE_CHECKING:
    from conf.script_files import ScriptFiles

FOLDERS: Final = ("script", "ui")
_LIMIT: Final = 5_000_000


def in_documents(documents: Documents, files: ScriptFiles) -> Iterator[Unsupported]:
    """Script objects of every configuration file."""
    for id, document in documents.documents.items():
        for path, script in _scripts(document, ()):
            language = LANGUAGES.get(str(script["type"]).strip().lower())
            file = script.get("file") or script.get("name")
            if language == "groovy" and not (isinstance(file, str) and _is_ours(file)):
                yield documents.part(id, path, _groovy(script), _instead(file))
            elif language == "javascript" and (code := _code(script)) is not None:
                spread = isinstance(script["source"], list)
                for line, what, remedy in jvm_uses(code):
                    where: Steps = (*path, "source", line) if spread else (*path, "source")
                    yield documents.part(id, where, f"{what} is not there (no JVM)", remedy)
            elif isinstance(file, str) and is_shipped_hook(file) and not files.has(file):
                yield documents.part(
                    id,
                    path,
                    f"the hook {file} is not run: what it does is done otherwise here, or not at all",
                    f"nothing, unless you count on it: then put script/{file} into the project",
                    is_fatal=False,
                )


def in_folders(root: Path) -> Iterator[Unsupported]:
    """Script files of the project, whether anything names them or not."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            shown = str(path.relative_to(root))
            if path.suffix == ".groovy":
                yield Unsupported(
                    shown,
                    0,
                    "a Groovy script, which is not run",
                    f"write {Path(shown).with_suffix('.js')} in JavaScript and name that in the configuration",
                )
            elif path.suffix == ".js" and path.is_file() and path.stat().st_size < _LIMIT:
                for line, what, remedy in jvm_uses(path.read_text("utf-8", errors="replace")):
                    yield Unsupported(shown, line + 1, f"{what} is not there (no JVM)", remedy)


def _scripts(value: Any, path: Steps) -> Iterator[tuple[Steps, dict[str, Any]]]:
    """Objects that look like a script: a known language, with code or a file."""
    if isinstance(value, dict):
        if str(value.get("type", "")).strip().lower() in LANGUAGES and ("source" in value or "file" in value):
            yield path, value
        for key, member in value.items():
            yield from _scripts(member, (*path, key))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _scripts(member, (*path, index))


def _code(script: dict[str, Any]) -> str | None:
    source = script.get("source")
    if isinstance(source, list):
        return "\n".join(str(line) for line in source)
    return source if isinstance(source, str) else None


def _is_ours(file: str) -> bool:
    return is_built_in(file) or is_shipped_hook(file)


def _groovy(script: dict[str, Any]) -> str:
    named = script.get("file") or script.get("name")
    return f"the Groovy script {named} is not run" if named else "a Groovy script is not run"


def _instead(file: Any) -> str:
    name = Path(str(file)).with_suffix(".js") if file else None
    where = f"write script/{name}" if name else "write it"
    return f'{where} in JavaScript, with "type": "text/javascript"'
