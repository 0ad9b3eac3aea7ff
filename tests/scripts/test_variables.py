"""What a script sees, and what of its changes is seen afterwards."""

from typing import Any

import pytest

from flows.scripts.failures import ScriptFailed


def test_changes_of_a_live_variable_are_seen(run: Any) -> None:
    target = {"mail": "a@example.com", "gone": 1, "name": {"given": "Ada"}, "tags": ["x"]}
    name, tags = target["name"], target["tags"]
    scope = {"source": {"uid": "ada"}, "target": target}
    run(
        "target.uid = source.uid; delete target.gone; target.name.family = 'L'; target.tags.push('y');",
        scope,
        ("target",),
    )
    assert scope["target"] is target
    assert target == {
        "mail": "a@example.com",
        "uid": "ada",
        "name": {"given": "Ada", "family": "L"},
        "tags": ["x", "y"],
    }
    assert target["name"] is name
    assert target["tags"] is tags


def test_changes_are_seen_although_the_script_throws(run: Any) -> None:
    target: dict[str, Any] = {}
    with pytest.raises(ScriptFailed, match="late"):
        run("target.a = 1; throw 'late'", {"target": target}, ("target",))
    assert target == {"a": 1}


def test_changes_of_other_variables_are_not_seen(run: Any) -> None:
    source = {"a": 1}
    assert run("source.a = 2; source.a", {"source": source}) == 2
    assert source == {"a": 1}


def test_assigning_another_object_to_a_live_variable_changes_nothing(run: Any) -> None:
    target = {"a": 1}
    run("target = {b: 2};", {"target": target}, ("target",))
    assert target == {"a": 1}


def test_what_was_not_touched_keeps_its_python_numbers(run: Any) -> None:
    target = {"half": 1.0, "large": 2**60 + 1, "true": True, "one": 1, "list": [3.0, {"x": 4.0}]}
    before = repr(target)
    run("target.a = 1; delete target.a;", {"target": target}, ("target",))
    assert repr(target) == before


def test_a_number_that_becomes_a_truth_value_is_a_change(run: Any) -> None:
    target = {"flag": 1}
    run("target.flag = true;", {"target": target}, ("target",))
    assert target["flag"] is True


def test_undefined_in_a_live_variable_becomes_null(run: Any) -> None:
    target = {"a": 1}
    run("target.a = undefined;", {"target": target}, ("target",))
    assert target == {"a": None}


def test_a_live_variable_may_be_null_or_absent(run: Any) -> None:
    scope: dict[str, Any] = {"target": None}
    assert run("target === null", scope, ("target", "recon")) is True
    assert scope == {"target": None}


def test_a_function_left_in_a_live_variable_fails_the_script(failure_of: Any) -> None:
    assert (
        "a function in 'f'" in failure_of("target.f = function () {}; 1", {"target": {}}, ("target",)).message
    )


def test_an_absent_name_is_not_defined(run: Any, failure_of: Any) -> None:
    assert run("typeof source") == "undefined"
    assert failure_of("source.name").message == 'ReferenceError: "source" is not defined.'
    assert run("source === null", {"source": None}) is True


def test_variables_of_the_configuration_are_copies(run: Any) -> None:
    extra = {"list": [1]}
    source = "settings.list.push(2); settings.list.length"
    assert run(source, settings=extra) == 2
    assert run(source, settings=extra) == 2
    assert extra == {"list": [1]}


def test_variables_of_the_scope_win(run: Any) -> None:
    assert run("linkQualifier", {"linkQualifier": "admin"}, linkQualifier="default") == "admin"
    assert run("linkQualifier", {}, linkQualifier="default") == "default"


def test_names_that_are_no_identifiers_are_left_out(run: Any) -> None:
    scope = {"a-b": 1, "class": 2, "this": 3, "x y": 4, "naïve": 5, "$d": 6}
    assert run("naïve + $d", scope) == 11
    assert run("eval('naïve + $d')", scope) == 11


def test_a_script_that_evaluates_text_sees_every_name(run: Any) -> None:
    assert run("eval('sou' + 'rce')", {"source": 5}) == 5
    assert run("s\\u006furce", {"source": 5}) == 5


def test_undeclared_variables_do_not_reach_the_next_script(run: Any) -> None:
    assert run("leak = 1; this.other = 2; leak") == 1
    assert run("typeof leak + typeof other") == "undefinedundefined"
    assert run("for (loop of [1, 2]) {} loop") == 2
    assert run("typeof loop") == "undefined"


def test_members_put_on_every_object_do_not_reach_the_next_script(run: Any) -> None:
    run("Object.prototype.polluted = 1;")
    assert run("({}).polluted") is None


def test_hiding_a_global_of_ours_lasts_for_one_script(run: Any) -> None:
    assert run("org = {name: 'x'}; org.name") == "x"
    assert run("logger = 5; logger") == 5
    assert run("typeof logger.info + typeof org") == "functionfunction"


def test_variables_that_are_not_json_are_refused(failure_of: Any) -> None:
    assert "not JSON" in failure_of("source", {"source": object()}).message
    assert "not JSON" in failure_of("source", {"source": {1, 2}}).message


def test_large_integers_are_given_as_numbers(run: Any) -> None:
    assert run("typeof source", {"source": 10**30}) == "number"
