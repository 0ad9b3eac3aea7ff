"""What a script's text mentions: the names it may read, the modules it needs, what it asks of `openidm`.

Read by patterns, not by a parser: comments and texts count as mentions too, so that the answer errs towards more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

WRITERS: Final = frozenset({"create", "update", "patch", "delete", "action"})
READERS: Final = frozenset(
    {"read", "query", "encrypt", "decrypt", "isEncrypted", "hash", "isHashed", "matches"}
)

_IDENTIFIER: Final = re.compile(r"[^\W\d][\w$]*|\$[\w$]*")
_OPENIDM: Final = re.compile(r"(?<![\w$/])openidm(?![\w$/-])")
_VERB: Final = re.compile(r"(?<![\w$/])openidm\s*\.\s*(\w+)")
_REQUIRE: Final = re.compile(r"(?<![\w$.])require(?![\w$])")
_REQUIRE_LITERAL: Final = re.compile(r"(?<![\w$.])require\s*\(\s*(['\"])([^'\"\\\n]+)\1\s*\)")
_LOAD: Final = re.compile(r"(?<![\w$.])load\s*\(")
_READ_FILE: Final = re.compile(r"(?<![\w$.])readFile(?![\w$])")
_ASSIGNS: Final = re.compile(
    r"(?<![=!<>])=(?![=>])|\+\+|--|\b(?:eval|Function|for|this|globalThis|require|load)\b|<<=|>>="
)
_ANY_NAME: Final = re.compile(r"\b(?:eval|Function)\b|\\u")


@dataclass(frozen=True)
class References:
    """The mentions of one text."""

    text: str

    @cached_property
    def identifiers(self) -> frozenset[str]:
        return frozenset(_IDENTIFIER.findall(self.text))

    @cached_property
    def any_name(self) -> bool:
        """Whether it may read a variable without mentioning it."""
        return _ANY_NAME.search(self.text) is not None

    @cached_property
    def assigns(self) -> bool:
        """Whether it may leave something on the global object."""
        return _ASSIGNS.search(self.text) is not None

    @cached_property
    def modules(self) -> tuple[str, ...]:
        """What it requires by a literal name, in order."""
        return tuple(dict.fromkeys(name for _quote, name in _REQUIRE_LITERAL.findall(self.text)))

    @cached_property
    def loads_unseen_code(self) -> bool:
        """Whether it loads files, or modules by names that only show when it runs."""
        literal = len(_REQUIRE_LITERAL.findall(self.text))
        return _LOAD.search(self.text) is not None or len(_REQUIRE.findall(self.text)) > literal

    @cached_property
    def reads_files(self) -> bool:
        return _READ_FILE.search(self.text) is not None

    @cached_property
    def verbs(self) -> frozenset[str]:
        """Functions of `openidm` it may call; all of them where it hands `openidm` on, or loads unseen code."""
        if self.loads_unseen_code or len(_OPENIDM.findall(self.text)) > len(
            named := _VERB.findall(self.text)
        ):
            return WRITERS | READERS
        return frozenset(named)
