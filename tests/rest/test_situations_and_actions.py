"""Every situation of a run under every action: what is answered, what is written, which links come and go."""

from dataclasses import dataclass
from typing import Any

import pytest

from conf.terms import Action, Situation
from tests.rest.reconciling import Json, Reconciling, javascript, small

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOURCES: dict[str, Json] = {
    "confirmed": {"mail": "new"},
    "missing": {"mail": "missing"},
    "absent": {"mail": "absent"},
    "found": {"mail": "found"},
    "late": {"mail": "taken"},
    "unqualified": {"mail": "u", "out": True},
    "ambiguous": {"mail": "twins"},
    "ignored": {"mail": "i", "out": True},
}
TARGETS: dict[str, Json] = {
    "confirmed": {"mail": "old"},
    "found": {"mail": "found"},
    "taken": {"mail": "taken"},
    "unqualified": {"mail": "u"},
    "twin1": {"mail": "twins"},
    "twin2": {"mail": "twins"},
    "ignored": {"mail": "?", "out": True},
    "unassigned": {"mail": "unassigned"},
    "orphan": {"mail": "orphan"},
}
LINKED = {
    ("confirmed", "confirmed"),
    ("missing", "gone"),
    ("owner", "taken"),
    ("unqualified", "unqualified"),
    ("nobody", "orphan"),
}
#: situation -> (phase, source, target) of its entry
FOUND = {
    "CONFIRMED": ("source", "confirmed", "confirmed"),
    "MISSING": ("source", "missing", None),
    "ABSENT": ("source", "absent", None),
    "FOUND": ("source", "found", "found"),
    "FOUND_ALREADY_LINKED": ("source", "late", "taken"),
    "UNQUALIFIED": ("source", "unqualified", "unqualified"),
    "AMBIGUOUS": ("source", "ambiguous", None),
    "SOURCE_IGNORED": ("source", "ignored", None),
    "TARGET_IGNORED": ("target", None, "ignored"),
    "UNASSIGNED": ("target", None, "unassigned"),
    "SOURCE_MISSING": ("target", "nobody", "orphan"),
}
EXISTS = "target object already exists"
NO_SOURCE = "no source object to create target from"
NOTHING_TO_LINK = "no target object to link"
NOBODY_TO_LINK = "no source object to link"
TAKEN = "'taken' is linked already under the link qualifier 'default'"
NOT_LINKABLE = {
    "ABSENT": NOTHING_TO_LINK,
    "FOUND_ALREADY_LINKED": TAKEN,
    "AMBIGUOUS": NOTHING_TO_LINK,
    "SOURCE_IGNORED": NOTHING_TO_LINK,
    "TARGET_IGNORED": NOBODY_TO_LINK,
    "UNASSIGNED": NOBODY_TO_LINK,
}


@dataclass(frozen=True)
class Row:
    """What one action does, wherever it differs from nothing."""

    refused: Any = ()
    """situation -> message of the entries that fail."""
    created: frozenset[str] = frozenset()
    """Sources whose targets are made, and linked."""
    updated: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()
    links_lost: frozenset[tuple[str, str]] = frozenset()
    links_made: frozenset[tuple[str, str]] = frozenset()
    message: str | None = None
    is_reported: bool = True


ROWS = {
    "CREATE": Row(
        refused={
            "CONFIRMED": EXISTS,
            "FOUND": EXISTS,
            "FOUND_ALREADY_LINKED": EXISTS,
            "UNQUALIFIED": EXISTS,
            "TARGET_IGNORED": NO_SOURCE,
            "UNASSIGNED": NO_SOURCE,
            "SOURCE_MISSING": NO_SOURCE,
        },
        created=frozenset({"missing", "absent", "ambiguous", "ignored"}),
        links_lost=frozenset({("missing", "gone")}),
    ),
    "UPDATE": Row(
        refused=NOT_LINKABLE,
        updated=frozenset({"confirmed", "found", "unqualified"}),
        links_made=frozenset({("found", "found")}),
    ),
    "LINK": Row(refused=NOT_LINKABLE, links_made=frozenset({("found", "found")})),
    "DELETE": Row(
        deleted=frozenset({"confirmed", "found", "taken", "unqualified", "ignored", "unassigned", "orphan"}),
        links_lost=frozenset(LINKED),
    ),
    "UNLINK": Row(links_lost=frozenset(LINKED - {("owner", "taken")})),
    "EXCEPTION": Row(message="Situation {} marked as EXCEPTION"),
    "IGNORE": Row(),
    "REPORT": Row(),
    "NOREPORT": Row(is_reported=False),
    "ASYNC": Row(),
}


async def test_there_is_a_row_for_every_action() -> None:
    assert ROWS.keys() == set(map(str, Action))
    assert FOUND.keys() == set(map(str, Situation)) - {"LINK_ONLY", "ALL_GONE"}


@pytest.mark.parametrize("action", ROWS)
async def test_an_action_in_every_situation(recon: Reconciling, action: str) -> None:
    row = ROWS[action]
    mapping = small(
        properties=[{"source": "mail", "target": "mail"}, {"target": "by", "default": "us"}],
        policies=[{"situation": situation, "action": action} for situation in FOUND],
        validSource=javascript("!source.out"),
        validTarget=javascript("!target.out"),
        correlationQuery=javascript("({_queryFilter: 'mail eq \"' + source.mail + '\"'})"),
    )
    await recon.begin(mapping, sources=SOURCES, targets=TARGETS, linked=sorted(LINKED))
    run = await recon.run()

    assert (run["state"], run["statusSummary"]) == (
        "SUCCESS",
        {"SUCCESS": len(FOUND) - len(row.refused), "FAILURE": len(row.refused)},
    )
    assert {name: count for name, count in run["situationSummary"].items() if count} == dict.fromkeys(
        FOUND, 1
    )
    counted = run["progress"]["target"]
    assert (counted["created"], counted["updated"], counted["deleted"]) == (
        len(row.created),
        len(row.updated),
        len(row.deleted),
    )
    await check_entries(await recon.entries(run), action, row)
    await check_stores(recon, row)


async def check_entries(entries: list[Json], action: str, row: Row) -> None:
    by_situation = {entry["situation"]: entry for entry in entries}
    expected = FOUND.keys() if row.is_reported else set(row.refused)
    assert by_situation.keys() == expected
    for situation, entry in by_situation.items():
        phase, source, target = FOUND[situation]
        assert entry["action"] == action
        assert entry["reconciling"] == phase
        assert entry["sourceObjectId"] == (source and f"managed/src/{source}")
        if situation in row.refused:
            assert (entry["status"], entry["message"]) == ("FAILURE", row.refused[situation])
        else:
            message = row.message and row.message.format(situation)
            assert (entry["status"], entry["message"]) == ("SUCCESS", message)
        if action not in {"CREATE", "DELETE"}:
            assert entry["targetObjectId"] == (target and f"managed/dst/{target}")
        if situation == "AMBIGUOUS":
            assert entry["ambiguousTargetObjectIds"] == "twin1, twin2"


async def check_stores(recon: Reconciling, row: Row) -> None:
    targets = {found["_id"]: found for found in await recon.rows("managed/dst")}
    assert TARGETS.keys() - targets.keys() == row.deleted
    made = targets.keys() - TARGETS.keys()
    assert len(made) == len(row.created)
    assert {id for id, found in targets.items() if "by" in found} == row.updated | made
    links = await recon.links()
    assert LINKED - links == row.links_lost
    new = links - LINKED
    assert {source for source, target in new if target in made} == row.created
    assert {link for link in new if link[1] not in made} == row.links_made
