"""What a report calls things: categories with their colours, situations, responses, statuses.

Texts of situations and responses are OpenIAM's. A code that is not known here is shown as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from conf.reconciliation_terms import RESPONSE_LABELS, SITUATION_LABELS


@dataclass(frozen=True, slots=True)
class Category:
    """A case of the report, and its colour on light and on dark ground."""

    code: str
    title: str
    light: str = "#57606a"
    dark: str = "#9aa4af"


#: in the order of the report: what needs a person first
CATEGORIES: Final = tuple(
    Category(*row)
    for row in (
        ("BROKEN_CSV", "Broken record", "#b42318", "#ff8a80"),
        ("NOT_UNIQUE_KEY", "Matches more than one", "#c2410c", "#ffa97a"),
        ("LOGIN_NOT_FOUND", "No login to match by", "#a15c00", "#f5c26b"),
        ("IDM_DELETED", "Deleted in IDM, exists in resource", "#9d174d", "#ff9ecb"),
        ("RESOURCE_DELETED", "Deleted in resource", "#7a2e8e", "#dba6ee"),
        ("NOT_EXIST_IN_IDM_DB", "Exists in resource, not in IDM", "#4338ca", "#a9b0ff"),
        ("NOT_EXIST_IN_RESOURCE", "Exists in IDM, not in resource", "#0b63b0", "#8cc4ff"),
        ("MATCH_FOUND_DIFFERENT", "Exists in both, different", "#0f766e", "#6fdccf"),
        ("MATCH_FOUND", "Exists in both, alike", "#2f7d32", "#97d89b"),
    )
)
_TITLES: Final = {category.code: category for category in CATEGORIES}

SITUATIONS: Final = {str(code): label for code, label in SITUATION_LABELS.items()}
RESPONSES: Final = {str(code): label for code, label in RESPONSE_LABELS.items()}
STATUSES: Final = {
    "SUCCESS": "done",
    "FAILURE": "failed",
    "PENDING": "waiting",
    "HELD": "held back",
    "NOTHING": "nothing to do",
}
DIRECTIONS: Final = {"both": "both directions", "toIdm": "to IDM only", "toResource": "to the resource only"}


def category(code: str) -> Category:
    """The category of a code; one that nobody knows stands for itself."""
    return _TITLES.get(code) or Category(code, code)


def situation(code: str) -> str:
    """A record that cannot be read has none."""
    return SITUATIONS.get(code, code) or "No situation"


def response(code: str) -> str:
    return RESPONSES.get(code, code) or "None"


def status(code: str) -> str:
    return STATUSES.get(code, code.lower())


def done(response_code: str, status_code: str) -> str:
    """What was done and how it went: `Delete from Resource, failed`."""
    return f"{response(response_code)}, {status(status_code)}" if response_code else status(status_code)


def in_order(codes: Iterable[str], known: Iterable[str]) -> list[str]:
    """Codes in the order of the known ones, the others behind them by name."""
    ranks = {code: rank for rank, code in enumerate(known)}
    return sorted(codes, key=lambda code: (ranks.get(code, len(ranks)), code))
