"""A compiled script: what the sessions need to run it, and what others may ask about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from flows.scripts.references import WRITERS

RESERVED: Final = frozenset(
    re.findall(
        r"\w+",
        """
        arguments await break case catch class const continue debugger default delete do else enum eval export
        extends false finally for function if implements import in instanceof interface let new null package
        private protected public return static super switch this throw true try typeof var void while with yield
        """,
    )
)
_NAME: Final = re.compile(r"[^\W\d][\w$]*|\$[\w$]*")


class Wanted(dict[str, bool]):
    """Which variables of a scope a script may read; remembered, as it is asked for every row."""

    def __init__(self, identifiers: frozenset[str] | None) -> None:
        super().__init__()
        self._identifiers = identifiers

    def __missing__(self, name: str) -> bool:
        mentioned = self._identifiers is None or name in self._identifiers
        found = mentioned and name not in RESERVED and _NAME.fullmatch(name) is not None
        self[name] = found
        return found


@dataclass(frozen=True, eq=False)
class Script:
    """Made by `ScriptHost.compile`; good for any session of that host."""

    where: str
    """Place in the configuration, or the file, for messages."""
    text: str = ""
    body: str | None = None
    """The text as a function's body; None where only `eval` knows its last value."""
    wanted: Wanted = field(default_factory=lambda: Wanted(frozenset()))
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Variables that the configuration gives; those of the scope win."""
    tidy: bool = False
    """Whether something may be left on the global object."""
    modules: Mapping[str, str] = field(default_factory=dict)
    verbs: frozenset[str] = frozenset()
    """Functions of `openidm` that it, or a module it needs, may call."""
    isolated: bool = False
    """Runs in a killable process, where it can be given `openidm` and files."""
    function: Callable[..., Any] | None = None
    """A Python callable in place of JavaScript."""

    @property
    def uses_openidm(self) -> bool:
        return bool(self.verbs)

    @property
    def writes(self) -> bool:
        """Whether it may change anything through `openidm`."""
        return bool(self.verbs & WRITERS)

    def names(self, scope: Iterable[str]) -> tuple[str, ...]:
        """The variables of this scope that the script may read."""
        wanted = self.wanted
        return tuple([name for name in scope if wanted[name]])

    def definition(self, names: tuple[str, ...], mutable: tuple[str, ...]) -> str:
        """What a context needs to know to run it with a scope of these names."""
        constants = {
            name: orjson.dumps(value).decode()
            for name, value in self.variables.items()
            if name not in names and self.wanted[name]
        }
        return orjson.dumps(
            {
                "text": self.text,
                "body": self.body,
                "names": [*names, *constants],
                "constants": list(constants.values()),
                "mutable": [names.index(name) for name in mutable],
                "tidy": self.tidy,
            }
        ).decode()
