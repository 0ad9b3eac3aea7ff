"""What a job of the task scanner says in `invokeContext`: which objects, how many, and where their state is kept."""

from __future__ import annotations

import re
from typing import Final

from conf import pointer
from conf.document import Node
from conf.errors import BadRequest
from conf.filters import parse as filters

THREADS: Final = 10
MOMENT: Final = re.compile(r"\$\{Time\.now(?:WithOffset)?\s*(?:([+-])\s*(\d{1,9})\s*([smhdMy]))?\s*\}")
PERIOD: Final = re.compile(r"\s*(\d{1,9})\s*([smhdMy])\s*")


def check_scan(context: Node) -> None:
    """Tell what is wrong with it, each at its place."""
    context.flag("waitForCompletion", False)
    context.number("maxRecords", 0)
    context.number("numberOfThreads", THREADS, least=1)
    scan = context.child("scan")
    if not scan.is_object():
        return
    scan.text("object", required=True)
    _filter(scan)
    state = scan.child("taskState")
    if state.is_object():
        for name in ("started", "completed"):
            _pointer(state, name)
    recovery = scan.child("recovery")
    if recovery.value is not None and recovery.is_object():
        timeout = recovery.text("timeout", required=True)
        if timeout and PERIOD.fullmatch(timeout) is None:
            recovery.child("timeout").problem(f"'{timeout}' is not a number and a unit, such as 10m")


def _filter(scan: Node) -> None:
    text = scan.text("_queryFilter", required=True)
    try:
        filters.parse(MOMENT.sub("2000-01-01T00:00:00.000Z", text) if text else "true")
    except BadRequest as failure:
        scan.child("_queryFilter").problem(failure.message)


def _pointer(state: Node, name: str) -> None:
    try:
        pointer.parse(state.text(name, required=True))
    except BadRequest as failure:
        state.child(name).problem(failure.message)
