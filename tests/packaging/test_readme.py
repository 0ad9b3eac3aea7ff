"""What the pages say is there."""

import re
from pathlib import Path

import pytest

from api.cli import COMMANDS, MAPPINGS, RUNS, TASKS

INSTALL = (
    "python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt -e '.[dev]' && .venv/bin/recon demo"
)
PAGES = ["README.md", "docs/README.md", "docs/command-line.md", "docs/csv.md", "tests/README.md"]


def blocks(text: str) -> list[str]:
    return re.findall(r"^```[a-z]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_the_first_screen_has_the_two_commands(root: Path) -> None:
    text = (root / "README.md").read_text()
    assert blocks(text)[0].splitlines() == [INSTALL, ".venv/bin/pytest"]
    assert text[: text.index(".venv/bin/pytest\n")].count("\n") < 24


def test_the_source_tree_is_the_one_that_is_shown(root: Path) -> None:
    (shown,) = [block for block in blocks((root / "README.md").read_text()) if block.startswith("conf/ ")]
    parent, named = Path(), []
    for line in shown.splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            parent = Path(name)
        named.append(parent / name if line.startswith(" ") else parent)
    assert [str(path) for path in named if not (root / path).exists()] == []
    tops = {path.parts[0] for path in named}
    assert {path.parent.name for path in root.glob("*/__init__.py")} <= tops


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(root: Path, page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (root / page).read_text())
    broken = [
        link for link in links if "://" not in link and not (root / page).parent.joinpath(link).exists()
    ]
    assert broken == []


def test_every_command_is_described(root: Path) -> None:
    text = (root / "docs" / "command-line.md").read_text()
    for name, *_ in COMMANDS:
        assert f"`recon {name}" in text
    for group, commands in (("runs", RUNS), ("mapping", MAPPINGS), ("tasks", TASKS)):
        (line,) = [line for line in text.splitlines() if f"`recon {group} " in line]
        for name, *_ in commands:
            assert re.search(rf"`(recon {group} )?{name}\b", line), name
