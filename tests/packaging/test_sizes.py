"""Files stay short enough to be read in one go."""

import ast
from pathlib import Path


def too_long(folder: Path, limit: int) -> list[str]:
    return [
        f"{path.relative_to(folder.parent)}: {lines} lines"
        for path in sorted(folder.rglob("*.py"))
        if "versions" not in path.parts and (lines := len(path.read_text().splitlines())) > limit
    ]


def test_source_files(root: Path) -> None:
    found = [
        line for package in ("conf", "approvals", "flows", "api") for line in too_long(root / package, 400)
    ]
    assert found == []


def test_test_files(root: Path) -> None:
    assert too_long(root / "tests", 600) == []


def test_every_module_opens_with_a_sentence(root: Path) -> None:
    silent = [
        str(path.relative_to(root))
        for package in ("conf", "approvals", "flows", "api")
        for path in sorted((root / package).rglob("*.py"))
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []
