"""Loading mappings: those of sync.json in their order, then the mapping files in the order of `syncAfter`.

A mapping with problems keeps its name and carries them; it is out of service, the others run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from conf.document import Node, Problem, Reading, did_you_mean, kind_of
from conf.mapping_body import read_body
from conf.mapping_schema import AttributeMapping, Condition, LinkType, ObjectMapping, Policy
from conf.script_config import ScriptConfig
from conf.terms import LONGEST_NAME

__all__ = [
    "AttributeMapping",
    "Condition",
    "LinkType",
    "MappingSet",
    "ObjectMapping",
    "Policy",
    "ScriptConfig",
    "load_mappings",
    "read_mappings",
]

Describe = Callable[[str, Problem], str]
"""Turns a document's id and a problem into a sentence with the place."""


@dataclass(frozen=True)
class MappingSet:
    """All mappings of a project, in processing order, and what is wrong outside any of them."""

    mappings: tuple[ObjectMapping, ...] = ()
    problems: tuple[tuple[str, Problem], ...] = ()
    """Every problem with the id of its document, those of mappings included."""


@dataclass
class _Draft:
    """A mapping as read from its own text, before it meets the others."""

    document: str
    node: Node
    name: str
    source: str
    target: str
    links: str
    after: tuple[str, ...]
    problems: list[Problem]


def load_mappings(documents: Mapping[str, Any]) -> tuple[ObjectMapping, ...]:
    """The mappings of `sync` and `mapping/*` documents; scripts files are taken to exist."""
    return read_mappings(documents, Reading).mappings


def read_mappings(
    documents: Mapping[str, Any],
    open_reading: Callable[[str], Reading],
    describe: Describe = lambda document, problem: f"{document}: {problem}",
) -> MappingSet:
    """Read all mappings. `open_reading` gives the reading of a document by its id."""
    stray: list[tuple[str, Problem]] = []
    drafts = [
        *_sync_drafts(documents.get("sync"), open_reading, stray),
        *_file_drafts(documents, open_reading),
    ]
    _refuse_doubles(drafts)
    by_name: dict[str, _Draft] = {}
    for draft in drafts:
        by_name.setdefault(draft.name, draft)
    found = []
    for draft in drafts:
        mapping = read_body(draft.node, draft.name, draft.source, draft.target, _link_type(draft, by_name))
        found.append(replace(mapping, problems=tuple(describe(draft.document, p) for p in draft.problems)))
        stray.extend((draft.document, problem) for problem in draft.problems)
    return MappingSet(tuple(found), tuple(stray))


def _sync_drafts(
    document: Any, open_reading: Callable[[str], Reading], stray: list[tuple[str, Problem]]
) -> list[_Draft]:
    if document is None:
        return []
    reading = open_reading("sync")
    root = Node(document, reading)
    drafts = []
    if root.is_object():
        for element in root.child("mappings").elements():
            own = Node(element.value, replace(reading, problems=[]), element.path)
            if not isinstance(element.value, dict):
                element.problem(f"expected a mapping (an object), found {kind_of(element.value)}")
            elif not isinstance(name := element.value.get("name"), str) or not name:
                element.problem("'name' is missing: every mapping of sync.json needs one")
            else:
                drafts.append(_draft("sync", own, name))
    stray.extend(("sync", problem) for problem in reading.problems)
    return drafts


def _file_drafts(documents: Mapping[str, Any], open_reading: Callable[[str], Reading]) -> list[_Draft]:
    drafts = []
    for document in sorted(key for key in documents if key.startswith("mapping/")):
        node = Node(documents[document], open_reading(document))
        if node.is_object():
            drafts.append(_draft(document, node, document.removeprefix("mapping/")))
        else:
            name = document.removeprefix("mapping/")
            drafts.append(
                _Draft(document, Node({}, node.reading), name, "", "", name, (), node.reading.problems)
            )
    return _by_sync_after(drafts)


def _draft(document: str, node: Node, name: str) -> _Draft:
    if len(name) > LONGEST_NAME or not name.isprintable():
        node.problem(f"the name of a mapping has at most {LONGEST_NAME} characters, all of them visible")
    return _Draft(
        document=document,
        node=node,
        name=name,
        source=node.text("source", required=True),
        target=node.text("target", required=True),
        links=node.text("links") or name,
        after=node.texts("syncAfter"),
        problems=node.reading.problems,
    )


def _by_sync_after(drafts: Sequence[_Draft]) -> list[_Draft]:
    """Each after those it names, as far as they are files too; otherwise by name."""
    waiting, done, ordered = list(drafts), set[str](), list[_Draft]()
    names = {draft.name for draft in drafts}
    while waiting:
        ready = [draft for draft in waiting if all(name in done or name not in names for name in draft.after)]
        if not ready:
            circle = ", ".join(draft.name for draft in waiting)
            waiting[0].node.child("syncAfter").problem(f"mappings wait for each other: {circle}")
            ready = waiting
        first = ready[0]
        waiting.remove(first)
        done.add(first.name)
        ordered.append(first)
    return ordered


def _refuse_doubles(drafts: Sequence[_Draft]) -> None:
    seen: dict[str, str] = {}
    for draft in drafts:
        if draft.name in seen:
            draft.node.problem(
                f"there is another mapping named '{draft.name}' in {seen[draft.name]}; rename one"
            )
        seen.setdefault(draft.name, draft.document)


def _link_type(draft: _Draft, by_name: Mapping[str, _Draft]) -> LinkType:
    definer = by_name.get(draft.links)
    own = LinkType(draft.links, False, *_case(draft))
    if definer is None or definer is draft or draft.links == draft.name:
        if definer is None:
            hint = did_you_mean(draft.links, by_name)
            draft.node.child("links").problem(
                f"there is no mapping '{draft.links}' to share links with.{hint}"
            )
        return own
    if definer.links != definer.name:
        draft.node.child("links").problem(
            f"'{definer.name}' shares the links of '{definer.links}'; name that mapping instead"
        )
    first, second = _case(definer)
    if (draft.source, draft.target) == (definer.source, definer.target):
        return LinkType(definer.name, False, first, second)
    if (draft.target, draft.source) == (definer.source, definer.target):
        return LinkType(definer.name, True, second, first)
    draft.node.child("links").problem(
        f"'{definer.name}' goes from {definer.source} to {definer.target}; links are shared only by mappings "
        "between the same two collections, in either direction"
    )
    return own


def _case(draft: _Draft) -> tuple[bool, bool]:
    raw = draft.node.value
    return raw.get("sourceIdsCaseSensitive") is not False, raw.get("targetIdsCaseSensitive") is not False
