"""Garbage collection for a process that works in pages of rows.

A page makes tens of thousands of small objects that reference counting frees at its end. With Python's own threshold
of 700 the collector walks them some hundred times before, to find nothing: a tenth of a large run's time.
"""

from __future__ import annotations

import gc
from typing import Final

YOUNG: Final = 50_000
"""Objects made, less those freed, until the collector looks at the young ones: about a page of 1,000 rows."""


def collect_rarely() -> None:
    """Let this process collect by the page instead of by the row. Cycles are found later, none is missed."""
    if gc.isenabled() and gc.get_threshold()[0] < YOUNG:
        gc.set_threshold(YOUNG, *gc.get_threshold()[1:])


def collect_now() -> None:
    """Take back what a run left behind: its parts know each other, so nothing but the collector frees them."""
    gc.collect()
