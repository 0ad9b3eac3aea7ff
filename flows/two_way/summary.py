"""What came of a run, in one sentence."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from conf.reconciliation_terms import RESPONSE_LABELS, Response

if TYPE_CHECKING:
    from flows.store.two_way_rows import Counts


def sentence(counts: Counts, *, stopped: bool = False) -> str:
    """`Add Record to IDM from Resource: 3. Failed: 1.`, or that there was nothing to do."""
    done: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for responses in counts.values():
        for response, statuses in responses.items():
            for status, number in statuses.items():
                if status == "SUCCESS":
                    done[response] += number
                elif status != "NOTHING":
                    others[status] += number
    parts = ["Stopped on request."] if stopped else []
    parts += [f"{RESPONSE_LABELS[Response(response)]}: {number}." for response, number in done.items()]
    words = {"FAILURE": "Failed", "PENDING": "Waiting for a decision", "HELD": "Not done"}
    parts += [f"{words[status]}: {number}." for status, number in others.items()]
    return " ".join(parts) or "Nothing to do."
