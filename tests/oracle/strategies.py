"""Small worlds, drawn: few objects, few values, any rule.

Each object and each rule is one drawn number, decoded: drawing stays quick, and zero is the plainest one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from hypothesis import strategies as st

from conf.terms import Action, Situation
from tests.oracle.terms import (
    Asked,
    Condition,
    Correlation,
    Json,
    Launched,
    Mapping,
    Policy,
    Property,
    Refusal,
    Test,
    Validity,
)

MOST = 2**24
"""Hypothesis prefers the small ones among numbers beyond this."""
ABSENT = object()
SOURCES = [f"s{number}" for number in range(8)]
TARGETS = [*(f"t{number}" for number in range(5)), "s0", "s1", "s2"]
IN_A_RUN = [str(one) for one in Situation if one not in {Situation.LINK_ONLY, Situation.ALL_GONE}]
ACTIONS = [str(action) for action in Action]


def coded(*lists: Sequence[Any]) -> st.SearchStrategy[list[Any]]:
    """One choice out of each list, drawn as one number; what stands twice is as likely again."""
    size = prod(map(len, lists))
    assert size < MOST

    def decode(number: int) -> list[Any]:
        chosen = []
        for one in lists:
            number, index = divmod(number, len(one))
            chosen.append(one[index])
        return chosen

    return st.integers(0, size - 1).map(decode)


def present(**members: Any) -> Json:
    return {name: value for name, value in members.items() if value is not ABSENT}


KINDS = [ABSENT, "A", "B", "a", None]
MAILS = ["m0", ABSENT, "m1", "m2", "M2", None]
NUMBERS = [ABSENT, 1, 1.0, 2, True, "1"]
TAGS = [ABSENT, ["A"], ["B", "a"], []]
REFS = [ABSENT, [], ["t0"], ["t1"], ["t0", "t2"], ["s0"]]

sources = coded(KINDS, MAILS, NUMBERS, TAGS, REFS, [ABSENT, "t0", "t4", None]).map(
    lambda of: present(kind=of[0], mail=of[1], n=of[2], tags=of[3], refs=of[4], uid=of[5])
)
ADDRESSES = [ABSENT, {"city": "A"}, {"city": "B", "zip": "1"}, "text", None]
targets = coded(KINDS, MAILS, NUMBERS, TAGS, ADDRESSES, [ABSENT, "made"]).map(
    lambda of: present(kind=of[0], mail=of[1], n=of[2], tags=of[3], address=of[4], mark=of[5])
)


def side(ids: Sequence[str], objects: st.SearchStrategy[Json]) -> st.SearchStrategy[dict[str, Json]]:
    """Some of the ids with an object each."""
    drawn = st.lists(objects, max_size=len(ids))
    return st.tuples(drawn, st.permutations(ids)).map(lambda of: dict(zip(of[1], of[0], strict=False)))


SCRIPT_TESTS = [
    Test("kind", "A"),
    Test("kind", "B", negated=True),
    Test("kind", "B"),
    Test("n", 1),
    Test("n", 1, negated=True),
    Test("n", True),
    Test("n", 2, negated=True),
]
FILTER_TESTS = [*SCRIPT_TESTS, Test("tags", "A"), Test("tags", "b", negated=True), Test("n", "1")]
NARROW_TESTS = [Test("kind", "a"), Test("n", 2)]
CONDITIONS = [
    *(Condition(test) for test in FILTER_TESTS),
    *(Condition(test, "script") for test in SCRIPT_TESTS),
    Condition(Test("linkQualifier", "default")),
    Condition(Test("linkQualifier", "other")),
]
BREAKING = [Condition(test, "throws") for test in NARROW_TESTS]
OVER = ["source", "target"]


def policy(situation: str) -> st.SearchStrategy[Policy | None]:
    """None, or one for this situation."""
    answers = [*ACTIONS, None, "NOSUCH", "throw"]
    by_script = [
        Asked(test, held, other) for test in SCRIPT_TESTS[:4] for held in answers for other in ACTIONS
    ]
    posts = [Refusal(test, over) for test in SCRIPT_TESTS[:3] for over in OVER]
    rules = coded(
        [None, "fixed", "fixed", "asked"],
        ACTIONS,
        by_script,
        [None] * 8 + CONDITIONS[::3] + BREAKING[:1],
        [None] * 8 + posts,
    )

    def build(of: list[Any]) -> Policy | None:
        return of[0] and Policy(situation, of[1] if of[0] == "fixed" else of[2], of[3], of[4])

    return rules.map(build)


policies = st.tuples(
    *(policy(situation) for situation in IN_A_RUN),
    policy("ABSENT"),
    policy("CONFIRMED"),
    policy("UNASSIGNED"),
)

properties = coded(
    [None, "mail", "kind", "n", "copy", "address/city", "address/deep/zip", "address"],
    ["mail", "kind", "n", "tags", None],
    [None, None, "B", {"x": [1]}, False],
    [None] * 20 + CONDITIONS + BREAKING,
    [None, None, None, None, "throws"],
).map(lambda of: of[0] and Property(*of))

ODD = [(True, "throw"), ("no", True), (None, True), (1, False)]
VALIDITIES = [
    *[None] * 20,
    *(Validity(test, *answers) for test in SCRIPT_TESTS for answers in [(True, False), (False, True)]),
    *(Validity(test, *answers) for test in NARROW_TESTS for answers in ODD),
]
REFUSALS = [Refusal(test, over) for test in [*NARROW_TESTS, Test("kind", "A")] for over in OVER]
MARKING = [Refusal(test, over, "made") for test in NARROW_TESTS for over in OVER]

rules = st.tuples(
    coded(
        [("default",), ("default",), ("default", "other")],
        [True] * 5 + [False],
        [True, False],
        VALIDITIES,
        VALIDITIES,
        [None] * 24 + CONDITIONS + BREAKING,
    ),
    coded(
        ["none", "query", "query", "query", "script"],
        [("default",), ("default", "other"), ("other",)],
        [None] * 20 + NARROW_TESTS,
        [None] * 20 + NARROW_TESTS,
        [True, False],
        [(), (Property("_id", "_id"),), (Property("_id", "_id"),), (Property("_id", "uid"),)],
        [None] * 6 + [Condition(test, "script") for test in SCRIPT_TESTS[:3]] + BREAKING[:1],
    ),
    coded(*[[None] * 12 + REFUSALS] * 3, [None] * 12 + REFUSALS + MARKING),
    coded(*[[None] * 12 + REFUSALS] * 2, [None] * 12 + REFUSALS + MARKING),
    st.tuples(properties, properties, properties),
    policies,
)
NAMED = (Property("by", None, transform="qualifier"),)
HOOKS = ("onDelete", "onLink", "onUnlink", "onCreate", "postMapping", "onUpdate")


def mapping_of(of: Any) -> Mapping:
    """A wild one: nothing about it need make sense."""
    first, matching, one, two, props, rules = of
    qualifiers, linking, prefetch, valid_source, valid_target, condition = first
    kind, queries, fails_for, breaks_for, on_empty, ids, other_for = matching
    hooks = dict(zip(HOOKS, [*one, two[0], two[2]], strict=False))
    return Mapping(
        qualifiers=qualifiers,
        other_for=other_for,
        linking=linking,
        prefetch_links=prefetch,
        valid_source=valid_source,
        valid_target=valid_target,
        source_condition=condition,
        correlation=Correlation(
            queries=tuple(q for q in queries if q in qualifiers) if kind == "query" else (),
            by_script=kind == "script",
            fails_for=fails_for,
            breaks_for=breaks_for,
            on_empty_target_set=on_empty,
        ),
        properties=(*ids, *(NAMED if len(qualifiers) > 1 else ()), *filter(None, props)),
        policies=tuple(filter(None, rules)),
        hooks={name: hook for name, hook in hooks.items() if hook is not None},
    )


launches = coded(
    [None] * 10 + [("s0",), ("s1",)],
    [None] * 20 + FILTER_TESTS,
    [None] * 20 + FILTER_TESTS,
    [None, None, None, True, False],
    [True, True, False],
    [False] * 9 + [True],
).map(lambda of: Launched(*of))


@dataclass(frozen=True)
class Changes:
    """What others did before a run; None is a deletion."""

    sources: dict[str, Json | None]
    targets: dict[str, Json | None]
    mapping: Mapping | None = None
    """Another one from now on."""


@dataclass(frozen=True)
class Story:
    """A world and what happens to it."""

    mapping: Mapping
    sources: dict[str, Json]
    targets: dict[str, Json]
    links: dict[tuple[str, str], str]
    chapters: list[tuple[Changes, Launched]]
    sequential: bool


NO_CHANGES = Changes({}, {})


def touched(ids: Sequence[str], objects: st.SearchStrategy[Json]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(ids), st.one_of(st.none(), objects), max_size=3)


mappings = st.one_of(st.none(), st.none(), st.none(), rules.map(mapping_of))
changes = st.builds(
    Changes, touched(SOURCES, sources), touched([*TARGETS, "new1", "new2"], targets), mappings
)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    mapping = mapping_of(draw(rules))
    links: dict[tuple[str, str], str] = {}
    for qualifier in mapping.qualifiers:
        number, first, second = draw(coded(range(5), range(8), range(8)))
        for step in range(number):  # any pairing of four will do
            links[qualifier, SOURCES[(first + step) % 8]] = TARGETS[(second + 3 * step) % 8]
    chapters = [(NO_CHANGES, draw(launches)), (draw(changes), draw(launches))]
    if draw(st.booleans()):
        chapters.append((draw(changes), draw(launches)))
    return Story(
        mapping,
        draw(side(SOURCES, sources)),
        draw(side(TARGETS, targets)),
        links,
        chapters,
        draw(st.sampled_from([False, False, False, True])),
    )


# worlds in which everything makes sense, so that a second run finds nothing to do

ANSWERS: dict[str, list[str]] = {
    "MISSING": ["EXCEPTION", "CREATE", "IGNORE"],
    "SOURCE_MISSING": ["EXCEPTION", "DELETE", "IGNORE"],
    "UNASSIGNED": ["EXCEPTION", "DELETE", "IGNORE"],
    "FOUND": ["UPDATE", "IGNORE"],
    "ABSENT": ["CREATE", "ASYNC", "IGNORE"],
    "UNQUALIFIED": ["DELETE", "IGNORE"],
}
CALM_CONDITIONS = [None] * 6 + [one for one in CONDITIONS if one.test.attribute != "linkQualifier"]
calm_properties = coded(
    ["mail", "kind", "copy", "address/city"],
    ["mail", "kind", "n", "tags"],
    [None, "B", {"x": [1]}],
    CALM_CONDITIONS,
).map(lambda of: Property(*of))


@st.composite
def calm_stories(draw: st.DrawFn) -> Story:
    """Mails are unique on either side, links lead to the same mail or to nothing, every rule is a usual one."""
    calm = tuple(Policy(name, draw(st.sampled_from(actions))) for name, actions in ANSWERS.items())
    by_id, correlates, condition = draw(
        coded([(), (Property("_id", "_id"),)], [("default",), ()], CALM_CONDITIONS)
    )
    mapping = Mapping(
        source_condition=condition,
        correlation=Correlation(queries=() if by_id else correlates),
        properties=(*by_id, *draw(st.lists(calm_properties, max_size=3))),
        policies=calm,
    )
    people = draw(side(SOURCES, sources))
    accounts = draw(side([f"t{number}" for number in range(8)], targets))
    for number, id in enumerate(SOURCES):
        for found in (people.get(id), accounts.get(f"t{number}")):
            if found is not None:
                found["mail"] = f"m{number}"
                found.pop("address", None)
    linked = [] if by_id else draw(st.lists(st.integers(0, 7), unique=True))
    links = {("default", SOURCES[number]): f"t{number}" for number in linked}
    plain = Launched(allow_empty=True)
    return Story(
        mapping, people, accounts, links, [(NO_CHANGES, plain), (NO_CHANGES, plain)], sequential=False
    )
