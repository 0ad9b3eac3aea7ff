"""What each policy id stands for, under PingIDM's names: its requirement, its parameters and its test."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, Final

from conf.errors import BadRequest
from conf.filters import parse as filter_parser

Json = dict[str, Any]
Test = Callable[[Any, Json], bool]
"""(value, whole object) -> whether the value is good."""
Bind = Callable[[Json], Test]
"""The test for given parameters. Never raises, so that a wrong parameter is told where a value meets it."""

MISSING: Final = object()
#: a pattern sees no longer text than this, because some patterns take for ever on long ones
_LONGEST_MATCHED: Final = 4096
#: what no path segment may hold
UNADDRESSABLE: Final = re.compile(r"[/\x00-\x1f\x7f]")
INTERNAL_NAMES: Final = frozenset({"openidm-admin", "anonymous", "idm-provisioning"})


@dataclass(frozen=True)
class Rule:
    """What a policy id stands for."""

    requirement: str
    bind: Bind
    parameters: tuple[str, ...] = ()
    on_missing: bool = False
    """Whether a missing or null value is tested too; otherwise it is good."""


def _plain(good: Test) -> Bind:
    """A rule without parameters."""
    return lambda _params: good


def _is_number(value: Any, _content: object = None) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return _is_number(value) and float(value).is_integer()


_CLASSES: Final[Mapping[str, type]] = {
    "string": str,
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}
_TESTED: Final[Mapping[str, Callable[[Any], bool]]] = {"number": _is_number, "integer": _is_integer}
TYPES: Final = frozenset({*_CLASSES, *_TESTED})
"""Types of a schema that values are held against."""


def _of_types(given: Any) -> Test:
    """Whether a value is of one of these types of a schema; a type that we do not know takes anything."""
    names = given if isinstance(given, list) else [given]
    if not all(isinstance(name, str) and name in TYPES for name in names):
        return lambda _value, _content: True
    classes = tuple(_CLASSES[name] for name in names if name in _CLASSES)
    tested = [_TESTED[name] for name in names if name in _TESTED]
    if not tested:
        return lambda value, _content: isinstance(value, classes)
    return lambda value, _content: isinstance(value, classes) or any(good(value) for good in tested)


def _valid_type(params: Json) -> Test:
    return _of_types(params.get("types", params.get("type")))


def _array_items(params: Json) -> Test:
    types = params.get("types", params.get("type", []))
    good = _of_types(types or "any")
    return lambda value, content: (
        not isinstance(value, list) or all(good(element, content) for element in value)
    )


def _not_empty(value: Any, _content: Json) -> bool:
    return value is not MISSING and value is not None and value not in ("", [], {})


def _username(value: Any, _content: Json) -> bool:
    if not isinstance(value, str) or not value.strip() or value.strip().lower() in INTERNAL_NAMES:
        return False
    return UNADDRESSABLE.search(value) is None


def _no_internal(value: Any, _content: Json) -> bool:
    return not isinstance(value, str) or value.strip().lower() not in INTERNAL_NAMES


def _matches(regexp: str) -> Bind:
    pattern = re.compile(regexp)
    return _plain(lambda value, _content: _is_matchable(value) and pattern.fullmatch(value) is not None)


def _is_matchable(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_MATCHED


def _regexp(params: Json) -> Test:
    regexp, flags = str(params.get("regexp", "")), str(params.get("flags") or "")

    def good(value: Any, _content: Json) -> bool:
        pattern = _pattern(regexp, flags)
        return _is_matchable(value) and pattern.search(value) is not None

    return good


@lru_cache(maxsize=1000)
def _pattern(regexp: str, letters: str) -> re.Pattern[str]:
    flags = (re.IGNORECASE if "i" in letters else 0) | (re.MULTILINE if "m" in letters else 0)
    try:
        return re.compile(regexp, flags)
    except re.error as error:
        raise BadRequest(f"The pattern of a policy is not a regular expression: {error}") from None


def _number(params: Json, name: str, default: float) -> float:
    found = params.get(name, default)
    return float(found) if _is_number(found) else default


def _at_least(counted: Callable[[str], bool], parameter: str) -> Bind:
    def bind(params: Json) -> Test:
        least = _number(params, parameter, 1)
        return lambda value, _content: isinstance(value, str) and sum(map(counted, value)) >= least

    return bind


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | list) else 0


def _minimum_length(params: Json) -> Test:
    least = _number(params, "minLength", 0)
    return lambda value, _content: _length(value) >= least


def _maximum_length(params: Json) -> Test:
    most = _number(params, "maxLength", 1e308)
    return lambda value, _content: _length(value) <= most


def _minimum(params: Json) -> Test:
    least = _number(params, "minimum", -1e308)
    return lambda value, _content: _is_number(value) and value >= least


def _maximum(params: Json) -> Test:
    most = _number(params, "maximum", 1e308)
    return lambda value, _content: _is_number(value) and value <= most


def _no_others(params: Json) -> Test:
    """A password holds no other value of the person."""
    fields = params.get("disallowedFields", ())
    listed = fields.split(",") if isinstance(fields, str) else fields
    names = [name.strip() for name in listed if isinstance(name, str)] if isinstance(listed, list) else []

    def good(value: Any, content: Json) -> bool:
        text = str(value).lower()
        others = (content.get(name) for name in names)
        return not any(isinstance(other, str) and other and other.lower() in text for other in others)

    return good


def _no_characters(params: Json) -> Test:
    given = params.get("forbiddenChars", ())
    forbidden = [str(letter) for letter in given] if isinstance(given, list | str) else []
    return lambda value, _content: (
        not isinstance(value, str) or not any(letter in value for letter in forbidden)
    )


def _no_duplicates(value: Any, _content: Json) -> bool:
    return not isinstance(value, list) or all(element not in value[:at] for at, element in enumerate(value))


def _is_filter(value: Any, _content: Json) -> bool:
    try:
        filter_parser.parse(str(value))
    except BadRequest:
        return False
    return True


def _iso(read: Callable[[str], Any]) -> Bind:
    def good(value: Any, _content: Json) -> bool:
        try:
            read(str(value))
        except ValueError:
            return False
        return True

    return _plain(good)


_NAME: Final = r"[^\d!#$%&*+/:;<=>?@\[\\\]^_{|}~\"\x00-\x1f]+"
_DURATION: Final = r"P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?"

RULES: Final[Mapping[str, Rule]] = {
    "required": Rule("REQUIRED", _plain(_not_empty), on_missing=True),
    "not-empty": Rule("REQUIRED", _plain(_not_empty), on_missing=True),
    "not-null": Rule("REQUIRED", _plain(lambda value, _content: value is not None), on_missing=True),
    "valid-username": Rule("VALID_USERNAME", _plain(_username)),
    "no-internal-user-conflict": Rule("NO_INTERNAL_USER_CONFLICT", _plain(_no_internal)),
    "regexpMatches": Rule("MATCH_REGEXP", _regexp, ("regexp", "flags")),
    "valid-type": Rule("VALID_TYPE", _valid_type, ("types",)),
    "valid-query-filter": Rule("VALID_QUERY_FILTER", _plain(_is_filter)),
    "valid-array-items": Rule("VALID_ARRAY_ITEMS", _array_items),
    "valid-date": Rule("VALID_DATE", _iso(date.fromisoformat)),
    "valid-formatted-date": Rule("VALID_FORMATTED_DATE", _iso(date.fromisoformat)),
    "valid-time": Rule("VALID_TIME", _iso(time.fromisoformat)),
    "valid-datetime": Rule("VALID_DATETIME", _iso(datetime.fromisoformat)),
    "valid-duration": Rule("VALID_DURATION", _matches(_DURATION)),
    "valid-email-address-format": Rule(
        "VALID_EMAIL_ADDRESS_FORMAT", _matches(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
    ),
    "valid-name-format": Rule("VALID_NAME_FORMAT", _matches(_NAME)),
    "valid-phone-format": Rule("VALID_PHONE_FORMAT", _matches(r"\+?[0-9\-. ()]*")),
    "at-least-X-capitals": Rule(
        "AT_LEAST_X_CAPITAL_LETTERS", _at_least(str.isupper, "numCaps"), ("numCaps",)
    ),
    "at-least-X-numbers": Rule("AT_LEAST_X_NUMBERS", _at_least(str.isdigit, "numNums"), ("numNums",)),
    "validNumber": Rule("VALID_NUMBER", _plain(_is_number)),
    "minimumNumber": Rule("MINIMUM_NUMBER_VALUE", _minimum, ("minimum",)),
    "maximumNumber": Rule("MAXIMUM_NUMBER_VALUE", _maximum, ("maximum",)),
    "minimum-length": Rule("MIN_LENGTH", _minimum_length, ("minLength",)),
    "maximum-length": Rule("MAX_LENGTH", _maximum_length, ("maxLength",)),
    "cannot-contain-others": Rule("CANNOT_CONTAIN_OTHERS", _no_others, ("disallowedFields",)),
    "cannot-contain-characters": Rule("CANNOT_CONTAIN_CHARACTERS", _no_characters, ("forbiddenChars",)),
    "cannot-contain-duplicates": Rule("CANNOT_CONTAIN_DUPLICATES", _plain(_no_duplicates)),
}
"""Every policy that is known, but for `unique`; an unknown id is no obstacle."""
