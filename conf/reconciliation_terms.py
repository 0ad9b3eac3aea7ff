"""The words of two-way reconciliation: kinds of object, situations, responses, directions.

Labels and values are those of OpenIAM's reconciliation configuration; both are accepted in a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a configuration reconciles."""

    USER = "User"
    GROUP = "Group"
    ROLE = "Role"
    ORGANIZATION = "Organization"


class TwoWaySituation(StrEnum):
    """How the two sides stand to each other."""

    IDM_DELETED = "IDM_DELETED__SYS_EXISTS"
    BOTH = "IDM_EXISTS__SYS_EXISTS"
    ONLY_IDM = "IDM_EXISTS__SYS_NOT_EXISTS"
    ONLY_RESOURCE = "SYS_EXISTS__IDM_NOT_EXISTS"


SITUATION_LABELS: Final[Mapping[TwoWaySituation, str]] = {
    TwoWaySituation.IDM_DELETED: "IDM (deleted) and Resource (exists)",
    TwoWaySituation.BOTH: "IDM (exists) and Resource (exists)",
    TwoWaySituation.ONLY_IDM: "IDM (exists) and Resource (not exists)",
    TwoWaySituation.ONLY_RESOURCE: "IDM (not exists) and Resource (exists)",
}


class Response(StrEnum):
    """What is done in a situation."""

    NOTHING = "NOTHING"
    ADD_TO_IDM = "ADD_TO_IDM"
    DELETE_FROM_RES = "DELETE_FROM_RES"
    DISABLE_IN_RES = "DISABLE_IN_RES"
    DELETE_FROM_IDM = "DELETE_FROM_IDM"
    """The identity of this system, that is the link; the object itself stays."""
    REMOVE_FROM_IDM = "REMOVE_FROM_IDM"
    """The object itself."""
    DISABLE_IN_IDM = "DISABLE_IN_IDM"
    ADD_TO_RES = "ADD_TO_RES"
    UPDATE_IDM_FROM_RES = "UPDATE_IDM_FROM_RES"
    UPDATE_RES_FROM_IDM = "UPDATE_RES_FROM_IDM"

    @property
    def writes_resource(self) -> bool:
        return self in _WRITES_RESOURCE

    @property
    def is_destructive(self) -> bool:
        """Whether guards count it."""
        return self in DESTRUCTIVE


_WRITES_RESOURCE: Final = frozenset(
    {Response.DELETE_FROM_RES, Response.DISABLE_IN_RES, Response.ADD_TO_RES, Response.UPDATE_RES_FROM_IDM}
)
DESTRUCTIVE: Final = frozenset(
    {
        Response.DELETE_FROM_RES,
        Response.DISABLE_IN_RES,
        Response.DELETE_FROM_IDM,
        Response.REMOVE_FROM_IDM,
        Response.DISABLE_IN_IDM,
    }
)

RESPONSE_LABELS: Final[Mapping[Response, str]] = {
    Response.NOTHING: "Do Nothing",
    Response.ADD_TO_IDM: "Add Record to IDM from Resource",
    Response.DELETE_FROM_RES: "Delete from Resource",
    Response.DISABLE_IN_RES: "Disable (or change status in Resource)",
    Response.DELETE_FROM_IDM: "Delete from IDM",
    Response.REMOVE_FROM_IDM: "Remove from IDM",
    Response.DISABLE_IN_IDM: "Disable (or change status in IDM)",
    Response.ADD_TO_RES: "Add Record to Resource from IDM",
    Response.UPDATE_IDM_FROM_RES: "Update IDM from Resource",
    Response.UPDATE_RES_FROM_IDM: "Update Resource from IDM",
}


class Direction(StrEnum):
    """Whose records are looked at."""

    BOTH = "both"
    TO_IDM = "toIdm"
    """Records of the resource only."""
    TO_RESOURCE = "toResource"
    """Objects of the repository only."""


class Treatment(StrEnum):
    """Manual reconciliation."""

    NONE = "none"
    RECORD = "record"
    """Find out and record; do nothing."""
    INBOX = "inbox"
    """Every response but NOTHING waits for a person."""


class AnsweredBy(StrEnum):
    """Whose values count where both sides changed since the last run."""

    RESPONSE = "response"
    """The situation's response, as always."""
    IDM = "idm"
    RESOURCE = "resource"


PRESETS: Final[Mapping[str, str]] = {
    "every 5 min": "0 0/5 * * * ?",
    "every 15 min": "0 0/15 * * * ?",
    "every 1 hour": "0 0 0/1 * * ?",
    "run nightly": "0 0 0 * * ?",
}
"""Frequencies by name, as Quartz expressions."""

PRESET_LABELS: Final = ("Manual", "Every 5 min", "Every 15 min", "Every 1 Hour", "Run Nightly")
CUSTOM_ATTRIBUTE: Final = "CUSTOM ATTRIBUTE"
PREFIX: Final = "reconciliation/"
