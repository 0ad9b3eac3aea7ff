"""Which cases there are on which database: all on SQLite, some on PostgreSQL, and all there with RECON_KILLS=long."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pytest

LONG = os.environ.get("RECON_KILLS") == "long"


def on_both(cases: Sequence[tuple[Any, ...]], every: int) -> list[Any]:
    """The cases with the database in front; every so many of them is on PostgreSQL in the short run."""
    some = cases if LONG else cases[::every]
    return [pytest.param("sqlite", *case) for case in cases] + [
        pytest.param("postgresql", *case, marks=pytest.mark.services) for case in some
    ]


LONG_ON_POSTGRESQL = pytest.mark.parametrize(
    "store",
    ["sqlite", *([pytest.param("postgresql", marks=pytest.mark.services)] if LONG else [])],
    indirect=True,
)
"""A test of a minute, which has its turn on PostgreSQL in the long run alone."""
