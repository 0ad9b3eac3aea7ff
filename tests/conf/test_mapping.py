"""Mappings: what is read, what is wrong, how links are shared, in which order they stand."""

import json
from pathlib import Path
from typing import Any

import pytest

from conf.filters.ast import Comparison, Literal
from conf.mapping import LinkType, ObjectMapping, ScriptConfig, load_mappings
from conf.terms import Action, Situation

SCRIPT = {"type": "text/javascript", "source": "true"}


def one(**members: Any) -> ObjectMapping:
    document = {"name": "m", "source": "managed/src", "target": "managed/dst", **members}
    return load_mappings({"sync": {"mappings": [document]}})[0]


def said(**members: Any) -> str:
    return "\n".join(one(**members).problems)


def test_a_bare_mapping_has_the_documented_defaults() -> None:
    mapping = one()
    assert mapping.problems == ()
    assert (mapping.links, mapping.link_qualifiers) == ("m", ("default",))
    assert (mapping.enable_sync, mapping.enable_linking, mapping.prefetch_links) == (True, True, True)
    assert (mapping.run_target_phase, mapping.source_query_full_entry) == (None, None)
    assert (mapping.task_threads, mapping.feed_size, mapping.recon_source_query_page_size) == (10, 1000, 1000)
    assert (mapping.max_runs, mapping.max_analysis_runs) == (1, 1)
    assert mapping.correlation == {}
    assert not mapping.allow_empty_source_set


def test_unknown_members_are_kept_and_harm_nothing() -> None:
    mapping = one(comment="why", propertiesX=3, icon="fa-x")
    assert mapping.problems == ()
    assert mapping.raw["propertiesX"] == 3


def test_properties_are_read_in_order() -> None:
    first, second, third = one(
        properties=[
            {"source": "uid", "target": "/user/name"},
            {"source": "", "target": "label", "transform": SCRIPT, "condition": "/object/mail pr"},
            {"target": "kind", "default": ["x"], "condition": {"linkQualifier": "user"}, "comment": "fixed"},
        ]
    ).properties
    assert (first.source, first.target, first.target_text) == (("uid",), ("user", "name"), "/user/name")
    assert second.source == ()
    assert second.transform is not None
    assert second.transform.where == "sync: mappings[0].properties[1].transform"
    assert (third.source, third.default, third.has_default) == (None, ["x"], True)
    assert third.condition == Comparison(("linkQualifier",), "eq", "user")


def test_situations_and_actions_are_taken_in_any_letter_case() -> None:
    policies = one(policies=[{"situation": "Absent", "action": "create"}]).policies
    assert (policies[0].situation, policies[0].action) == (Situation.ABSENT, Action.CREATE)


def test_an_action_may_be_a_script_whose_further_members_are_variables() -> None:
    action = {
        "workflowName": "managedUserApproval",
        "type": "text/javascript",
        "file": "workflow/triggerWorkflowFromSync.js",
        "globals": {"x": 1},
    }
    mapping = one(policies=[{"situation": "ABSENT", "action": action, "postAction": SCRIPT}])
    found = mapping.policies_for(Situation.ABSENT)[0]
    assert isinstance(found.action, ScriptConfig)
    assert found.action.variables == {"workflowName": "managedUserApproval", "x": 1}
    assert found.action.is_built_in
    assert found.post_action is not None


def test_several_policies_of_a_situation_keep_their_order() -> None:
    mapping = one(
        policies=[
            {"situation": "ABSENT", "action": "IGNORE", "condition": "/object/x pr"},
            {"situation": "FOUND", "action": "LINK"},
            {"situation": "ABSENT", "action": "CREATE", "condition": ""},
        ]
    )
    first, second = mapping.policies_for(Situation.ABSENT)
    assert (first.action, second.action, second.condition) == (Action.IGNORE, Action.CREATE, None)


def test_correlation_queries_belong_to_their_qualifier_and_the_last_wins() -> None:
    queries = [{**SCRIPT, "source": str(n)} | ({"linkQualifier": "x"} if n else {}) for n in range(3)]
    mapping = one(correlationQuery=queries)
    assert {qualifier: script.source for qualifier, script in mapping.correlation.items()} == {
        "default": "0",
        "x": "2",
    }
    assert one(correlationQuery={**SCRIPT, "linkQualifier": "y"}).correlation.keys() == {"y"}


def test_older_and_newer_names_of_the_mapping_script_are_the_same() -> None:
    for name in ("onMapping", "defaultMapping"):
        script = one(**{name: SCRIPT}).on_mapping
        assert script is not None
        assert script.source == "true"


def test_code_may_be_a_list_of_lines() -> None:
    script = one(validSource={"type": "text/javascript", "source": ["var a = 1;", "a"]}).valid_source
    assert script is not None
    assert script.source == "var a = 1;\na"


def test_python_scripts_are_dotted_names() -> None:
    script = one(validSource={"type": "python", "file": "rules.people:is_valid"}).valid_source
    assert script is not None
    assert (script.language, script.source, script.file) == ("python", "rules.people:is_valid", None)
    assert "dotted name" in said(validSource={"type": "python", "source": "import os"})


def test_retention_and_clustering() -> None:
    mapping = one(
        reconAssociation={"maxAnalysisRunsPerMapping": 3, "maxNonAnalysisRunsPerMapping": -1},
        clusteredSourceReconEnabled=True,
    )
    assert (mapping.max_analysis_runs, mapping.max_runs) == (3, None)
    assert (mapping.clustered, mapping.recon_source_query_paging) == (True, True)
    assert mapping.recon_source_query_page_size == 10_000


def test_link_qualifiers_are_a_set_or_a_script() -> None:
    assert one(linkQualifiers=["a", "b", "a"]).link_qualifiers == ("a", "b")
    assert isinstance(one(linkQualifiers=SCRIPT).link_qualifiers, ScriptConfig)


def test_a_condition_may_be_a_truth_value() -> None:
    assert one(sourceCondition=False).source_condition == Literal(False)


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"source": None}, "mappings[0]: 'source' is missing"),
        ({"target": 3}, "mappings[0].target: expected a text, found a whole number"),
        ({"enableSync": "yes"}, "mappings[0].enableSync: expected true or false, found a text"),
        ({"name": "x" * 256}, "mappings[0]: the name of a mapping has at most 255 characters"),
        (
            {"name": "a\nb"},
            "mappings[0]: the name of a mapping has at most 255 characters, all of them visible",
        ),
        ({"linkQualifiers": ["x" * 256]}, "expected a list of link qualifiers"),
        ({"sourceQuery": {"resourceName": 5}}, "mappings[0].sourceQuery.resourceName: expected a text"),
        ({"targetQuery": {"_fields": 5}}, "mappings[0].targetQuery._fields: expected names"),
        ({"targetQuery": {"_fields": [5]}}, "mappings[0].targetQuery._fields[0]: expected a text"),
        ({"queuedSync": "x"}, "mappings[0].queuedSync: expected an object"),
        ({"queuedSync": {"enabled": "x"}}, "mappings[0].queuedSync.enabled: expected true or false"),
        ({"queuedSync": {"pageSize": 0}}, "mappings[0].queuedSync.pageSize: 0 is too small"),
        ({"taskThreads": True}, "mappings[0].taskThreads: expected a whole number, found true or false"),
        ({"taskThreads": -1}, "mappings[0].taskThreads: -1 is too small; at least 0"),
        ({"policies": {}}, "mappings[0].policies: expected an array, found an object"),
        (
            {"policies": [{"situation": "ABSNET", "action": "CREATE"}]},
            "'ABSNET' is not a situation. Did you mean ABSENT?",
        ),
        (
            {"policies": [{"situation": "ABSENT", "action": "FLY"}]},
            "mappings[0].policies[0].action: 'FLY' is not an action.",
        ),
        ({"policies": [{"situation": "ABSENT"}]}, "mappings[0].policies[0]: 'action' is missing"),
        ({"properties": [{"source": "x"}]}, "mappings[0].properties[0]: 'target' is missing"),
        ({"properties": [{"target": "/"}]}, "mappings[0].properties[0].target: cannot replace root object"),
        ({"properties": [{"target": "a b"}]}, "is not a JSON pointer"),
        ({"sourceCondition": "a eq"}, "mappings[0].sourceCondition: 'a eq' is not a valid query filter"),
        (
            {"sourceQuery": {"_queryFilter": "a eqq 1"}},
            "mappings[0].sourceQuery._queryFilter: Unknown operator 'eqq'",
        ),
        ({"linkQualifiers": "x"}, "mappings[0].linkQualifiers: expected a list"),
        ({"linkQualifiers": []}, "mappings[0].linkQualifiers: expected a list"),
        ({"validSource": {"type": "text/javascript"}}, "mappings[0].validSource: a script needs 'source'"),
        ({"validSource": {"source": "1"}}, "mappings[0].validSource: 'type' is missing"),
        ({"validSource": {**SCRIPT, "file": "x"}}, "either 'source' or 'file', not both"),
        ({"validSource": {"type": "groovy", "source": "1"}}, "Groovy is not run here"),
        ({"validSource": {"type": "ruby", "source": "1"}}, "'ruby' is not a script language"),
        (
            {"correlationQuery": SCRIPT, "correlationScript": SCRIPT},
            "Cannot configure both correlationQuery and",
        ),
        ({"links": "other"}, "mappings[0].links: there is no mapping 'other'"),
    ],
)
def test_what_is_wrong_is_said_with_its_path_and_a_remedy(members: dict[str, Any], problem: str) -> None:
    assert problem in said(**members)


def test_the_shipped_groovy_defaults_are_known() -> None:
    assert one(postMapping={"type": "groovy", "file": "roles/defaultPostMapping.groovy"}).problems == ()


def test_a_broken_mapping_keeps_its_name_and_leaves_the_others_alone() -> None:
    broken, sound = load_mappings(
        {
            "sync": {
                "mappings": [
                    {
                        "name": "broken",
                        "source": "a",
                        "target": "b",
                        "policies": [{"situation": "X", "action": "Y"}],
                    },
                    {"name": "sound", "source": "a", "target": "b"},
                    "not a mapping",
                ]
            }
        }
    )
    assert len(broken.problems) == 2
    assert sound.problems == ()


def test_two_mappings_of_one_name_are_refused() -> None:
    first, second = load_mappings(
        {
            "sync": {"mappings": [{"name": "m", "source": "a", "target": "b"}]},
            "mapping/m": {"source": "a", "target": "b"},
        }
    )
    assert first.problems == ()
    assert "another mapping named 'm' in sync" in second.problems[0]


def links(*mappings: dict[str, Any]) -> dict[str, ObjectMapping]:
    return {mapping.name: mapping for mapping in load_mappings({"sync": {"mappings": list(mappings)}})}


def test_links_are_shared_in_the_same_and_in_the_opposite_direction() -> None:
    found = links(
        {"name": "back", "source": "b", "target": "a", "links": "there"},
        {"name": "there", "source": "a", "target": "b", "targetIdsCaseSensitive": False},
        {"name": "again", "source": "a", "target": "b", "links": "there", "sourceIdsCaseSensitive": False},
    )
    assert all(mapping.problems == () for mapping in found.values())
    assert found["there"].link_type == LinkType("there", False, True, False)
    assert found["again"].link_type == LinkType("there", False, True, False)
    back = found["back"].link_type
    assert (back.name, back.reverse, back.source_case_sensitive, back.target_case_sensitive) == (
        "there",
        True,
        False,
        True,
    )
    assert (back.first_case_sensitive, back.second_case_sensitive) == (True, False)


def test_links_of_other_collections_or_borrowed_links_are_refused() -> None:
    found = links(
        {"name": "there", "source": "a", "target": "b"},
        {"name": "other", "source": "a", "target": "c", "links": "there"},
        {"name": "same", "source": "a", "target": "b", "links": "there"},
        {"name": "borrowed", "source": "a", "target": "b", "links": "same"},
    )
    assert "only by mappings between the same two collections" in found["other"].problems[0]
    assert "'same' shares the links of 'there'" in found["borrowed"].problems[0]


def test_mapping_files_follow_sync_json_in_the_order_they_ask_for() -> None:
    ends = {"source": "a", "target": "b"}
    found = load_mappings(
        {
            "sync": {"mappings": [{"name": "z", **ends}]},
            "mapping/a": {**ends, "syncAfter": ["c", "z"]},
            "mapping/b": ends,
            "mapping/c": {**ends, "syncAfter": ["b"]},
        }
    )
    assert [mapping.name for mapping in found] == ["z", "b", "c", "a"]
    circle = load_mappings(
        {"mapping/a": {**ends, "syncAfter": ["b"]}, "mapping/b": {**ends, "syncAfter": ["a"]}}
    )
    assert {mapping.name for mapping in circle} == {"a", "b"}
    assert "wait for each other: a, b" in circle[0].problems[0]


def test_an_inline_mapping_document_may_be_anything_and_is_never_a_crash() -> None:
    for document in (None, [], "x", 3, {"mappings": 3}, {"mappings": [None, [], {}]}):
        assert load_mappings({"sync": document, "mapping/m": document}) is not None


def test_the_recorded_mappings_are_all_sound() -> None:
    recorded = Path(__file__).parent.parent / "conformance" / "worlds.jsonl"
    if not recorded.exists():
        pytest.skip("the recorded worlds are not in this checkout")
    for line in recorded.read_text().splitlines():
        for step in json.loads(line)["steps"]:
            if step["do"] == "mappings":
                assert [m.problems for m in load_mappings({"sync": step})] == [()] * len(step["mappings"])
