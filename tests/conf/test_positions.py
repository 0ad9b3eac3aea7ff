"""Lines of values in JSON and YAML texts."""

import pytest

from conf.document import Path
from conf.positions import line_of

JSON = """{
  "mappings": [
    {"name": "a, {b}: [c]", "policies": []},
    {
      "name": "x\\"y",
      "policies": [
        {"situation": "ABSENT"},
        {"situation": "FOUND",
         "action": "FLY"}
      ]
    }
  ], "a\\"b": 1
}
"""
YAML = """# a comment
mappings:
  - name: a
  - name: b
    policies:
      - situation: ABSENT
        action: FLY
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("mappings",), 2),
        (("mappings", 0), 3),
        (("mappings", 1, "name"), 5),
        (("mappings", 1, "policies", 1), 8),
        (("mappings", 1, "policies", 1, "action"), 9),
        (("mappings", 1, "policies", 1, "gone", "deeper"), 8),
        (('a"b',), 12),
    ],
)
def test_lines_of_json(path: Path, line: int) -> None:
    assert line_of(JSON, path) == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("mappings",), 2),
        (("mappings", 1, "name"), 4),
        (("mappings", 1, "policies", 0, "action"), 7),
        (("gone",), 2),
    ],
)
def test_lines_of_yaml(path: Path, line: int) -> None:
    assert line_of(YAML, path, is_yaml=True) == line


def test_a_text_that_cannot_be_read_has_no_lines() -> None:
    assert line_of("a: [", ("a",), is_yaml=True) is None
    assert line_of("", ("a",)) is None
