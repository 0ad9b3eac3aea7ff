"""Who is told of what a two-way run met: `notifications` of a configuration, and `notification` of a situation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from conf.document import Node, did_you_mean, kind_of
from conf.errors import BadRequest
from conf.filters.ast import And, Comparison, Filter, Literal
from conf.filters.parse import parse
from conf.reconciliation_terms import (
    RESPONSE_LABELS,
    SITUATION_LABELS,
    Response,
    TwoWaySituation,
)
from conf.substitution import is_open

MEMBERS: Final = ("name", "situation", "response", "condition", "to", "message")


@dataclass(frozen=True)
class Notification:
    """Somebody to tell of the objects that a filter finds in a run."""

    name: str
    filter: Filter
    """On the members of the history's objects."""
    to: tuple[str, ...]
    """Mail addresses, and addresses of channels that Apprise knows (`slack://...`), which hold secrets."""
    message: str = ""


def read_notifications(root: Node) -> tuple[Notification, ...]:
    """Those of a configuration with everything put in place; what is wrong is noted and left out."""
    found = [_notification(node, f"notification {number}") for number, node in enumerate(_listed(root), 1)]
    for key, child in root.child("situations").members():
        node = child.child("notification")
        situation = _word(key, TwoWaySituation, SITUATION_LABELS)
        if node.value is not None and situation is not None:
            label = SITUATION_LABELS[TwoWaySituation(situation)]
            found.append(_notification(node, label, (_is("situation", situation),)))
    return tuple(one for one in found if one is not None)


def _listed(root: Node) -> Iterator[Node]:
    return root.child("notifications").elements()


def _notification(node: Node, name: str, parts: tuple[Filter, ...] = ()) -> Notification | None:
    if isinstance(node.value, str | list):
        to = _targets(node)
        return Notification(name, _all(parts), to) if to else None
    if not node.is_object():
        return None
    known = len(node.reading.problems)
    for key, child in node.members():
        if key not in MEMBERS:
            child.problem(f"'{key}' is not a member of a notification.{did_you_mean(key, MEMBERS)}")
    conditions = [
        *parts,
        *_named(node, "situation", TwoWaySituation, SITUATION_LABELS),
        *_named(node, "response", Response, RESPONSE_LABELS),
    ]
    if condition := node.text("condition"):
        try:
            conditions.append(parse(condition))
        except BadRequest as failure:
            node.child("condition").problem(failure.message)
    to = _targets(node.child("to"))
    if not to and len(node.reading.problems) == known:
        node.problem("'to' is missing: a mail address or a channel such as slack://..., or a list of them")
    if len(node.reading.problems) > known:
        return None
    name = node.text("name") or name
    return Notification(name, _all(tuple(conditions)), to, node.text("message"))


def _targets(node: Node) -> tuple[str, ...]:
    """Mail addresses and channels."""
    one = isinstance(node.value, str)
    found: list[str] = []
    for element in [node] if one else node.elements():
        value = element.value
        if not isinstance(value, str) or not value.strip():
            element.problem(f"expected a mail address or a channel, found {kind_of(value)}")
        elif is_open(value):
            element.problem(f"{value} is not set in the environment or in boot.properties")
        elif "://" in value:
            found.append(value.strip())
        elif "@" in value:
            found.extend(split_addresses(value))
        else:
            element.problem(f"'{value}' is neither a mail address nor a channel such as slack://...")
    return tuple(dict.fromkeys(found))


def split_addresses(text: str) -> tuple[str, ...]:
    """The mail addresses of a field that may hold several, with commas or semicolons between."""
    return tuple(part.strip() for part in text.replace(";", ",").split(",") if part.strip())


def _named(node: Node, member: str, words: Any, labels: Mapping[Any, str]) -> list[Filter]:
    child = node.child(member)
    if child.value is None:
        return []
    word = _word(child.value, words, labels)
    if word is None:
        child.problem(f"'{child.value}' is not known here.{did_you_mean(str(child.value), words)}")
        return []
    return [_is(member, word)]


def _word(written: Any, words: Any, labels: Mapping[Any, str]) -> str | None:
    """A word by its value or its label, in any letter case."""
    wanted = str(written).strip().lower()
    return next((str(word) for word in words if wanted in (str(word).lower(), labels[word].lower())), None)


def _all(parts: tuple[Filter, ...]) -> Filter:
    return And(parts) if parts else Literal(value=True)


def _is(member: str, value: str) -> Filter:
    return Comparison((member,), "eq", value)
