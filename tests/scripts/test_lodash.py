"""The part of lodash that scripts find under `lib/lodash`."""

from typing import Any

import pytest

LODASH = [
    ("_.map([1, 2], function (x) { return x * 2; })", [2, 4]),
    ("_.map({a: 1, b: 2}, function (v, k) { return k + v; })", ["a1", "b2"]),
    ("_.map([{n: 1}, {n: 2}], 'n')", [1, 2]),
    ("_.map('ab', function (c) { return c + c; })", ["aa", "bb"]),
    ("_.map(null, 'n')", []),
    ("_.extend({a: 1}, {b: 2}, null, {a: 3})", {"a": 3, "b": 2}),
    ("var s = 0; _.each({a: 1, b: 2}, function (v) { s += v; }); s", 3),
    ("var s = 0; _.forEach([1, 2, 3], function (v) { s += v; return v < 2; }); s", 3),
    ("_.pluck([{n: 1}, {}, null], 'n')", [1, None, None]),
    ("_.find([{a: 1, b: 2}, {a: 2, b: 3}], {a: 2})", {"a": 2, "b": 3}),
    ("_.find([1], function () { return false; }) === undefined", True),
    ("_.reject([1, 2, 3], function (x) { return x % 2; })", [2]),
    ("_.filter({a: 1, b: 2}, function (v) { return v > 1; })", [2]),
    ("_.has({a: undefined}, 'a') && !_.has({}, 'toString') && !_.has(null, 'a')", True),
    ("_.contains([1, 2], 2) && _.contains({a: 3}, 3) && _.contains('abc', 'b') && !_.include([], 1)", True),
    ("_.chain([3, 1, 2]).filter(function (x) { return x > 1; }).sortBy().map(String).value()", ["2", "3"]),
    ("_.chain([{n: 2}, {n: 1}]).pluck('n').first().value()", 2),
    ("_.chain([1, 2]).map(String).join('-').value()", "1-2"),
    ("_([1, 2]).map(function (x) { return x + 1; }).value()", [2, 3]),
    ("_([1, 2]).first()", 1),
    ("_.reduce([1, 2, 3], function (a, b) { return a + b; })", 6),
    ("_.reduce({a: 1}, function (a, v, k) { return a + k + v; }, 'x')", "xa1"),
    ("_.some([0, 1]) && !_.every([0, 1]) && _.any([{a: 1}], 'a') && _.all([], 'a')", True),
    ("_.uniq([1, 2, 1]).concat(_.union([1], [2, 1]), _.difference([1, 2], [1]))", [1, 2, 1, 2, 2]),
    ("[_.intersection([1, 2], [2, 3]), _.without([1, 2], 1), _.compact([0, 1, ''])]", [[2], [2], [1]]),
    ("[_.flatten([1, [2, [3]]]), _.flatten([1, [2, [3]]], true)]", [[1, 2, 3], [1, 2, [3]]]),
    ("[_.first([1, 2], 1), _.last([1, 2]), _.rest([1, 2, 3]), _.initial([1, 2])]", [[1], 2, [2, 3], [1]]),
    ("_.groupBy([1, 2, 3], function (x) { return x % 2 ? 'odd' : 'even'; })", {"odd": [1, 3], "even": [2]}),
    ("_.indexBy([{id: 'a', n: 1}], 'id')", {"a": {"id": "a", "n": 1}}),
    (
        "[_.keys({a: 1}), _.values({a: 1}), _.pairs({a: 1}), _.invert({a: 'b'})]",
        [["a"], [1], [["a", 1]], {"b": "a"}],
    ),
    (
        "[_.pick({a: 1, b: 2}, 'a'), _.omit({a: 1, b: 2}, ['a']), _.defaults({a: 1}, {a: 2, b: 2})]",
        [{"a": 1}, {"b": 2}, {"a": 1, "b": 2}],
    ),
    ("_.merge({a: {x: 1}, l: [1]}, {a: {y: 2}, l: [null, 2]})", {"a": {"x": 1, "y": 2}, "l": [None, 2]}),
    ("_.isEqual({a: [1, {b: 2}]}, {a: [1, {b: 2}]}) && !_.isEqual([1], ['1']) && _.isEqual(NaN, NaN)", True),
    (
        "_.isEmpty({}) && _.isEmpty(null) && !_.isEmpty('a') && _.isArray([]) && _.isString('') && _.isUndefined()",
        True,
    ),
    (
        "var a = {x: [1]}; var b = _.cloneDeep(a); b.x.push(2); [a, b, _.clone(a).x === a.x]",
        [{"x": [1]}, {"x": [1, 2]}, True],
    ),
    ("_.sortBy([{n: 2}, {n: 1}], 'n')", [{"n": 1}, {"n": 2}]),
    ("[_.zipObject(['a'], [1]), _.times(2, String)]", [{"a": 1}, ["0", "1"]]),
    ("[_.size({a: 1}), _.findIndex([1, 2], function (x) { return x === 2; })]", [1, 1]),
]


@pytest.mark.parametrize(("source", "value"), LODASH)
def test_what_scripts_use_of_lodash(run: Any, source: str, value: Any) -> None:
    assert run(f"var _ = require('lib/lodash'); {source}") == value
