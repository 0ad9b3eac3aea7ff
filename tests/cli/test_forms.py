"""Which form says yes, and which says no."""

from typing import Any

import pytest

from api.commands.forms import answers
from api.commands.outcome import CommandFailed


def definition(*fields: dict[str, Any]) -> dict[str, Any]:
    shown = [{"writable": True, "required": True, "type": None} | field for field in fields]
    return {"taskDefinitions": {"evaluate": {"taskFormHandler": {"formPropertyHandlers": shown}}}}


CHOICE = {"id": "requestApproved", "type": {"name": "enum", "values": {"true": "Yes", "false": "No"}}}
SOURCE = {"id": "sourceId", "writable": False}


def test_the_form_of_the_sample() -> None:
    asked = definition(SOURCE, CHOICE)
    assert answers(asked, "evaluate", yes=True) == {"requestApproved": "true"}
    assert answers(asked, "evaluate", yes=False) == {"requestApproved": "false"}


def test_a_boolean_decides_too() -> None:
    assert answers(definition({"id": "ok", "type": {"name": "boolean"}}), "evaluate", yes=False) == {
        "ok": "false"
    }


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([CHOICE, {"id": "linkTo"}], id="another field must be filled in"),
        pytest.param(
            [{"id": "decision", "type": {"name": "enum", "values": {"delete": "", "link": ""}}}],
            id="other words",
        ),
        pytest.param([CHOICE, CHOICE | {"id": "second"}], id="two questions"),
        pytest.param([], id="no form"),
    ],
)
def test_a_form_that_asks_for_more_is_left_to_a_person(fields: list[dict[str, Any]]) -> None:
    with pytest.raises(CommandFailed, match="its form asks for"):
        answers(definition(*fields), "evaluate", yes=True)
