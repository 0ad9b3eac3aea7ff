"""A promise of the system that a row of the store breaks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """Which promise is broken, and by which row."""

    invariant: str
    promise: str
    row: str
