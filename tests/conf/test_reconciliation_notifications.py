"""Who is told of what a run met."""

from typing import Any

import pytest

from conf.document import Node, Reading
from conf.filters.ast import And, Comparison, Literal
from conf.reconciliation_notifications import Notification, read_notifications


def read(**members: Any) -> tuple[tuple[Notification, ...], list[str]]:
    reading = Reading("reconciliation/hr")
    found = read_notifications(Node(members, reading))
    return found, [str(problem) for problem in reading.problems]


def test_the_long_form() -> None:
    written = {
        "name": "Admins",
        "situation": "idm (exists) and resource (exists)",
        "response": "Update IDM from Resource",
        "condition": 'principal eq "root"',
        "to": ["a@example.com; b@example.com", "slack://x/y/z", "a@example.com"],
        "message": "Look",
    }
    (found,), problems = read(notifications=[written])
    assert problems == []
    assert found.to == ("a@example.com", "b@example.com", "slack://x/y/z")
    assert found.filter == And(
        (
            Comparison(("situation",), "eq", "IDM_EXISTS__SYS_EXISTS"),
            Comparison(("response",), "eq", "UPDATE_IDM_FROM_RES"),
            Comparison(("principal",), "eq", "root"),
        )
    )


def test_the_short_forms() -> None:
    situations = {"IDM_DELETED__SYS_EXISTS": {"response": "NOTHING", "notification": "a@example.com"}}
    found, problems = read(notifications=["b@example.com"], situations=situations)
    assert problems == []
    assert [(each.name, each.to, each.filter) for each in found] == [
        ("notification 1", ("b@example.com",), Literal(value=True)),
        (
            "IDM (deleted) and Resource (exists)",
            ("a@example.com",),
            And((Comparison(("situation",), "eq", "IDM_DELETED__SYS_EXISTS"),)),
        ),
    ]
    assert read() == ((), [])


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({}, "notifications[0]: 'to' is missing"),
        ({"to": "nobody"}, "notifications[0].to: 'nobody' is neither a mail address nor a channel"),
        ({"to": ["a@example.com", 7]}, "notifications[0].to[1]: expected a mail address or a channel"),
        ({"to": "&{no.such}"}, "notifications[0].to: &{no.such} is not set in the environment"),
        ({"to": "a@b.c", "situation": "IDM_EXIST__SYS_EXISTS"}, "Did you mean IDM_EXISTS__SYS_EXISTS?"),
        ({"to": "a@b.c", "response": "DELETE"}, "notifications[0].response: 'DELETE' is not known here."),
        ({"to": "a@b.c", "condition": "case is"}, "notifications[0].condition: "),
        ({"to": "a@b.c", "titel": "x"}, "'titel' is not a member of a notification."),
        (5, "notifications[0]: expected an object"),
    ],
)
def test_what_is_wrong_is_named(written: Any, problem: str) -> None:
    found, problems = read(notifications=[written])
    assert found == ()
    assert len(problems) == 1
    assert problem in problems[0]
