"""Which roles may do what where: access.json."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from conf.authentication import role_name
from conf.document import Node

METHODS = ("create", "read", "update", "delete", "patch", "action", "query")


@dataclass(frozen=True)
class AccessRule:
    """One rule; a request is allowed when any rule allows it."""

    pattern: str
    """`managed/user/*`, `*` for anything."""
    roles: frozenset[str]
    """Names below `internal/role/`; `*` is everybody."""
    methods: frozenset[str]
    actions: frozenset[str]
    custom: str = ""
    """`customAuthz`: a further condition, as `ownDataOnly()`; empty when there is none."""
    excluded: tuple[str, ...] = ()
    raw: dict[str, Any] = field(default_factory=dict)

    def covers(self, path: str, method: str, action: str, roles: Iterable[str]) -> bool:
        """Whether the rule is about such a request; `custom` is still to be asked."""
        return (
            ("*" in self.methods or method in self.methods)
            and (method != "action" or "*" in self.actions or action in self.actions)
            and ("*" in self.roles or not self.roles.isdisjoint(roles))
            and self._pattern.fullmatch(path) is not None
            and not any(_compiled(pattern).fullmatch(path) for pattern in self.excluded)
        )

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return _compiled(self.pattern)


def read_access(root: Node) -> tuple[AccessRule, ...]:
    """The rules of the document, in order."""
    if not root.is_object():
        return ()
    rules = []
    for element in root.child("configs").elements():
        if element.is_object():
            pattern = element.text("pattern", required=True)
            rules.append(
                AccessRule(
                    pattern=pattern,
                    roles=frozenset(role_name(role) for role in _words(element, "roles")),
                    methods=frozenset(_words(element, "methods")),
                    actions=frozenset(_words(element, "actions")),
                    custom=element.text("customAuthz").strip(),
                    excluded=_words(element, "excludePatterns"),
                    raw=element.value,
                )
            )
    return tuple(rules)


def _words(node: Node, name: str) -> tuple[str, ...]:
    """`read,query` or a list of texts."""
    if isinstance(node.child(name).value, list):
        return node.texts(name)
    return tuple(word.strip() for word in node.text(name).split(",") if word.strip())


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)
