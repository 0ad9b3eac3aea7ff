"""Which line of a JSON or YAML text holds the value that a path leads to."""

import re
from typing import Final

import yaml

from conf.document import Path

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+|\n')


def line_of(text: str, path: Path, *, is_yaml: bool = False) -> int | None:
    """Line (from 1) of the value at `path`, or of the nearest value above it; None when the text cannot be read."""
    found = _yaml_lines(text, path) if is_yaml else _json_lines(text, path)
    for length in range(len(path), -1, -1):
        if path[:length] in found:
            return found[path[:length]]
    return None


def _json_lines(text: str, path: Path) -> dict[Path, int]:
    """Lines of the values on the way to `path`, by their paths."""
    wanted = {path[:length] for length in range(len(path) + 1)}
    found: dict[Path, int] = {}
    line = 1
    #: open containers: the key or index of the value that comes next, and whether it is a list
    steps: list[str | int] = []
    lists: list[bool] = []
    key: str | None = None
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token == "\n":
            line += 1
        elif token == ":":
            steps[-1:] = [_plain(key or "")]
        elif token == ",":
            if lists and lists[-1] and isinstance(step := steps[-1], int):
                steps[-1] = step + 1
        elif token in "]}":
            steps[-1:], lists[-1:] = [], []
        else:
            is_key = bool(lists) and not lists[-1] and token[0] == '"' and _colon_follows(text, match.end())
            if is_key:
                key = token
                # the line of a member is that of its name
                _note(found, wanted, (*steps[:-1], _plain(token)), line)
                continue
            _note(found, wanted, tuple(steps), line)
            if token in "[{":
                steps.append(0)
                lists.append(token == "[")
    return found


def _note(found: dict[Path, int], wanted: set[Path], path: Path, line: int) -> None:
    if path in wanted:
        found.setdefault(path, line)


def _colon_follows(text: str, end: int) -> bool:
    rest = re.compile(r"\s*").match(text, end)
    return rest is not None and text[rest.end() : rest.end() + 1] == ":"


def _plain(token: str) -> str:
    return token[1:-1].replace('\\"', '"').replace("\\\\", "\\")


def _yaml_lines(text: str, path: Path) -> dict[Path, int]:
    found: dict[Path, int] = {}
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return found
    here: Path = ()
    if node is not None:
        found[here] = node.start_mark.line + 1
    for part in path:
        key, following = None, None
        if isinstance(node, yaml.MappingNode):
            key, following = next(((k, v) for k, v in node.value if k.value == part), (None, None))
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            following = node.value[part]
        if following is None:
            break
        here, node = (*here, part), following
        found[here] = (key or following).start_mark.line + 1
    return found
