"""Population scripts: a record of the resource and an object of the repository in, the object changed.

In JavaScript the script changes `user`; a Python function may change it or return it. Both also see `record`,
`situation` and `principal`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.engine.copying import copy_json
from flows.engine.failures import EntryFailed

if TYPE_CHECKING:
    from conf.reconciliation_terms import TwoWaySituation
    from flows.engine.rules import Hook, Json


@dataclass(frozen=True)
class Populate:
    """One population script."""

    hook: Hook
    is_python: bool

    def __call__(self, record: Json | None, user: Json, situation: TwoWaySituation, principal: str) -> None:
        """Change `user` in place; raises EntryFailed for a Python function that answers a number but 0."""
        scope = {
            "record": copy_json(record),
            "user": user,
            "situation": str(situation),
            "principal": principal,
        }
        answer = self.hook(scope, ("user",))
        if not self.is_python:
            return
        if isinstance(answer, dict):
            user.clear()
            user.update(answer)
        elif isinstance(answer, int) and not isinstance(answer, bool) and answer != 0:
            raise EntryFailed(f"The population script answered {answer}; 0 means that all is well")
