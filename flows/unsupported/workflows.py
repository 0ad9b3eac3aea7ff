"""BPMN definitions, and processes that a policy names and nobody has written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from flows.compilation import WORKFLOW_TRIGGER
from flows.unsupported.part import Documents, Steps, Unsupported

SUFFIXES: Final = (".bpmn20.xml", ".bpmn", ".bar")
SAMPLE: Final = "the sample shows how (recon init --sample sync-asynchronous)"
_PROCESS: Final = re.compile(rb"<(?:\w+:)?process\b[^>]*?\bid\s*=\s*[\"']([\w.-]+)[\"']", re.DOTALL)
_LIMIT: Final = 1 << 20


def definitions(root: Path) -> Iterator[Unsupported]:
    """BPMN files of the project that have no Python beside them."""
    folder = root / "workflow"
    for path in sorted(folder.rglob("*")):
        suffix = next((found for found in SUFFIXES if path.name.endswith(found)), None)
        if suffix is None or not path.is_file():
            continue
        text = b"" if suffix == ".bar" else path.read_bytes()[:_LIMIT]
        found = _PROCESS.search(text)
        name = found.group(1).decode() if found else path.name.removesuffix(suffix)
        if is_written(root, name):
            continue
        line = text.count(b"\n", 0, found.start()) + 1 if found else 0
        shown = str(path.relative_to(root))
        yield Unsupported(
            shown, line, f"the BPMN process {name} is not run", f"write workflow/{name}.py; {SAMPLE}"
        )


def is_written(root: Path, name: str) -> bool:
    """Whether a Python file of the project is that process, or mentions its name."""
    folder = root / "workflow"
    return (folder / f"{name}.py").exists() or any(
        name in path.read_text("utf-8", errors="replace") for path in folder.glob("*.py")
    )


def requested(documents: Documents) -> Iterator[Unsupported]:
    """Policies that ask for a process which the project has not."""
    if (documents.root / "script" / WORKFLOW_TRIGGER).exists():
        return
    for id, document in documents.documents.items():
        if id != "sync" and not id.startswith("mapping/"):
            continue
        for path, action in _triggers(document, ()):
            name = action.get("workflowName")
            if not isinstance(name, str) or not is_written(documents.root, name):
                what = f"there is no process {name}, so its entries fail"
                yield documents.part(id, path, what, f"write workflow/{name}.py; {SAMPLE}")


def _triggers(value: Any, path: Steps) -> Iterator[tuple[Steps, dict[str, Any]]]:
    if isinstance(value, dict):
        if value.get("file") == WORKFLOW_TRIGGER:
            yield path, value
        for key, member in value.items():
            yield from _triggers(member, (*path, key))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _triggers(member, (*path, index))
