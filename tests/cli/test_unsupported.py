"""What `recon doctor -p DIR` says of a project that asks for more than is done here."""

import json
from pathlib import Path
from typing import Any

import pytest

import conf
from api.commands.check_project import check_project
from api.commands.findings import Health
from conf.settings import Settings
from flows.unsupported.javascript import jvm_uses
from flows.unsupported.project import unsupported

SAMPLE = Path(conf.__file__).parent / "samples" / "sync-asynchronous"
TRIGGER = "workflow/triggerWorkflowFromSync.js"


def write(root: Path, name: str, content: Any) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of an older installation."""
    mapping = {
        "name": "m",
        "source": "system/hr/account",
        "target": "managed/user",
        "queuedSync": {"enabled": True, "maxRetries": 5},
        "targetIdsCaseSensitive": False,
        "defaultSourceFields": ["mail"],
        "reconTargetQueryPaging": True,
        "validSource": {"type": "groovy", "file": "valid.groovy"},
        "properties": [
            {
                "source": "start",
                "target": "start",
                "transform": {"type": "text/javascript", "source": "new java.util.Date(source).toString()"},
            }
        ],
        "policies": [
            {"situation": "ABSENTT", "action": "CREATE"},
            {"situation": "FOUND", "action": "MERGE"},
            {
                "situation": "ABSENT",
                "action": {"type": "text/javascript", "file": TRIGGER, "workflowName": "hire"},
            },
        ],
    }
    write(tmp_path, "conf/sync.json", {"mappings": [mapping]})
    write(
        tmp_path,
        "conf/provisioner.openicf-hr.json",
        {
            "connectorRef": {
                "connectorName": "org.forgerock.openicf.connectors.scriptedrest.ScriptedRESTConnector"
            },
            "configurationProperties": {"searchScriptFileName": "tools/SearchScript.groovy"},
            "syncFailureHandler": {"maxRetries": 5, "postRetryAction": "dead-letter-queue"},
        },
    )
    hooks = {
        "onCreate": {"type": "text/javascript", "file": "ui/onCreateUser.js"},
        "onSync": {"type": "groovy", "source": "x"},
        "onAssignment": {"type": "text/javascript", "file": "roles/assign.js"},
        "postDelete": {"type": "text/javascript", "source": "1"},
        "actions": {"unlock": {"type": "text/javascript", "source": "1"}},
        "onDelete": {"type": "text/javascript", "file": "roles/onDelete-roles.js"},
    }
    policies = [{"policyId": "our-own"}, {"policyId": "not-empty"}]
    script = {"type": "text/javascript", "source": "1"}
    properties = {
        "userName": {"type": "string", "policies": policies, "onValidat": script, "onStore": script}
    }
    write(
        tmp_path,
        "conf/managed.json",
        {"objects": [{"name": "user", **hooks, "schema": {"properties": properties}}]},
    )
    modules = [
        {"name": "CLIENT_CERT", "enabled": True, "properties": {}},
        {"name": "PASSTHROUGH", "enabled": False},
    ]
    write(tmp_path, "conf/authentication.json", {"serverAuthContext": {"authModules": modules}})
    write(
        tmp_path,
        "conf/audit.json",
        {
            "eventHandlers": [
                {"class": "org.forgerock.audit.handlers.csv.CsvAuditEventHandler", "config": {"topics": []}},
                {"class": "org.forgerock.openidm.audit.impl.RepositoryAuditEventHandler", "config": {}},
            ]
        },
    )
    write(tmp_path, "conf/router.json", {"filters": []})
    conditions = {
        "mine": "ownDataOnly() && onlyEditableManagedObjectProperties('user', []) && reauthIfProtectedAttributeChange()",
        "theirs": "ownDataOnly() && checkIfAnyFeatureEnabled('registration')",
    }
    rules = [
        {"pattern": name, "roles": "*", "methods": "*", "customAuthz": c} for name, c in conditions.items()
    ]
    write(tmp_path, "conf/access.json", {"configs": rules})
    write(tmp_path, "conf/apiVersion.json", {"warning": {"enabled": True, "includeScripts": True}})
    write(tmp_path, "script/valid.groovy", "true")
    write(
        tmp_path,
        "script/make.js",
        "// java.util.UUID in a comment\nvar id =\n  java.util.UUID.randomUUID();\n",
    )
    write(
        tmp_path,
        "workflow/hire.bpmn20.xml",
        '<?xml version="1.0"?>\n<definitions>\n'
        '<process isExecutable="true" id="hire" name="Hire">\n</process></definitions>',
    )
    return tmp_path


def line_with(root: Path, file: str, text: str) -> str:
    lines = (root / file).read_text().splitlines()
    return f"{file}:{next(number for number, line in enumerate(lines, 1) if text in line)}"


EXPECTED = [
    ("conf/sync.json", '"validSource"', "valid.groovy is not run", "script/valid.js"),
    ("conf/sync.json", "java.util.Date", "java.util.Date is not there", "new Date()"),
    ("conf/sync.json", '"action": {', "there is no process hire", "workflow/hire.py"),
    ("conf/provisioner.openicf-hr.json", "connectorName", "no connector ScriptedRESTConnector", "CSV"),
    ("conf/provisioner.openicf-hr.json", "searchScriptFileName", "SearchScript.groovy is not run", "CSV"),
    ("conf/provisioner.openicf-hr.json", "postRetryAction", "logged and passed over", "logged-ignore"),
    ("conf/managed.json", '"onCreate"', "ui/onCreateUser.js is not run", "nothing"),
    ("conf/managed.json", '"onSync"', "onSync: a Groovy script is not run", "JavaScript"),
    ("conf/managed.json", '"onDelete"', "roles/onDelete-roles.js is not run", "nothing"),
    ("conf/managed.json", '"onAssignment"', "the hook onAssignment is never called", "onCreate"),
    ("conf/managed.json", '"onValidat"', "the hook onValidat is never called", "onValidate"),
    ("conf/managed.json", '"unlock"', "the action unlock of the type cannot be called", "endpoint"),
    ("conf/sync.json", '"queuedSync"', "there is no queue", "enableSync"),
    ("conf/sync.json", "targetIdsCaseSensitive", "is found, but not updated", "small letters"),
    ("conf/sync.json", "defaultSourceFields", "read with all its members", "_fields"),
    ("conf/sync.json", "reconTargetQueryPaging", "read in one go", "no harm"),
    ("conf/managed.json", "our-own", "the policy our-own is not known", "onValidate"),
    ("conf/authentication.json", "CLIENT_CERT", "CLIENT_CERT has no effect", "MANAGED_USER"),
    ("conf/access.json", "checkIfAnyFeatureEnabled", "the rule allows nothing", "ownDataOnly"),
    ("conf/apiVersion.json", "includeScripts", "only calls from outside", "no harm"),
    ("conf/router.json", "{", "nothing here reads this file", "access.json"),
    ("script/make.js", "randomUUID", "java.util.UUID.randomUUID is not there", "leave _id out"),
    ("workflow/hire.bpmn20.xml", "<process", "the BPMN process hire is not run", "the sample shows how"),
]


@pytest.mark.parametrize(("file", "text", "what", "remedy"), EXPECTED)
def test_each_is_named_with_file_line_and_remedy(
    project: Path, file: str, text: str, what: str, remedy: str
) -> None:
    place = line_with(project, file, text)
    found = [part for part in unsupported(project) if part.place == place and what in part.what]
    assert found, [(part.place, part.what) for part in unsupported(project)]
    assert remedy in found[0].remedy


def test_nothing_else_is_named(project: Path) -> None:
    found = {(part.file, part.what.rpartition(": ")[2]) for part in unsupported(project)}
    assert not any("postDelete" in what or "onStore" in what for _, what in found)
    assert not any("reauthIfProtectedAttributeChange()" in what for _, what in found)
    assert not any("PASSTHROUGH" in what or "not-empty" in what for _, what in found)
    assert not any("RepositoryAuditEventHandler" in what for _, what in found)
    assert ("script/valid.groovy", "a Groovy script, which is not run") in found
    assert any("CsvAuditEventHandler" in what for _, what in found)


async def test_the_doctor_tells_them_beside_unknown_words(project: Path) -> None:
    settings = Settings(project=project, data=project / ".recon")
    found = [finding async for finding in check_project(settings)]
    wrong = [f"{one.subject} {one.message}" for one in found if one.health is Health.FAILED]
    text = "\n".join(wrong)
    assert "'ABSENTT'" in text
    assert "Did you mean ABSENT?" in text
    assert "'MERGE'" in text
    assert text.count("validSource") == 1
    assert text.count("ScriptedRESTConnector") == 1
    assert not any(one.subject == "system/hr" for one in found)


def test_the_sample_asks_for_nothing_else() -> None:
    assert unsupported(SAMPLE) == []


@pytest.mark.parametrize(
    "code",
    ["source.java.x", "var com = {}; com.x.y", "'java.util.Date'", "/* java.io.File */ 1", "x = y.org.z"],
)
def test_what_only_looks_like_java_is_left_alone(code: str) -> None:
    assert list(jvm_uses(code)) == []
