"""What a check found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How a thing is."""

    OK = "ok"
    WARNING = "warning"
    """It works, but somebody should look at it."""
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    subject: str
    health: Health
    message: str
    remedy: str | None = None


def well(subject: str, message: str) -> Finding:
    return Finding(subject, Health.OK, message)


def doubtful(subject: str, message: str, remedy: str | None = None) -> Finding:
    return Finding(subject, Health.WARNING, message, remedy)


def wrong(subject: str, message: str, remedy: str | None = None) -> Finding:
    return Finding(subject, Health.FAILED, message, remedy)
