"""Reading one configuration document: typed members, and problems that name their place.

A `Node` is a value with the path that leads to it. Readers take what they need by type; whatever is wrong is
noted with its path and a default is returned, so that one pass finds every problem of a document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final, TypeVar

Path = tuple[str | int, ...]
E = TypeVar("E", bound=str)

_WORDS: Final = {
    dict: "an object",
    list: "an array",
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    type(None): "null",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a document, and where."""

    path: Path
    message: str
    is_script: bool = False
    """About the code of a script only: its document is sound."""

    @property
    def place(self) -> str:
        return path_text(self.path)

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.path else self.message


def path_text(path: Path) -> str:
    """`mappings[3].policies[0].situation`."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        elif part.isidentifier():
            shown += f".{part}" if shown else part
        else:
            shown += f'["{part}"]'
    return shown


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean ABSENT?`, or nothing when no known word is near."""
    folded = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(word.lower(), folded, n=1)
    return f" Did you mean {folded[near[0]]}?" if near else ""


def kind_of(value: Any) -> str:
    """A JSON type in words."""
    return _WORDS.get(type(value), type(value).__name__)


@dataclass(slots=True)
class Reading:
    """What reading a document needs and yields: its name, the checks of its scripts, the problems found."""

    document: str
    has_script: Callable[[str], bool] = lambda _file: True
    """Whether the project has a script file of that name."""
    script_problem: Callable[[Any], str | None] = lambda _script: None
    """What is wrong in the code of a ScriptConfig; set where scripts can be compiled."""
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class Node:
    """A value of a document, the path that leads to it, and the reading it belongs to."""

    value: Any
    reading: Reading
    path: Path = ()

    @property
    def place(self) -> str:
        """`sync: mappings[0].validSource`."""
        return f"{self.reading.document}: {path_text(self.path)}" if self.path else self.reading.document

    def problem(self, message: str, *, is_script: bool = False) -> None:
        self.reading.problems.append(Problem(self.path, message, is_script))

    def child(self, name: str | int) -> Node:
        """The member or element; its value is None when it is missing."""
        found: Any = None
        if isinstance(self.value, dict) and isinstance(name, str):
            found = self.value.get(name)
        elif isinstance(self.value, list) and isinstance(name, int):
            found = self.value[name]
        return Node(found, self.reading, (*self.path, name))

    def first(self, *names: str) -> Node:
        """The member under the first of several names that is there; older names come later."""
        for name in names:
            if (child := self.child(name)).value is not None:
                return child
        return self.child(names[0])

    def is_object(self) -> bool:
        """Whether it is an object; if not, that is a problem."""
        if isinstance(self.value, dict):
            return True
        self.problem(f"expected an object, found {kind_of(self.value)}")
        return False

    def elements(self) -> Iterator[Node]:
        """Elements of a list; a missing list has none, anything else is a problem."""
        if isinstance(self.value, list):
            for index in range(len(self.value)):
                yield self.child(index)
        elif self.value is not None:
            self.problem(f"expected an array, found {kind_of(self.value)}")

    def members(self) -> Iterator[tuple[str, Node]]:
        """Members of an object; a missing object has none, anything else is a problem."""
        if isinstance(self.value, dict):
            for name in self.value:
                yield name, self.child(name)
        elif self.value is not None:
            self.problem(f"expected an object, found {kind_of(self.value)}")

    def text(self, name: str, default: str = "", *, required: bool = False) -> str:
        child = self.child(name)
        if child.value is None and not required:
            return default
        if isinstance(child.value, str) and (child.value or not required):
            return child.value
        if child.value is None or child.value == "":
            self.problem(f"{name!r} is missing")
        else:
            child.problem(f"expected a text, found {kind_of(child.value)}")
        return default

    def flag(self, name: str, default: bool) -> bool:
        found = self.optional_flag(name)
        return default if found is None else found

    def optional_flag(self, name: str) -> bool | None:
        """True, false, or None when the document does not say."""
        child = self.child(name)
        if child.value is None or isinstance(child.value, bool):
            found: bool | None = child.value
            return found
        child.problem(f"expected true or false, found {kind_of(child.value)}")
        return None

    def number(self, name: str, default: int, *, least: int = 0) -> int:
        child = self.child(name)
        if child.value is None:
            return default
        if isinstance(child.value, bool) or not isinstance(child.value, int):
            child.problem(f"expected a whole number, found {kind_of(child.value)}")
        elif child.value < least:
            child.problem(f"{child.value} is too small; at least {least}")
        else:
            return child.value
        return default

    def mapping(self, name: str) -> dict[str, Any] | None:
        """A member that is an object, or None."""
        child = self.child(name)
        return child.value if child.value is not None and child.is_object() else None

    def texts(self, name: str) -> tuple[str, ...]:
        """A member that is a list of texts."""
        found = []
        for element in self.child(name).elements():
            if isinstance(element.value, str):
                found.append(element.value)
            else:
                element.problem(f"expected a text, found {kind_of(element.value)}")
        return tuple(found)

    def word(self, known: Iterable[E], what: str) -> E | None:
        """A word of a closed set, in any letter case."""
        words = {str(candidate).upper(): candidate for candidate in known}
        if not isinstance(self.value, str):
            self.problem(f"expected {what}, found {kind_of(self.value)}")
            return None
        found = words.get(self.value.upper())
        if found is None:
            hint = (
                did_you_mean(self.value, map(str, words.values())) or f" Known: {', '.join(words.values())}."
            )
            self.problem(f"'{self.value}' is not {what}.{hint}")
        return found
