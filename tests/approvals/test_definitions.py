"""Declarations and forms: pure values."""

from typing import Any

import pytest

from approvals.definitions import (
    Approves,
    FieldType,
    FormField,
    ProcessDeclaration,
    UserTask,
    declaration_of,
)
from approvals.forms import read_form, resolve, shown_values, verdict
from approvals.states import (
    IllegalTransition,
    IntentState,
    TaskStatus,
    Verdict,
    advance_intent,
    advance_task,
)
from conf.errors import BadRequest, ConfigError
from tests.approvals.conftest import APPROVAL, EVALUATE

FORM = UserTask(
    "fill",
    "Fill",
    form=(
        FormField("text", "Text"),
        FormField("choice", "Choice", type=FieldType.ENUM, values={"a": "A", "b": "B"}),
        FormField("yes", "Yes?", type=FieldType.BOOLEAN),
        FormField("count", "Count", type=FieldType.NUMBER),
        FormField("day", "Day", type=FieldType.DATE),
        FormField("usual", "Usual", default="as always"),
        FormField("fixed", "Fixed", expression="${mapping}", writable=False),
    ),
)


def test_a_declaration_is_read_back_as_it_was_written() -> None:
    assert declaration_of(APPROVAL.body) == APPROVAL
    assert list(declaration_of(APPROVAL.body).tasks[0].form[1].values) == ["true", "false"]


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        pytest.param({"key": "no blanks"}, "is not a name", id="key"),
        pytest.param({"tasks": (EVALUATE, EVALUATE)}, "same key", id="two tasks of one key"),
        pytest.param({"tasks": ()}, "it has no task", id="no task"),
        pytest.param(
            {"tasks": (UserTask("a", "A"),), "decides_only": True}, "decides_only needs", id="decides nothing"
        ),
        pytest.param(
            {"tasks": (UserTask("a", "A", form=(FormField("sourceId", "Source"),)),)},
            "would overwrite what was requested",
            id="a form that overwrites the request",
        ),
        pytest.param(
            {"tasks": (UserTask("a", "A", form=(FormField("x", "X", type=FieldType.ENUM),)),)},
            "needs values",
            id="an enum without values",
        ),
        pytest.param(
            {"tasks": (UserTask("a", "A", approves=Approves("x")),)},
            "not a writable field",
            id="approved by nothing",
        ),
    ],
)
def test_a_wrong_declaration_is_refused_with_a_sentence(declared: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        ProcessDeclaration(**{"key": "wrong", "name": "Wrong", "tasks": (EVALUATE,), **declared})


@pytest.mark.parametrize(
    ("body", "answers"),
    [
        pytest.param({"text": "ü"}, {"text": "ü"}, id="text"),
        pytest.param({"choice": "b"}, {"choice": "b"}, id="enum"),
        pytest.param({"yes": True}, {"yes": "true"}, id="JSON boolean"),
        pytest.param({"yes": "false"}, {"yes": "false"}, id="boolean as text"),
        pytest.param({"count": 3}, {"count": "3"}, id="number"),
        pytest.param({"count": "3.5"}, {"count": "3.5"}, id="number as text"),
        pytest.param({"day": "2026-03-01"}, {"day": "2026-03-01"}, id="date"),
        pytest.param({"text": None}, {}, id="null is no answer"),
        pytest.param(None, {}, id="no body"),
    ],
)
def test_declared_fields_are_kept_as_text(body: Any, answers: dict[str, str]) -> None:
    assert read_form(FORM, body) == {"usual": "as always", **answers}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param([], "must be a JSON object", id="an array"),
        pytest.param("x", "must be a JSON object", id="a text"),
        pytest.param({"other": 1}, "'other' is not a field of this form", id="undeclared"),
        pytest.param({"fixed": "x"}, "'fixed' cannot be written", id="not writable"),
        pytest.param({"choice": "c"}, 'must be one of "a", "b", not \'c\'', id="outside the enum"),
        pytest.param({"choice": ["a"]}, "not an array", id="an array for a field"),
        pytest.param({"text": {"a": 1}}, "not an object", id="an object for a field"),
        pytest.param({"text": True}, "not a boolean", id="a boolean for a text"),
        pytest.param({"text": 5}, "not a number", id="a number for a text"),
        pytest.param({"yes": "perhaps"}, "'yes' must be", id="not a boolean"),
        pytest.param({"count": "x"}, "must be a number", id="not a number"),
        pytest.param({"count": float("inf")}, "must be a number", id="infinite"),
        pytest.param({"day": "tomorrow"}, "must be a date", id="not a date"),
        pytest.param({"text": "a\x00b"}, "no control characters", id="NUL"),
        pytest.param({"text": "a" * 5000}, "4000 characters at most", id="too long"),
    ],
)
def test_anything_else_is_refused_naming_the_field(body: Any, message: str) -> None:
    with pytest.raises(BadRequest) as error:
        read_form(FORM, body)
    assert message in error.value.message


def test_a_required_field_is_asked_for_with_an_example() -> None:
    with pytest.raises(BadRequest, match=r"'requestApproved' .*is required, such as .*true"):
        read_form(EVALUATE, {})


@pytest.mark.parametrize(
    ("body", "said"),
    [({"requestApproved": "true"}, Verdict.APPROVED), ({"requestApproved": True}, Verdict.APPROVED),
     ({"requestApproved": "false"}, Verdict.REJECTED), ({"requestApproved": False}, Verdict.REJECTED)],
)  # fmt: skip
def test_only_the_declared_answer_approves(body: Any, said: Verdict) -> None:
    assert verdict(EVALUATE, read_form(EVALUATE, body)) is said


def test_without_a_rule_a_task_is_just_completed() -> None:
    assert verdict(FORM, {}) is Verdict.COMPLETED


@pytest.mark.parametrize(
    ("text", "value"),
    [("${a}", 1), ("${ a }", 1), ("x ${a} y", "x 1 y"), ("${b.c}", "d"), ("${no}", None), ("-${no}-", "--"),
     ("plain", "plain"), (None, None), ("${a", "${a")],
)  # fmt: skip
def test_expressions_read_the_variables_and_nothing_else(text: str | None, value: Any) -> None:
    assert resolve(text, {"a": 1, "b": {"c": "d"}}) == value


def test_a_form_shows_its_expressions_before_anybody_has_answered() -> None:
    shown = shown_values(EVALUATE, {"sourceId": "bjensen", "requestApproved": "true"})
    assert shown == [{"requesterName": "bjensen"}, {"requestApproved": None}]


def test_ended_tasks_and_settled_orders_stay_as_they_are() -> None:
    assert advance_task(TaskStatus.OPEN, TaskStatus.COMPLETED) is TaskStatus.COMPLETED
    with pytest.raises(IllegalTransition, match="COMPLETED to OPEN"):
        advance_task(TaskStatus.COMPLETED, TaskStatus.OPEN)
    for final in (IntentState.APPLIED, IntentState.STALE, IntentState.FAILED):
        assert final.is_final
        with pytest.raises(IllegalTransition, match="what may follow: nothing"):
            advance_intent(final, IntentState.READY)
