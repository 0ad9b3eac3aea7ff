"""How many destructive responses are too many."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from conf.reconciliation_schema import GuardLimits
from conf.reconciliation_terms import RESPONSE_LABELS, Response


@dataclass(frozen=True)
class Sizes:
    """How many objects each side has."""

    idm: int
    resource: int

    def of(self, response: Response) -> tuple[int, str]:
        return (self.resource, "the resource") if response.writes_resource else (self.idm, "IDM")


def held(
    planned: Mapping[Response, int], sizes: Sizes, limits: GuardLimits, allowed: Collection[Response]
) -> str:
    """Why the run is held, with the numbers; empty when it may go on.

    A response is held when it meets more objects than the count and more than the percent of the side that it writes.
    """
    reasons = []
    for response, number in sorted(planned.items()):
        size, side = sizes.of(response)
        if response in allowed or number <= limits.count or number * 100 <= limits.percent * size:
            continue
        reasons.append(
            f"{RESPONSE_LABELS[response]} ({response}) would meet {number} of {size} objects of {side}; "
            f"the guard lets {limits.count}, or {limits.percent} %, pass"
        )
    if not reasons:
        return ""
    names = ",".join(str(response) for response in sorted(planned) if response not in allowed)
    return f"Held, nothing was deleted or disabled. {'. '.join(reasons)}. To let it pass once: allow={names}"
