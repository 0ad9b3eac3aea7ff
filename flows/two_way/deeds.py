"""Which response does what in which situation: the whole table, decided by what there is.

Any response may be chosen for any situation; where it makes no sense, nothing is done and the reason is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from conf.reconciliation_terms import Response


class Deed(StrEnum):
    """What is done to one object."""

    NOTHING = "NOTHING"
    CREATE_IDM = "CREATE_IDM"
    REVIVE_IDM = "REVIVE_IDM"
    """Update an object that counts as deleted and make it active again."""
    UPDATE_IDM = "UPDATE_IDM"
    DISABLE_IDM = "DISABLE_IDM"
    REMOVE_IDM = "REMOVE_IDM"
    UNLINK = "UNLINK"
    CREATE_RES = "CREATE_RES"
    UPDATE_RES = "UPDATE_RES"
    DISABLE_RES = "DISABLE_RES"
    DELETE_RES = "DELETE_RES"

    @property
    def writes_resource(self) -> bool:
        return self.value.endswith("_RES")

    @property
    def is_destructive(self) -> bool:
        return self in _DESTRUCTIVE


_DESTRUCTIVE: Final = frozenset(
    {Deed.DISABLE_IDM, Deed.REMOVE_IDM, Deed.UNLINK, Deed.DISABLE_RES, Deed.DELETE_RES}
)


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of an object."""

    idm: bool
    """In the repository, though perhaps with the status of a deleted one."""
    resource: bool
    linked: bool
    deleted: bool = False
    """In the repository with the status of a deleted one."""


Chosen = tuple[Deed, str]
"""The deed, and why nothing is done where it is NOTHING."""

NO_RECORD: Final = "there is no record in the resource"
NO_OBJECT: Final = "there is no object in IDM"
THERE: Final = "the record is in the resource already"


def choose(response: Response, found: Found) -> Chosen:
    """The deed that answers."""
    if response is Response.NOTHING:
        return Deed.NOTHING, ""
    if response.writes_resource:
        return _in_resource(response, found)
    if response in (Response.ADD_TO_IDM, Response.UPDATE_IDM_FROM_RES):
        return _from_resource(response, found)
    return _in_idm(response, found)


def _in_resource(response: Response, found: Found) -> Chosen:
    if response is Response.ADD_TO_RES:
        if found.resource:
            return Deed.NOTHING, THERE
        return (Deed.CREATE_RES, "") if found.idm else (Deed.NOTHING, NO_OBJECT)
    if not found.resource:
        return Deed.NOTHING, NO_RECORD
    if response is Response.DELETE_FROM_RES:
        return Deed.DELETE_RES, ""
    if response is Response.DISABLE_IN_RES:
        return Deed.DISABLE_RES, ""
    return (Deed.UPDATE_RES, "") if found.idm else (Deed.NOTHING, NO_OBJECT)


def _from_resource(response: Response, found: Found) -> Chosen:
    if not found.resource:
        return Deed.NOTHING, NO_RECORD
    if response is Response.UPDATE_IDM_FROM_RES:
        return (Deed.UPDATE_IDM, "") if found.idm else (Deed.NOTHING, NO_OBJECT)
    if not found.idm:
        return Deed.CREATE_IDM, ""
    return (Deed.REVIVE_IDM, "") if found.deleted else (Deed.NOTHING, "the object is in IDM already")


def _in_idm(response: Response, found: Found) -> Chosen:
    match response:
        case Response.DELETE_FROM_IDM:
            return (Deed.UNLINK, "") if found.linked else (Deed.NOTHING, "it has no identity for this system")
        case Response.REMOVE_FROM_IDM if found.idm:
            return Deed.REMOVE_IDM, ""
        case Response.REMOVE_FROM_IDM if found.linked:
            return Deed.UNLINK, ""
        case Response.DISABLE_IN_IDM if found.idm:
            return Deed.DISABLE_IDM, ""
        case _:
            return Deed.NOTHING, NO_OBJECT
