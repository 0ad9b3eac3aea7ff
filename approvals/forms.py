"""Reading a form that somebody sent, and showing one. Pure."""

import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, assert_never

from approvals.definitions import FieldType, FormField, UserTask
from approvals.states import Verdict
from conf.errors import BadRequest

LONGEST: Final = 4000
"""Characters of one value."""

_EXPRESSION: Final = re.compile(r"\$\{\s*([A-Za-z_][\w.]*)\s*\}")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def resolve(text: str | None, variables: Mapping[str, Any]) -> Any:
    """The text with its `${...}`; one that is nothing but an expression keeps the variable's own type."""
    if text is None:
        return None
    if whole := _EXPRESSION.fullmatch(text.strip()):
        return _variable(whole[1], variables)

    def shown(found: re.Match[str]) -> str:
        value = _variable(found[1], variables)
        return "" if value is None else str(value)

    return _EXPRESSION.sub(shown, text)


def resolve_text(text: str | None, variables: Mapping[str, Any]) -> str | None:
    """As `resolve`, for members that are texts."""
    value = resolve(text, variables)
    return value if value is None or isinstance(value, str) else str(value)


def _variable(path: str, variables: Mapping[str, Any]) -> Any:
    found: Any = variables
    for token in path.split("."):
        if not isinstance(found, Mapping) or token not in found:
            return None
        found = found[token]
    return found


def shown_values(task: UserTask, variables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`formProperties` of a task: what its fields show before anybody has answered."""
    return [
        {
            declared.id: resolve(
                declared.expression if declared.expression is not None else declared.default, variables
            )
        }
        for declared in task.form
    ]


def read_form(task: UserTask, body: Any) -> dict[str, str]:
    """The declared, writable fields that a body answers, as text; anything else in it is a BadRequest."""
    if body is None:
        body = {}
    if not isinstance(body, dict):
        raise BadRequest("The form must be a JSON object, such as " + _example(task))
    for name in body:
        declared = task.field(name)
        if declared is None or not declared.writable:
            why = "cannot be written" if declared else "is not a field of this form"
            fields = ", ".join(writable.id for writable in task.form if writable.writable) or "none"
            raise BadRequest(f"'{name}' {why}; its writable fields: {fields}", detail={"field": name})
    answers: dict[str, str] = {}
    for declared in task.form:
        value = body.get(declared.id, declared.default) if declared.writable else None
        if value is not None:
            answers[declared.id] = _text(declared, value)
        elif declared.writable and declared.required:
            raise BadRequest(
                f"'{declared.id}' ({declared.name}) is required, such as {_example(task)}",
                detail={"field": declared.id},
            )
    return answers


def verdict(task: UserTask, answers: Mapping[str, str]) -> Verdict:
    """What the answers mean."""
    if task.approves is None:
        return Verdict.COMPLETED
    return Verdict.APPROVED if answers.get(task.approves.field) == task.approves.value else Verdict.REJECTED


def _text(declared: FormField, value: Any) -> str:
    # true and false are what a person means by "true" and "false", in an enum too
    if isinstance(value, bool):
        value = "true" if value else "false"
        if declared.type in (FieldType.TEXT, FieldType.NUMBER, FieldType.DATE):
            raise _wrong(declared, "a boolean")
    if isinstance(value, int | float):
        if declared.type is not FieldType.NUMBER or not math.isfinite(value):
            raise _wrong(declared, "a number")
        return str(value)
    if not isinstance(value, str):
        raise _wrong(declared, "an array" if isinstance(value, list) else "an object")
    if len(value) > LONGEST or _CONTROL.search(value):
        raise BadRequest(
            f"'{declared.id}' may have {LONGEST} characters at most and no control characters",
            detail={"field": declared.id},
        )
    if not _fits(declared, value):
        raise _wrong(declared, repr(value))
    return value


def _fits(declared: FormField, value: str) -> bool:
    match declared.type:
        case FieldType.TEXT:
            return bool(value.strip()) or not declared.required
        case FieldType.ENUM:
            return value in declared.values
        case FieldType.BOOLEAN:
            return value in {"true", "false"}
        case FieldType.NUMBER:
            return re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", value) is not None
        case FieldType.DATE:
            return _is_date(value)
        case _:
            assert_never(declared.type)


def _is_date(value: str) -> bool:
    for kind in (date, datetime):
        try:
            kind.fromisoformat(value)
        except ValueError:
            continue
        return True
    return False


def _wrong(declared: FormField, given: str) -> BadRequest:
    expected = {
        FieldType.TEXT: "a text",
        FieldType.ENUM: "one of " + ", ".join(f'"{value}"' for value in declared.values),
        FieldType.BOOLEAN: '"true" or "false"',
        FieldType.NUMBER: "a number",
        FieldType.DATE: "a date such as 2026-03-01",
    }[declared.type]
    return BadRequest(f"'{declared.id}' must be {expected}, not {given}", detail={"field": declared.id})


def _example(task: UserTask) -> str:
    members = (
        f'"{declared.id}": "{next(iter(declared.values), "...")}"'
        for declared in task.form
        if declared.writable and (declared.required or not task.approves)
    )
    return "{" + ", ".join(members) + "}"
