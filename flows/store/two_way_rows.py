"""A two-way run, and one of its results, as their rows say it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, Final

from conf.transaction import Row
from flows.store.json_text import dump, dump_told, load, load_optional, plain

Counts = dict[str, dict[str, dict[str, int]]]
"""{situation: {response: {status: number of objects}}}"""


@dataclass(frozen=True, slots=True)
class TwoWayRun:
    """A run of a two-way configuration. Times are epoch milliseconds."""

    id: str
    name: str
    started: int
    status: str = "STARTING"
    """`STARTING`, `STARTED`, `STOPPING`, `STOPPED`, `FINISHED` or `FAILED`."""
    trigger: str = "rest"
    """`rest`, `cli`, or `schedule`."""
    user_id: str = ""
    is_manual: bool = False
    direction: str = "both"
    """`both`, `toIdm` or `toResource`."""
    ended: int | None = None
    idm_changed_since: int | None = None
    resource_changed_since: int | None = None
    to_resource_run: str | None = None
    to_idm_run: str | None = None
    message: str = ""
    request: dict[str, Any] = field(default_factory=dict)
    """What was asked at the start."""
    counts: Counts = field(default_factory=dict)
    mail: dict[str, Any] | None = None
    """What became of the notification; see `flows.reports.notify`."""
    mail_due: int | None = 0
    """When to notify or to try again, once the run has ended; None when nothing is left to tell."""
    owner: str | None = None
    token: int = 0
    lease_until: int | None = None


@dataclass(frozen=True, slots=True)
class TwoWayResult:
    """One object in one run, whatever number of stages touched it."""

    seq: int
    """Rises within the run; whoever writes the results numbers them."""
    situation: str
    response: str
    category: str
    principal: str
    idm_id: str | None = None
    resource_id: str | None = None
    status: str = "SUCCESS"
    """`SUCCESS`, `FAILURE`, `PENDING`, `NOTHING` or `HELD`."""
    message: str = ""
    idm_before: dict[str, Any] | None = None
    idm_after: dict[str, Any] | None = None
    resource_before: dict[str, Any] | None = None
    resource_after: dict[str, Any] | None = None


RUN_COLUMNS: Final = tuple(each.name for each in fields(TwoWayRun))
RESULT_COLUMNS: Final = tuple(each.name for each in fields(TwoWayResult))
RUN_JSON: Final = frozenset({"request", "counts", "mail"})
_RUN_VALUES: Final = attrgetter(*RUN_COLUMNS)
_RESULT_VALUES: Final = attrgetter(*RESULT_COLUMNS)
_FIRST_SIDE: Final = RESULT_COLUMNS.index("idm_before")


def run_row(run: TwoWayRun) -> Row:
    """The row in the order of RUN_COLUMNS."""
    return tuple(run_value(name, value) for name, value in zip(RUN_COLUMNS, _RUN_VALUES(run), strict=True))


def run_value(name: str, value: Any) -> Any:
    """What stands in a column of a run."""
    if name in RUN_JSON:
        return None if value is None else dump(value)
    return plain(value) if isinstance(value, str) else value


def run_of(row: Row) -> TwoWayRun:
    """The run in a row of RUN_COLUMNS."""
    values: dict[str, Any] = dict(zip(RUN_COLUMNS, row, strict=True))
    for name in RUN_JSON:
        values[name] = load_optional(values[name])
    values["is_manual"] = bool(values["is_manual"])
    return TwoWayRun(**values)


def result_row(run: str, result: TwoWayResult) -> Row:
    """The row: the run, then RESULT_COLUMNS; a character that no database keeps is left out."""
    values = [plain(value) if type(value) is str else value for value in _RESULT_VALUES(result)]
    for at in range(_FIRST_SIDE, len(values)):
        if values[at] is not None:
            values[at] = dump_told(values[at])
    return (run, *values)


def result_of(row: Row) -> TwoWayResult:
    """The result in a row of RESULT_COLUMNS."""
    sides = (None if text is None else load(text) for text in row[_FIRST_SIDE:])
    return TwoWayResult(*row[:_FIRST_SIDE], *sides)
