"""Project folders for tests of the configuration."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Write = Callable[[str, Any], Path]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty project folder."""
    (tmp_path / "conf").mkdir()
    return tmp_path


@pytest.fixture
def write(root: Path) -> Write:
    """Write a file of the project: a document as JSON, a text as it is."""

    def to(name: str, content: Any) -> Path:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
        return path

    return to
