"""Separation of duties as the project configures it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from approvals.entitlement import Separation
from conf.errors import ConfigError

if TYPE_CHECKING:
    from approvals.records import Task
    from flows.call import Runtime


def separation_of(runtime: Runtime, task: Task) -> Separation:
    """Separation of duties for a task: as its mapping says, else workflow.json, else on."""
    mapping = next((each for each in runtime.project.all_mappings if each.name == task.mapping), None)
    document = runtime.project.documents.get("workflow", {})
    for where, given in (
        (f"mapping {task.mapping}", mapping.raw.get("separationOfDuties") if mapping else None),
        ("workflow.json", document.get("separationOfDuties")),
    ):
        if given is not None:
            # YAML reads `off` as false
            word = "off" if given is False else given
            try:
                return Separation(word)
            except ValueError:
                known = ", ".join(Separation)
                raise ConfigError(f"separationOfDuties is {word!r}; it can be {known}", where=where) from None
    return Separation.REQUESTER_AND_SUBJECT
