"""A two-way configuration as the two ordinary mappings that it compiles to.

They share their links, and are known by their names to runs, explanations and the audit, but are not part of sync.json:
nothing is synchronised implicitly through them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any, Final

from conf.document import Node, Reading
from conf.managed_schema import ManagedType
from conf.mapping import load_mappings
from conf.mapping_body import read_body
from conf.mapping_schema import LinkType, ObjectMapping
from conf.provisioner import ConnectorConfig
from conf.reconciliation import read_reconciliation
from conf.reconciliation_schema import Reconciliation
from conf.reconciliation_terms import PREFIX, Response, TwoWaySituation
from conf.terms import Action, Situation

Json = dict[str, Any]

RUNS_KEPT: Final = 20
"""Runs of each mapping that keep their entries; what became of each object stands in the results anyway."""

_TO_RESOURCE: Final[Mapping[Situation, TwoWaySituation]] = {
    Situation.CONFIRMED: TwoWaySituation.BOTH,
    Situation.FOUND: TwoWaySituation.BOTH,
    Situation.ABSENT: TwoWaySituation.ONLY_IDM,
    Situation.MISSING: TwoWaySituation.ONLY_IDM,
    Situation.UNQUALIFIED: TwoWaySituation.IDM_DELETED,
    Situation.SOURCE_MISSING: TwoWaySituation.IDM_DELETED,
    Situation.UNASSIGNED: TwoWaySituation.ONLY_RESOURCE,
}
_TO_IDM: Final[Mapping[Situation, TwoWaySituation]] = {
    Situation.CONFIRMED: TwoWaySituation.BOTH,
    Situation.FOUND: TwoWaySituation.BOTH,
    Situation.ABSENT: TwoWaySituation.ONLY_RESOURCE,
    Situation.MISSING: TwoWaySituation.IDM_DELETED,
    Situation.SOURCE_MISSING: TwoWaySituation.ONLY_IDM,
    Situation.UNASSIGNED: TwoWaySituation.ONLY_IDM,
}
_WRITES: Final[Mapping[Response, Action]] = {
    Response.ADD_TO_IDM: Action.CREATE,
    Response.ADD_TO_RES: Action.CREATE,
    Response.UPDATE_IDM_FROM_RES: Action.UPDATE,
    Response.UPDATE_RES_FROM_IDM: Action.UPDATE,
    Response.DISABLE_IN_IDM: Action.UPDATE,
    Response.DISABLE_IN_RES: Action.UPDATE,
    Response.DELETE_FROM_RES: Action.DELETE,
    Response.REMOVE_FROM_IDM: Action.DELETE,
    Response.DELETE_FROM_IDM: Action.UNLINK,
}


def read_reconciliations(
    documents: Mapping[str, Any],
    open_reading: Callable[[str], Reading],
    describe: Callable[[str, Any], str],
    managed: Mapping[str, ManagedType] | None = None,
    systems: Mapping[str, ConnectorConfig] | None = None,
) -> dict[str, Reconciliation]:
    """Every configuration by its name, with what is wrong in its `problems`."""
    found = {}
    for id in sorted(key for key in documents if key.startswith(PREFIX)):
        reading = open_reading(id)
        name = id.removeprefix(PREFIX)
        one = read_reconciliation(Node(documents[id], reading), name, managed, systems)
        if one is not None:
            sentences = tuple(describe(id, problem) for problem in reading.problems)
            found[name] = replace(one, problems=sentences)
    return found


def load_reconciliations(documents: Mapping[str, Any]) -> tuple[Reconciliation, ...]:
    """Configurations as they were kept with a run; nothing is checked against types and systems again."""
    return tuple(read_reconciliations(documents, Reading, lambda of, problem: f"{of}: {problem}").values())


def kept_mapping(documents: Mapping[str, Any], name: str) -> ObjectMapping | None:
    """A mapping of documents that were kept with a run, be it one that a configuration among them compiles to."""
    compiled = (mapping for found in load_reconciliations(documents) for mapping in mappings_of(found))
    return next((one for one in chain(load_mappings(documents), compiled) if one.name == name), None)


def mappings_of(configuration: Reconciliation) -> tuple[ObjectMapping, ObjectMapping]:
    """The mapping to the resource, which defines the links, and the one to the repository."""
    ignore = configuration.ignore_case
    definer = LinkType(configuration.to_resource, False, True, not ignore)
    other = LinkType(configuration.to_resource, True, not ignore, True)
    return (
        _mapping(configuration, to_idm=False, link_type=definer),
        _mapping(configuration, to_idm=True, link_type=other),
    )


def _mapping(configuration: Reconciliation, *, to_idm: bool, link_type: LinkType) -> ObjectMapping:
    document = document_of(configuration, to_idm=to_idm)
    reading = Reading(f"{PREFIX}{configuration.name}")
    node = Node(document, reading)
    mapping = read_body(node, document["name"], document["source"], document["target"], link_type)
    return replace(mapping, reconciliation=configuration, problems=configuration.problems)


def document_of(configuration: Reconciliation, *, to_idm: bool) -> Json:
    """The mapping as sync.json would say it. Its policies show the action of each response where it writes this side;
    what exactly is done is decided with both objects in sight."""
    source, target = configuration.resource_path, configuration.idm_path
    if not to_idm:
        source, target = target, source
    return {
        "name": configuration.to_idm if to_idm else configuration.to_resource,
        "source": source,
        "target": target,
        "links": configuration.to_resource,
        "enableSync": False,
        "correlateEmptyTargetSet": True,
        "reconAssociation": {
            "maxNonAnalysisRunsPerMapping": RUNS_KEPT,
            "maxAnalysisRunsPerMapping": RUNS_KEPT,
        },
        "properties": _properties(configuration, to_idm=to_idm),
        "policies": _policies(configuration, to_idm=to_idm),
        "reconciliation": configuration.raw,
    }


def _properties(configuration: Reconciliation, *, to_idm: bool) -> list[Json]:
    found = []
    for pair in configuration.pairs(to_idm=to_idm):
        source, target = (
            (pair.resource_text, pair.idm_text) if to_idm else (pair.idm_text, pair.resource_text)
        )
        script = pair.to_idm if to_idm else pair.to_resource
        found.append(
            {"source": source, "target": target} | ({} if script is None else {"transform": script.raw})
        )
    return found


def _policies(configuration: Reconciliation, *, to_idm: bool) -> list[Json]:
    found = []
    for situation, meaning in (_TO_IDM if to_idm else _TO_RESOURCE).items():
        response = configuration.answer(meaning).response
        writes_here = response is not Response.NOTHING and response.writes_resource is not to_idm
        action = _WRITES[response] if writes_here else Action.REPORT
        found.append({"situation": str(situation), "action": str(action)})
    return [
        *found,
        {"situation": "AMBIGUOUS", "action": "EXCEPTION"},
        {"situation": "FOUND_ALREADY_LINKED", "action": "EXCEPTION"},
    ]
