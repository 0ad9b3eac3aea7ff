"""Our own versions of the scripts that configurations name by habit."""

from __future__ import annotations

from typing import Any

import pytest

from flows.scripts.failures import ScriptFailed
from flows.scripts.host import ScriptHost
from tests.scripts.configured import file, javascript

PROPERTIES = [
    {"source": "mail", "target": "mail"},
    {
        "source": "uid",
        "target": "userName",
        "transform": {"type": "text/javascript", "source": "source.toUpperCase()"},
    },
    {"source": "nick", "target": "alias", "default": "none"},
    {"target": "kind", "default": "person"},
    {
        "source": "",
        "target": "full",
        "transform": {"type": "text/javascript", "source": "source.uid + '/' + source.mail"},
    },
    {"source": "uid", "target": "other", "condition": {"linkQualifier": "admin"}},
    {"source": "uid", "target": "named", "condition": '/linkQualifier eq "admin"'},
    {"source": "uid", "target": "chosen", "condition": {"type": "text/javascript", "source": "object.n > 5"}},
    {"source": "uid", "target": "byFile", "transform": {"type": "text/javascript", "file": "up.js"}},
    {"source": "n", "target": "number"},
]


class Configuration:
    """Answers what the correlation script asks."""

    def __call__(self, verb: str, given: list[Any]) -> Any:
        match verb, given:
            case "read", ["config/sync"]:
                return {"mappings": [{"name": "other"}, {"name": "hr", "properties": PROPERTIES}]}
            case "action", ["script", "eval", {"file": "up.js", "globals": found}]:
                return f"evaluated {found['source']}"
            case _:
                return None


def correlate(host: ScriptHost, tree: Any, source: dict[str, Any], qualifier: str = "default") -> Any:
    script = host.compile(file("ui/correlateTreeToQueryFilter.js", expressionTree=tree, mapping="hr"))
    with host.session(Configuration()) as session:
        return session.run(script, {"source": source, "linkQualifier": qualifier})


ADA = {"uid": "ada", "mail": 'a"b\\c', "n": 3}


@pytest.mark.parametrize(
    ("tree", "qualifier", "query"),
    [
        ({"all": ["userName"]}, "default", '/userName eq "ADA"'),
        ({"all": ["userName", "kind"]}, "default", '/userName eq "ADA" AND /kind eq "person"'),
        ({"any": ["mail", "alias"]}, "default", r'/mail eq "a\"b\\c" OR /alias eq "none"'),
        (
            {"any": ["kind", {"all": ["alias", "kind"]}]},
            "default",
            '/kind eq "person" OR (/alias eq "none" AND /kind eq "person")',
        ),
        ({"all": ["full"]}, "default", r'/full eq "ada/a\"b\\c"'),
        ({"all": ["other", "named"]}, "default", '/other eq "" AND /named eq ""'),
        ({"all": ["other", "named"]}, "admin", '/other eq "ada" AND /named eq "ada"'),
        ({"all": ["chosen"]}, "default", '/chosen eq ""'),
        ({"all": ["byFile"]}, "default", '/byFile eq "evaluated ada"'),
        ({"all": ["nosuch"]}, "default", '/nosuch eq ""'),
    ],
)
def test_a_correlation_tree_becomes_a_query(host: ScriptHost, tree: Any, qualifier: str, query: str) -> None:
    assert correlate(host, tree, ADA, qualifier) == {"_queryFilter": query}


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"all": ["number"]}, "Correlation by 'number' needs a text, and the mapping gives it 3"),
        ({"all": []}, "A correlation tree is"),
        ({"some": ["a"]}, "A correlation tree is"),
    ],
)
def test_a_correlation_tree_that_cannot_be_one(host: ScriptHost, tree: Any, message: str) -> None:
    with pytest.raises(ScriptFailed, match=message):
        correlate(host, tree, ADA)


def test_a_correlation_names_its_missing_mapping(host: ScriptHost) -> None:
    script = host.compile(
        file("ui/correlateTreeToQueryFilter.js", expressionTree={"all": ["a"]}, mapping="nosuch")
    )
    with (
        host.session(Configuration()) as session,
        pytest.raises(ScriptFailed, match="no mapping 'nosuch'") as caught,
    ):
        session.run(script, {"source": {}, "linkQualifier": "default"})
    assert caught.value.status == 404


@pytest.mark.parametrize("running", [0, 1])
def test_the_workflow_trigger_starts_one_process(host: ScriptHost, running: int) -> None:
    asked: list[tuple[str, list[Any]]] = []

    def answer(verb: str, given: list[Any]) -> Any:
        asked.append((verb, given))
        return {"result": [{}] * running} if verb == "query" else {"_id": "1"}

    param = {"reconId": "r", "mapping": "hr", "situation": "ABSENT", "action": "CREATE", "sourceId": "ada"}
    script = host.compile(file("workflow/triggerWorkflowFromSync.js", workflowName="managedUserApproval"))
    with host.session(answer) as session:
        assert session.run(script, {"recon": {"actionParam": param}}, ("recon",)) == "ASYNC"
    assert asked[0] == (
        "query",
        [
            "workflow/processinstance",
            {
                "_queryId": "filtered-query",
                "processDefinitionKey": "managedUserApproval",
                "var-mapping": "hr",
                "var-situation": "ABSENT",
                "var-action": "CREATE",
                "var-sourceId": "ada",
            },
        ],
    )
    created = [given for verb, given in asked if verb == "create"]
    if running:
        assert created == []
    else:
        key = {
            "_key": "managedUserApproval",
            "_businessKey": "sourceId: ada, targetId: undefined, reconId: r",
        }
        assert created == [["workflow/processinstance", None, {**param}]]
        assert key.items() <= param.items()


def assignment(*attributes: dict[str, Any], mapping: str = "hr", **more: Any) -> dict[str, Any]:
    return {"mapping": mapping, "attributes": list(attributes), **more}


def attribute(
    name: str, value: Any, onto: str = "mergeWithTarget", off: str = "removeFromTarget"
) -> dict[str, Any]:
    return {"name": name, "value": value, "assignmentOperation": onto, "unassignmentOperation": off}


@pytest.mark.parametrize(
    ("before", "now", "target", "after"),
    [
        pytest.param(None, None, {"a": 1}, {"a": 1}, id="no assignments"),
        pytest.param(
            [], [assignment(attribute("groups", ["x"]))], {}, {"groups": ["x"]}, id="merge into nothing"
        ),
        pytest.param(
            [],
            [assignment(attribute("groups", ["x", "y"]))],
            {"groups": ["x"]},
            {"groups": ["x", "y"]},
            id="merge",
        ),
        pytest.param(
            [], [assignment(attribute("o", {"b": 2}))], {"o": {"a": 1}}, {"o": {"a": 1, "b": 2}}, id="objects"
        ),
        pytest.param(
            [], [assignment(attribute("t", "new", "replaceTarget"))], {"t": "old"}, {"t": "new"}, id="replace"
        ),
        pytest.param(
            [], [assignment(attribute("t", "new", "noOp"))], {"t": "old"}, {"t": "old"}, id="nothing"
        ),
        pytest.param([], [assignment(attribute("t", "x"), mapping="other")], {}, {}, id="another mapping"),
        pytest.param(
            [], [assignment(attribute("t", "x"), linkQualifiers=["admin"])], {}, {}, id="another qualifier"
        ),
        pytest.param(
            [assignment(attribute("groups", ["x"]))],
            [],
            {"groups": ["x", "y"]},
            {"groups": ["y"]},
            id="taken back",
        ),
        pytest.param([assignment(attribute("t", "x"))], [], {"t": "x"}, {}, id="taken back, a text"),
        pytest.param(
            [assignment(attribute("t", "x"))], [], {"t": "changed"}, {"t": "changed"}, id="changed since"
        ),
        pytest.param(
            [assignment(attribute("t", ["x"]))],
            [assignment(attribute("t", ["x"]))],
            {"t": ["x"]},
            {"t": ["x"]},
            id="kept",
        ),
    ],
)
def test_role_assignments_reach_the_target(
    host: ScriptHost, session: Any, before: Any, now: Any, target: dict[str, Any], after: dict[str, Any]
) -> None:
    script = host.compile(file("roles/defaultMapping.js"))
    assert not script.uses_openidm
    scope = {
        "source": {"effectiveAssignments": now},
        "oldSource": {"effectiveAssignments": before},
        "target": target,
        "config": {"name": "hr"},
        "existingTarget": None,
        "linkQualifier": "default",
    }
    session.run(script, scope, ("target",))
    assert target == after


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("notifyCreate", ("delete", ["managed/user/ada", None, {"compensating": "true"}])),
        ("notifyUpdate", ("update", ["managed/user/ada", None, {"old": 1}, {"compensating": "true"}])),
        ("notifyDelete", ("create", ["managed/user", "ada", {"old": 1}, {"compensating": "true"}])),
    ],
)
def test_compensation_takes_a_change_back(host: ScriptHost, action: str, call: tuple[str, list[Any]]) -> None:
    asked: list[tuple[str, list[Any]]] = []
    script = host.compile(file("compensate.js"))
    scope = {
        "syncResults": {
            "success": False,
            "action": action,
            "syncDetails": [{"mapping": "hr", "result": "FAILED"}],
        },
        "resourceName": "managed/user/ada",
        "oldObject": {"old": 1},
        "newObject": {"new": 1},
        "request": {},
    }
    with host.session(lambda verb, given: asked.append((verb, given))) as session:
        with pytest.raises(ScriptFailed, match="was taken back") as caught:
            session.run(script, scope)
        session.run(script, scope | {"request": {"additionalParameters": {"compensating": "true"}}})
        session.run(script, scope | {"syncResults": {"success": True, "action": action, "syncDetails": []}})
    assert caught.value.status == 409
    assert asked == [call]


def test_shipped_hooks_without_effect(host: ScriptHost, session: Any) -> None:
    for name in ("roles/onRecon.groovy", "roles/defaultPostMapping.groovy"):
        script = host.compile(file(name, "groovy"))
        assert session.run(script, {}) is None
        assert not script.uses_openidm


def test_every_built_in_script_compiles(host: ScriptHost) -> None:
    script = host.compile(
        javascript("[require('lib/lodash'), require('compensate'), require('roles/onRecon')]")
    )
    assert script.uses_openidm
