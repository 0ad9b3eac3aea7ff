"""PingIDM's policies, one by one."""

from typing import Any

import pytest

from flows.object_policies import PropertyPolicy, failures, property_failures, read_policies
from flows.policy_rules import MISSING

WHOLE = {"userName": "bjensen", "sn": "Jensen"}


def failed(policy: str, value: Any, **params: Any) -> list[str]:
    found = property_failures([PropertyPolicy(policy, params)], value, WHOLE)
    return [one["policyRequirement"] for one in found]


@pytest.mark.parametrize(
    ("policy", "params", "good", "bad", "requirement"),
    [
        ("required", {}, "x", MISSING, "REQUIRED"),
        ("required", {}, 0, "", "REQUIRED"),
        ("not-empty", {}, False, None, "REQUIRED"),
        ("not-null", {}, "", None, "REQUIRED"),
        ("valid-username", {}, "bjensen", "a/b", "VALID_USERNAME"),
        ("valid-username", {}, "async.admin", "openidm-admin", "VALID_USERNAME"),
        ("valid-username", {}, "é", "  ", "VALID_USERNAME"),
        ("no-internal-user-conflict", {}, "bob", "Anonymous", "NO_INTERNAL_USER_CONFLICT"),
        ("regexpMatches", {"regexp": "^a+$", "flags": "i"}, "AAA", "b", "MATCH_REGEXP"),
        ("valid-type", {"types": ["string", "null"]}, "x", 3, "VALID_TYPE"),
        ("valid-type", {"types": ["integer"]}, 3, True, "VALID_TYPE"),
        ("valid-type", {"types": ["number"]}, 2.5, "2.5", "VALID_TYPE"),
        ("valid-query-filter", {}, 'a eq "b"', "a b c d", "VALID_QUERY_FILTER"),
        ("valid-array-items", {"types": ["string"]}, ["a"], ["a", 1], "VALID_ARRAY_ITEMS"),
        ("valid-date", {}, "2026-02-28", "2026-02-30", "VALID_DATE"),
        ("valid-time", {}, "10:30:00", "25:00", "VALID_TIME"),
        ("valid-datetime", {}, "2026-01-31T10:00:00Z", "yesterday", "VALID_DATETIME"),
        ("valid-duration", {}, "P1DT2H", "P", "VALID_DURATION"),
        (
            "valid-email-address-format",
            {},
            "a.b@example.com",
            "a@b@example.com",
            "VALID_EMAIL_ADDRESS_FORMAT",
        ),
        ("valid-email-address-format", {}, "ä@exämple.de", "nobody", "VALID_EMAIL_ADDRESS_FORMAT"),
        ("valid-name-format", {}, "O'Brien-Åsa", "R2D2", "VALID_NAME_FORMAT"),
        ("valid-phone-format", {}, "+1 (408) 555-1862", "call me", "VALID_PHONE_FORMAT"),
        ("at-least-X-capitals", {"numCaps": 2}, "aBC", "aBc", "AT_LEAST_X_CAPITAL_LETTERS"),
        ("at-least-X-numbers", {"numNums": 1}, "a1", "aa", "AT_LEAST_X_NUMBERS"),
        ("validNumber", {}, 1, "1", "VALID_NUMBER"),
        ("minimumNumber", {"minimum": 3}, 3, 2, "MINIMUM_NUMBER_VALUE"),
        ("maximumNumber", {"maximum": 3}, 3, 4, "MAXIMUM_NUMBER_VALUE"),
        ("minimum-length", {"minLength": 3}, "abc", "ab", "MIN_LENGTH"),
        ("maximum-length", {"maxLength": 3}, "abc", "abcd", "MAX_LENGTH"),
        (
            "cannot-contain-others",
            {"disallowedFields": "userName,sn"},
            "Xyz1",
            "xJENSENx",
            "CANNOT_CONTAIN_OTHERS",
        ),
        ("cannot-contain-others", {"disallowedFields": ["mail"]}, "x", None, ""),
        ("cannot-contain-characters", {"forbiddenChars": ["/"]}, "ab", "a/b", "CANNOT_CONTAIN_CHARACTERS"),
        ("cannot-contain-duplicates", {}, [1, 2], [1, 2, 1], "CANNOT_CONTAIN_DUPLICATES"),
        ("a-policy-of-tomorrow", {}, "x", "x", ""),
    ],
)
def test_a_policy_takes_good_values_and_names_its_requirement(
    policy: str, params: dict[str, Any], good: Any, bad: Any, requirement: str
) -> None:
    assert failed(policy, good, **params) == []
    assert failed(policy, bad, **params) == ([requirement] if requirement else [])


def test_parameters_are_told_with_the_requirement() -> None:
    assert property_failures([PropertyPolicy("minimum-length", {"minLength": 8})], "x", {}) == [
        {"policyRequirement": "MIN_LENGTH", "params": {"minLength": 8}}
    ]


def test_a_missing_value_only_fails_what_asks_for_one() -> None:
    policies = read_policies({"properties": {"n": {"type": "number", "minLength": 3}}})
    assert failures(policies, {}) == []


def test_the_schema_implies_policies() -> None:
    schema = {
        "required": ["a"],
        "properties": {
            "a": {"type": "string", "minLength": 2, "maxLength": 3},
            "b": {"type": ["integer", "null"], "required": True},
            "c": {"pattern": "^x"},
            "d": {"type": "relationship"},
        },
    }
    found = failures(read_policies(schema), {"a": "x", "b": "1", "c": "y", "d": {"_ref": "a/b"}})
    assert {
        one["property"]: [r["policyRequirement"] for r in one["policyRequirements"]] for one in found
    } == {
        "a": ["MIN_LENGTH"],
        "b": ["VALID_TYPE"],
        "c": ["MATCH_REGEXP"],
    }
