"""Reading a two-way configuration, `conf/reconciliation-NAME.json`.

Keys are the labels of OpenIAM's form in lower camel case; `docs/two-way.md` lists them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from conf.cron import Quartz
from conf.document import Node, did_you_mean
from conf.errors import BadRequest
from conf.managed_schema import ManagedType
from conf.provisioner import ConnectorConfig
from conf.reconciliation_notifications import read_notifications
from conf.reconciliation_parts import (
    Surroundings,
    read_answers,
    read_guard,
    read_map,
    read_search,
    read_status,
    script_at,
    word_of,
)
from conf.reconciliation_schema import Reconciliation
from conf.reconciliation_terms import (
    CUSTOM_ATTRIBUTE,
    PRESET_LABELS,
    PRESETS,
    AnsweredBy,
    Direction,
    Kind,
    Response,
    Treatment,
)
from conf.schedule import MISFIRE_POLICIES

FIELDS: Final = (
    "type",
    "status",
    "idmObject",
    "managedSystem",
    "frequency",
    "timeZone",
    "misfirePolicy",
    "emailAddressForNotification",
    "sendReportAboutDoNothingCases",
    "report",
    "notifications",
    "manualReconciliation",
    "workflowName",
    "direction",
    "useCustomReconciliationLogic",
    "customProcessorScript",
    "targetSystemSearchQueryScript",
    "targetSystemSearchQueryFilter",
    "idmSearchQueryScript",
    "idmSearchQueryFilter",
    "updatedSince",
    "idmRepositoryField",
    "idmCustomAttributeName",
    "sourceAttributeName",
    "customRuleForMatching",
    "preProcessorScript",
    "postProcessorScript",
    "policyMap",
    "situations",
    "idmStatus",
    "resourceStatus",
    "conflictAnsweredBy",
    "guard",
    "resourceIdsCaseSensitive",
    "description",
)
LAST: Final = "last"
_LAST_WORDS: Final = frozenset({"last", "since the last run that finished", "last run"})


def read_reconciliation(
    root: Node,
    name: str,
    managed: Mapping[str, ManagedType] | None = None,
    systems: Mapping[str, ConnectorConfig] | None = None,
) -> Reconciliation | None:
    """The configuration of a document; what is wrong is noted with its place, None where nothing can be made of it."""
    if not root.is_object():
        return None
    for key, child in root.members():
        if key not in FIELDS and not key.startswith("_"):
            child.problem(f"'{key}' is not a field of a reconciliation.{did_you_mean(key, FIELDS)}")
    kind = word_of(root.child("type"), Kind, "a type") or Kind.USER
    surroundings = Surroundings(managed, systems, kind)
    idm_path = surroundings.idm_path(root.child("idmObject"))
    resource_path = surroundings.resource_path(root.child("managedSystem"))
    frequency, cron = _frequency(root.child("frequency"))
    treatment = _treatment(root.child("manualReconciliation"))
    custom = script_at(root.child("customProcessorScript"))
    uses_custom = root.flag("useCustomReconciliationLogic", custom is not None)
    match_rule = script_at(root.child("customRuleForMatching"))
    found = Reconciliation(
        name=name,
        kind=kind,
        idm_path=idm_path,
        resource_path=resource_path,
        is_active=_is_active(root.child("status")),
        frequency=frequency,
        cron=cron,
        time_zone=root.text("timeZone") or None,
        misfire_policy=_misfire(root),
        email=root.text("emailAddressForNotification"),
        report_nothing=root.flag("sendReportAboutDoNothingCases", False),
        treatment=treatment,
        workflow_name=root.text("workflowName", "managedUserApproval"),
        direction=word_of(root.child("direction"), Direction, "a direction") or Direction.BOTH,
        custom_processor=custom if uses_custom else None,
        resource_search=read_search(root, "targetSystemSearchQueryScript", "targetSystemSearchQueryFilter"),
        idm_search=read_search(root, "idmSearchQueryScript", "idmSearchQueryFilter"),
        updated_since=_since(root.child("updatedSince")),
        idm_field=_idm_field(root, surroundings),
        resource_field=surroundings.resource_pointer(root.child("sourceAttributeName")),
        match_rule=match_rule,
        pre_processor=script_at(root.child("preProcessorScript")),
        post_processor=script_at(root.child("postProcessorScript")),
        policy_map=read_map(root.child("policyMap"), surroundings),
        answers=read_answers(root.child("situations")),
        idm_status=read_status(root.child("idmStatus"), surroundings, of_idm=True),
        resource_status=read_status(root.child("resourceStatus"), surroundings, of_idm=False),
        conflict=word_of(root.child("conflictAnsweredBy"), AnsweredBy, "a side") or AnsweredBy.RESPONSE,
        guard=read_guard(root.child("guard")),
        ignore_case=not root.flag("resourceIdsCaseSensitive", True),
        notifications=root.value.get("notifications"),
        report=root.text("report", "HTML"),
        raw=root.value,
    )
    _check_whole(root, found)
    read_notifications(root)
    return found


def _check_whole(root: Node, found: Reconciliation) -> None:
    """What only several fields together tell."""
    if found.custom_processor is not None:
        return
    if root.flag("useCustomReconciliationLogic", False):
        root.problem("'customProcessorScript' is missing: name the script that replaces the built-in logic")
    by_attributes = bool(found.idm_field and found.resource_field)
    if not by_attributes and found.match_rule is None:
        root.problem(
            "nothing says which record belongs to which object: give 'idmRepositoryField' and "
            "'sourceAttributeName', or 'customRuleForMatching'"
        )
    if not found.policy_map:
        root.problem(
            "'policyMap' is missing: list the attributes that correspond, "
            '[{"idm": "mail", "resource": "email"}]'
        )
    for situation, answering in found.answers.items():
        place = root.child("situations").child(str(situation))
        if answering.response is Response.DISABLE_IN_IDM and found.idm_status is None:
            place.problem("DISABLE_IN_IDM needs 'idmStatus': the attribute that says who is in use")
        if answering.response is Response.DISABLE_IN_RES and found.resource_status is None:
            place.problem("DISABLE_IN_RES needs 'resourceStatus': the attribute that says who is in use")


def _is_active(node: Node) -> bool:
    if node.value is None:
        return True
    if not isinstance(node.value, str) or node.value.lower() not in ("active", "inactive"):
        node.problem("expected Active or Inactive")
        return False
    return node.value.lower() == "active"


def _frequency(node: Node) -> tuple[str, str | None]:
    """As written, and the Quartz expression; nothing for a manual one."""
    value = node.value
    if value is None or value == "":
        return "", None
    if not isinstance(value, str):
        node.problem(f"expected one of {', '.join(PRESET_LABELS)}, or a Quartz expression")
        return "", None
    if value.lower() in ("manual", "none"):
        return "", None
    preset = PRESETS.get(value.lower().replace("minutes", "min"))
    if preset is not None:
        return value, preset
    if len(value.split()) < 6:
        known = ", ".join(PRESET_LABELS)
        node.problem(
            f"'{value}' is not a frequency.{did_you_mean(value, PRESET_LABELS)} Known: {known}, "
            "or a Quartz expression such as 0 0 2 * * ?"
        )
        return value, None
    try:
        Quartz(value)
    except BadRequest as failure:
        node.problem(failure.message)
        return value, None
    return value, value


def _misfire(root: Node) -> str:
    found = root.text("misfirePolicy", "fireAndProceed")
    if found not in MISFIRE_POLICIES:
        root.child("misfirePolicy").problem(
            f"'{found}' is not a misfire policy.{did_you_mean(found, MISFIRE_POLICIES)}"
        )
    return found


def _treatment(node: Node) -> Treatment:
    if isinstance(node.value, bool):
        return Treatment.RECORD if node.value else Treatment.NONE
    return word_of(node, Treatment, "a treatment") or Treatment.NONE


def _since(node: Node) -> str | None:
    value: Any = node.value
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.lower() in _LAST_WORDS:
        return LAST
    try:
        return datetime.fromisoformat(str(value)).isoformat()
    except ValueError:
        node.problem(f"'{value}' is not a time; write 2026-01-31T02:00:00+01:00, or last")
        return None


def _idm_field(root: Node, surroundings: Surroundings) -> tuple[str, ...]:
    node = root.child("idmRepositoryField")
    if isinstance(node.value, str) and node.value.upper() == CUSTOM_ATTRIBUTE:
        custom = root.child("idmCustomAttributeName")
        if not custom.value:
            root.problem(f"'idmCustomAttributeName' is missing: idmRepositoryField is {CUSTOM_ATTRIBUTE}")
        return surroundings.idm_pointer(custom)
    return surroundings.idm_pointer(node)
