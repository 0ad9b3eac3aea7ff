"""What to write into a task's form to say yes or no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.commands.outcome import CommandFailed

YES, NO = "true", "false"


def answers(definition: Mapping[str, Any], task_key: str, *, yes: bool) -> dict[str, str]:
    """The form that approves or rejects a task: its one field that can be answered by yes and no.

    CommandFailed when the form asks for something else, which only a person can fill in.
    """
    task = (definition.get("taskDefinitions") or {}).get(task_key) or {}
    fields = (task.get("taskFormHandler") or {}).get("formPropertyHandlers") or []
    writable = [field for field in fields if field.get("writable")]
    deciding = [field for field in writable if _decides(field)]
    others = [field for field in writable if field.get("required") and field not in deciding]
    if len(deciding) != 1 or others:
        asked = ", ".join(str(field.get("id")) for field in writable) or "nothing"
        raise CommandFailed(
            f"its form asks for {asked}, which yes or no does not answer; complete it by REST"
        )
    return {str(deciding[0]["id"]): _value(deciding[0], yes=yes)}


def _decides(field: Mapping[str, Any]) -> bool:
    kind = field.get("type") or {}
    return kind.get("name") == "boolean" or (kind.get("name") == "enum" and YES in (kind.get("values") or {}))


def _value(field: Mapping[str, Any], *, yes: bool) -> str:
    values = list((field.get("type") or {}).get("values") or (YES, NO))
    if yes:
        return YES
    return NO if NO in values else next(value for value in values if value != YES)
