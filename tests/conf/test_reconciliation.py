"""Reading a two-way configuration: labels and values, remedies, the mappings that it compiles to."""

from __future__ import annotations

from typing import Any

import pytest

from conf.document import Node, Reading
from conf.reconciliation import read_reconciliation
from conf.reconciliation_mappings import mappings_of
from conf.reconciliation_schema import GuardLimits, Reconciliation
from conf.reconciliation_terms import RESPONSE_LABELS, SITUATION_LABELS, Response, TwoWaySituation
from flows.two_way.guards import Sizes, held

WHOLE: dict[str, Any] = {
    "type": "User",
    "managedSystem": "system/hr/account",
    "idmRepositoryField": "userName",
    "sourceAttributeName": "login",
    "policyMap": [{"idm": "userName", "resource": "login"}],
}


def read(**more: Any) -> tuple[Reconciliation, list[str]]:
    reading = Reading("reconciliation/hr")
    found = read_reconciliation(Node({**WHOLE, **more}, reading), "hr")
    assert found is not None
    return found, [str(problem) for problem in reading.problems]


@pytest.mark.parametrize("response", list(Response))
@pytest.mark.parametrize("situation", list(TwoWaySituation))
def test_labels_and_values_mean_the_same(situation: TwoWaySituation, response: Response) -> None:
    status = {"idmStatus": "accountStatus", "resourceStatus": "status"}
    by_value, none = read(situations={str(situation): {"response": str(response)}}, **status)
    label = {SITUATION_LABELS[situation].upper(): {"response": RESPONSE_LABELS[response].lower()}}
    by_label, none_either = read(situations=label, **status)
    assert none == none_either == []
    assert by_value.answer(situation).response is by_label.answer(situation).response is response


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            {"frequncy": "Run Nightly"},
            "'frequncy' is not a field of a reconciliation. Did you mean frequency?",
        ),
        ({"type": "Usr"}, "'Usr' is not a type. Did you mean User?"),
        ({"status": "On"}, "expected Active or Inactive"),
        ({"frequency": "Nightly"}, "'Nightly' is not a frequency. Did you mean Run Nightly?"),
        ({"frequency": "0 0 25 * * ?"}, "hours"),
        ({"updatedSince": "yesterday"}, "'yesterday' is not a time"),
        ({"situations": {"BOTH": {"response": "NOTHING"}}}, "'BOTH' is not a situation"),
        (
            {"situations": {"IDM_EXISTS__SYS_EXISTS": {"response": "ADD_TO_IDN"}}},
            "'ADD_TO_IDN' is not a response. Did you mean ADD_TO_IDM?",
        ),
        (
            {"situations": {"IDM_EXISTS__SYS_EXISTS": {"response": "DISABLE_IN_RES"}}},
            "DISABLE_IN_RES needs 'resourceStatus'",
        ),
        ({"idmRepositoryField": "CUSTOM ATTRIBUTE"}, "'idmCustomAttributeName' is missing"),
        ({"sourceAttributeName": ""}, "nothing says which record belongs to which object"),
        ({"policyMap": []}, "'policyMap' is missing"),
        ({"policyMap": [{"idm": "mail"}]}, "'resource' is missing"),
        ({"managedSystem": "hr"}, "expected a system and an object type, such as system/ldap/account"),
        ({"preProcessorScript": "recon/before.groovy"}, "Groovy is not run here"),
        ({"preProcessorScript": "recon/before"}, "it ends in .js or .py"),
    ],
)
def test_what_is_wrong_is_told_with_a_remedy(wrong: dict[str, Any], told: str) -> None:
    _, problems = read(**wrong)
    assert any(told in problem for problem in problems), problems


def test_it_compiles_to_two_mappings_that_share_their_links() -> None:
    situations = {"SYS_EXISTS__IDM_NOT_EXISTS": {"response": "ADD_TO_IDM"}}
    to_resource, to_idm = mappings_of(read(situations=situations)[0])
    assert (to_resource.source, to_resource.target) == ("managed/user", "system/hr/account")
    assert (to_idm.source, to_idm.target) == ("system/hr/account", "managed/user")
    assert to_idm.link_type.name == to_resource.link_type.name == "reconciliation_hr_toResource"
    assert (to_idm.link_type.reverse, to_resource.link_type.reverse) == (True, False)
    assert not to_idm.enable_sync
    shown = {str(policy.situation): str(policy.action) for policy in to_idm.policies}
    assert (shown["ABSENT"], shown["CONFIRMED"]) == ("CREATE", "REPORT")


@pytest.mark.parametrize(
    ("number", "size", "is_held"),
    [
        (10, 10, False),
        (11, 44, False),
        (11, 43, True),
        (11, 0, True),
        (1000, 4000, False),
        (1001, 4000, True),
    ],
)
def test_a_guard_holds_by_count_and_percent(number: int, size: int, is_held: bool) -> None:
    planned = {Response.REMOVE_FROM_IDM: number}
    reason = held(planned, Sizes(size, 0), GuardLimits(), ())
    assert bool(reason) is is_held
    if is_held:
        assert f"{number} of {size}" in reason
    assert held(planned, Sizes(size, 0), GuardLimits(), {Response.REMOVE_FROM_IDM}) == ""
