"""The project folder in force: defaults, changes, files that are wrong, other processes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conf.errors import BadRequest, ConfigError, Conflict, NotFound, PreconditionFailed
from conf.project import LiveProject, open_project
from conf.script_config import ScriptConfig

Write = Callable[[str, Any], Path]
ENDS = {"source": "managed/src", "target": "managed/dst"}


def sync(*names: str, **members: Any) -> dict[str, Any]:
    return {"mappings": [{"name": name, **ENDS, **members} for name in names]}


def names(project: LiveProject) -> list[str]:
    return [mapping.name for mapping in project.mappings]


def test_an_empty_folder_is_a_valid_project(tmp_path: Path) -> None:
    project = open_project(tmp_path)
    assert project.problems == ()
    assert project.mappings == ()
    assert project.managed_types.keys() == {"user", "role", "assignment", "organization", "group"}
    assert project.authentication.static_users.keys() == {"openidm-admin", "anonymous"}
    assert project.is_default("managed")
    assert not (tmp_path / "conf").exists()


def test_a_folder_that_is_not_there_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="recon init"):
        open_project(tmp_path / "gone")


def test_a_put_is_in_force_at_once_and_survives(root: Path) -> None:
    project = open_project(root)
    before = project.generation
    assert project.put("sync", {"_id": "sync", "_rev": "1", **sync("a")}) == sync("a")
    assert names(project) == ["a"]
    assert project.generation > before
    assert names(open_project(root)) == ["a"]


def test_instances_are_files_of_their_own(root: Path) -> None:
    project = open_project(root)
    project.put("mapping/b-c", ENDS)
    project.put("provisioner.openicf/hr", {"connectorRef": {"connectorName": "x.CSVFileConnector"}})
    project.put("endpoint/hello", {"type": "text/javascript", "source": "1"})
    assert {path.name for path in (root / "conf").iterdir()} == {
        "mapping-b-c.json",
        "provisioner.openicf-hr.json",
        "endpoint-hello.json",
    }
    assert project.mapping("b-c").source == "managed/src"
    assert project.connectors["hr"].kind == "CSVFileConnector"


def test_a_wrong_document_is_refused_whole_and_the_old_one_stays(root: Path) -> None:
    project = open_project(root)
    project.put("sync", sync("a"))
    wrong = sync(
        "b",
        policies=[{"situation": "ABSENT", "action": "FLY"}],
        validSource={"type": "text/javascript", "file": "no.js"},
    )
    with pytest.raises(ConfigError) as refused:
        project.put("sync", wrong)
    assert refused.value.status == 400
    assert refused.value.message.startswith("sync: mappings[0].policies[0].action: 'FLY' is not an action.")
    assert [found["path"] for found in refused.value.detail["problems"]] == [
        "mappings[0].policies[0].action",
        "mappings[0].validSource.file",
    ]
    assert names(project) == ["a"]
    assert names(open_project(root)) == ["a"]


def test_code_is_checked_where_scripts_can_be_compiled(root: Path) -> None:
    def check(script: ScriptConfig) -> str | None:
        return f"does not compile: {script.source}" if script.source == "var" else None

    project = open_project(root)
    document = sync("a", validSource={"type": "text/javascript", "source": "var"})
    project.put("sync", document)
    project.check_scripts_by(check)
    assert project.mapping("a").problems != ()
    with pytest.raises(ConfigError, match="does not compile: var"):
        project.put("mapping/b", document["mappings"][0])


@pytest.mark.parametrize(
    "id", ["", "a-b", "../x", "a/b/c", "/a", "a/", ".a", "a\x00b", "a\\b", "x" * 300, "a\nb"]
)
def test_an_id_that_no_file_can_have_is_refused(root: Path, id: str) -> None:
    with pytest.raises(BadRequest):
        open_project(root).put(id, {})


@pytest.mark.parametrize(
    "document", [{"a": 2**70}, {"a": "\ud800"}, {"a": object()}], ids=["number", "surrogate", "object"]
)
def test_what_json_cannot_hold_is_refused(root: Path, document: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        open_project(root).put("extra", document)


def test_removing_gives_the_document_and_puts_the_default_back(root: Path) -> None:
    project = open_project(root)
    project.put("managed", {"objects": [{"name": "only"}]})
    assert project.remove("managed") == {"objects": [{"name": "only"}]}
    assert "user" in project.managed_types
    with pytest.raises(NotFound, match="No existing configuration found for managed"):
        project.remove("managed")


def test_a_stale_revision_is_refused(root: Path) -> None:
    project = open_project(root)
    project.put("sync", sync("a"))
    revision = project.revision("sync")
    project.put("sync", sync("b"), revision=revision)
    with pytest.raises(PreconditionFailed):
        project.put("sync", sync("c"), revision=revision)
    with pytest.raises(PreconditionFailed):
        project.remove("sync", revision=revision)
    with pytest.raises(NotFound):
        project.revision("nosuch")


def test_an_equal_put_writes_nothing(root: Path) -> None:
    project = open_project(root)
    project.put("sync", sync("a"))
    seen, generation = (root / "conf/sync.json").stat().st_ino, project.generation
    project.put("sync", sync("a"))
    assert ((root / "conf/sync.json").stat().st_ino, project.generation) == (seen, generation)


def test_a_snapshot_stays_what_it_was(root: Path) -> None:
    project = open_project(root)
    project.put("sync", sync("a"))
    held = project.snapshot
    project.put("sync", sync("b"))
    assert [mapping.name for mapping in held.mappings.mappings] == ["a"]


def test_changes_made_on_disk_are_seen_by_a_refresh(root: Path, write: Write) -> None:
    project, other = open_project(root), open_project(root)
    assert not project.refresh()
    other.put("sync", sync("a"))
    assert project.refresh()
    assert names(project) == ["a"]
    write("conf/mapping-b.json", ENDS)
    project.refresh()
    assert names(project) == ["a", "b"]
    (root / "conf/sync.json").unlink()
    project.refresh()
    assert names(project) == ["b"]


def test_only_what_changed_is_read_again(root: Path) -> None:
    project = open_project(root)
    project.put("sync", sync("a"))
    mapping, types = project.mapping("a"), project.managed_types
    project.put(
        "schedule/x",
        {
            "enabled": False,
            "schedule": "0 0 2 * * ?",
            "invokeService": "sync",
            "invokeContext": {"action": "reconcile", "mapping": "a"},
        },
    )
    assert project.mapping("a") is mapping
    assert project.managed_types is types


def test_a_mapping_that_stands_wrong_in_a_file_is_out_of_service_with_file_line_and_path(
    root: Path, write: Write
) -> None:
    wrong = sync("bad", validSource={"type": "text/javascript", "file": "no.js"})
    wrong["mappings"] += sync("good")["mappings"]
    write("conf/sync.json", wrong)
    project = open_project(root)
    assert project.mapping("good").problems == ()
    said = "conf/sync.json:9: mappings[0].validSource.file: there is no script file 'no.js'"
    assert project.mapping("bad").problems[0].startswith(said)
    assert project.problems == project.mapping("bad").problems


def test_a_missing_script_heals_when_the_file_comes(root: Path, write: Write) -> None:
    write("conf/sync.json", sync("a", validSource={"type": "text/javascript", "file": "valid.js"}))
    project = open_project(root)
    assert project.mapping("a").problems
    write("script/valid.js", "true")
    assert project.refresh()
    assert project.mapping("a").problems == ()
    assert project.script_text("valid.js") == "true"


def test_a_file_that_is_not_json_leaves_the_old_one_in_force(root: Path, write: Write) -> None:
    project = open_project(root)
    project.put("sync", sync("a"))
    write("conf/sync.json", '{"mappings": [\n{,')
    project.refresh()
    assert names(project) == ["a"]
    assert project.problems[0].startswith("conf/sync.json:2: this is not JSON:")
    project.put("sync", sync("a"))
    assert project.problems == ()
    assert names(open_project(root)) == ["a"]


def test_a_server_starts_with_unreadable_mappings_and_says_so(root: Path, write: Write) -> None:
    write("conf/sync.json", "nonsense")
    project = open_project(root)
    with pytest.raises(Conflict, match=r"conf/sync\.json:1: this is not JSON"):
        project.mapping("a")
    with pytest.raises(NotFound, match="No such mapping: a"):
        open_project(root.parent).mapping("a")


@pytest.mark.parametrize("id", ["authentication", "access", "managed"])
@pytest.mark.parametrize("content", ["{", '{"configs": 3, "objects": 3, "authModules": 3}', "[]"])
def test_a_default_never_takes_the_place_of_a_wrong_foundation(
    root: Path, write: Write, id: str, content: str
) -> None:
    write(f"conf/{id}.json", content)
    with pytest.raises(ConfigError, match=f"conf/{id}.json"):
        open_project(root)


def test_a_foundation_that_becomes_wrong_leaves_the_old_one_in_force(root: Path, write: Write) -> None:
    project = open_project(root)
    project.put("managed", {"objects": [{"name": "only"}]})
    write("conf/managed.json", {"objects": [{"title": "no name"}]})
    project.refresh()
    assert project.managed_types.keys() == {"only"}
    assert "'name' is missing" in project.problems[0]


def test_yaml_says_the_same_as_json(root: Path, write: Write) -> None:
    write(
        "conf/sync.yaml",
        "mappings:\n  - name: a\n    source: managed/src\n    target: managed/dst\n"
        "    comment: 2026-01-31\n    policies:\n      - {situation: FOUND, action: no}\n",
    )
    project = open_project(root)
    assert project.mapping("a").raw["comment"] == "2026-01-31"
    assert project.problems[0].startswith(
        "conf/sync.yaml:7: mappings[0].policies[0].action: 'no' is not an action."
    )
    project.put("sync", sync("b"))
    assert names(open_project(root)) == ["b"]
    assert [path.name for path in (root / "conf").iterdir()] == ["sync.yaml"]


@pytest.mark.parametrize(
    "content", ["a: [", "a: !!python/object:os.system {}", "a: &x [*x]", "1: 2\n? [a]\n: b", "- a"]
)
def test_yaml_that_json_could_not_say_is_refused(root: Path, write: Write, content: str) -> None:
    write("conf/extra.yml", content)
    assert open_project(root).problems[0].startswith("conf/extra.yml")


def test_other_files_in_the_folder_are_left_alone(root: Path, write: Write) -> None:
    write("conf/notes.txt", "hello")
    write("conf/.hidden.json", "{")
    write("conf/.sync.json.00ff.tmp", "half")
    (root / "conf/folder.json").mkdir()
    project = open_project(root)
    assert project.problems == ()
    assert not (root / "conf/.sync.json.00ff.tmp").exists()


@pytest.mark.parametrize("file", ["../outside.js", "/etc/hostname", "a\x00b", "link.js"])
def test_scripts_never_come_from_outside_the_project(root: Path, write: Write, file: str) -> None:
    inside = root / "project"
    (inside / "script").mkdir(parents=True)
    write("outside.js", "1")
    (inside / "script/link.js").symlink_to(root / "outside.js")
    with pytest.raises(ConfigError):
        open_project(inside).script_text(file)


def test_a_hook_without_its_script_does_not_keep_the_server_from_starting(root: Path, write: Write) -> None:
    write(
        "conf/managed.json",
        {"objects": [{"name": "a", "onCreate": {"type": "text/javascript", "file": "own.js"}}]},
    )
    project = open_project(root)
    assert "there is no script file 'own.js'" in project.problems[0]
    assert project.managed_types["a"].hooks.keys() == {"onCreate"}


def test_names_in_mappings_and_schedules_are_put_in_place(root: Path, write: Write) -> None:
    write("resolver/boot.properties", "sync.on=false\nnightly=0 0 3 * * ?\n")
    project = open_project(root)
    document = sync("a", enableSync={"$bool": "&{sync.on|true}"})
    project.put("sync", document)
    context = {"action": "reconcile", "mapping": "a"}
    project.put("schedule/n", {"schedule": "&{nightly}", "invokeService": "sync", "invokeContext": context})
    assert not project.mapping("a").enable_sync
    assert project.documents["sync"] == document
    assert project.schedules["n"].schedule == "0 0 3 * * ?"


def test_a_script_that_is_nowhere_is_also_a_lookup_error(root: Path) -> None:
    with pytest.raises(LookupError):
        open_project(root).script_text("no.js")


def test_two_connectors_of_one_name_are_refused(root: Path) -> None:
    project = open_project(root)
    document = {"name": "hr", "connectorRef": {"connectorName": "x"}}
    project.put("provisioner.openicf/a", document)
    with pytest.raises(ConfigError, match="another connector named 'hr'"):
        project.put("provisioner.openicf/b", document)
    assert project.connectors["hr"].config_id == "provisioner.openicf/a"
