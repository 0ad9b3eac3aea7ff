"""Filters that people write in LDAP's own notation (RFC 4515): checked before they become part of another."""

from __future__ import annotations

import re
from typing import Final

from conf.errors import ConfigError

MAX_DEPTH: Final = 50
_ITEM: Final = re.compile(
    r"(?P<name>[A-Za-z][\w.-]*|[0-9]+(?:\.[0-9]+)+)?(?P<options>(?:;[\w-]+)*)(?P<dn>:dn)?(?P<rule>:[\w.-]+)?"
    r"(?P<operator>=|~=|>=|<=|:=)(?P<value>(?:[^()\\\0]|\\[0-9A-Fa-f]{2})*)",
    re.ASCII,
)


def check_filter(text: str, where: str) -> str:
    """The filter with its outer parentheses and no blanks between; ConfigError names the position of a fault."""
    tidy = text.strip()
    if not tidy.startswith("("):
        tidy = f"({tidy})"
    walk = _Walk(tidy, where)
    walk.whole()
    return "".join(walk.pieces)


def names_in(filter: str) -> set[str]:
    """The attributes that a checked filter asks for."""
    walk = _Walk(filter, "")
    walk.whole()
    return walk.names


class _Walk:
    """Goes through a filter once, noting its names and writing it down again."""

    def __init__(self, text: str, where: str) -> None:
        self.text = text
        self.where = where
        self.names: set[str] = set()
        self.pieces: list[str] = []

    def whole(self) -> None:
        end = self._filter(0, 1)
        if end < len(self.text):
            raise self._wrong(end, "the end")

    def _filter(self, at: int, depth: int) -> int:
        at = self._past(at, "(")
        if depth > MAX_DEPTH:
            raise self._wrong(at, f"at most {MAX_DEPTH} levels")
        operator = self.text[at : at + 1]
        if operator in ("&", "|", "!"):
            self.pieces.append(operator)
            at = self._filter(self._blank(at + 1), depth + 1)
            while operator != "!" and self.text[at : at + 1] == "(":
                at = self._filter(at, depth + 1)
        else:
            at = self._item(at)
        return self._past(at, ")")

    def _item(self, at: int) -> int:
        item = _ITEM.match(self.text, at)
        if item is None or not (item["name"] or item["rule"]):
            raise self._wrong(at, "an attribute, an operator and a value")
        if item["name"]:
            self.names.add(item["name"])
        self.pieces.append(item.group())
        return item.end()

    def _past(self, at: int, sign: str) -> int:
        if self.text[at : at + 1] != sign:
            raise self._wrong(at, f"'{sign}'")
        self.pieces.append(sign)
        return self._blank(at + 1)

    def _blank(self, at: int) -> int:
        while self.text[at : at + 1].isspace():
            at += 1
        return at

    def _wrong(self, at: int, expected: str) -> ConfigError:
        shown = self.text if len(self.text) <= 200 else self.text[:197] + "..."
        return ConfigError(
            f"{shown!r} is not an LDAP filter: {expected} was expected at position {at + 1}.",
            where=self.where,
        )
