"""Conditions on tasks and processes: the parameters of a filtered query, and what a person may see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from approvals.entitlement import Person
from approvals.records import Process, Task, number_of
from conf.errors import BadRequest
from conf.transaction import Dialect

NOTHING: Final = "1 = 0"


@dataclass(frozen=True)
class Condition:
    """A part of a WHERE clause with its parameters; `t`, `p` and `d` are task, process and decision."""

    sql: str
    parameters: tuple[Any, ...] = ()


Parameter = Callable[[str, str], Condition | None]
"""Name and value of a query parameter; None when it restricts nothing."""


def seen_tasks(dialect: Dialect, person: Person) -> Condition:
    """Tasks that are this person's, open to them, or decided by them."""
    candidates = _candidates(dialect, "t", person)
    return Condition(
        f"t.assignee = ? or d.actor = ? or {candidates.sql}",
        (person.id, person.id, *candidates.parameters),
    )


def seen_processes(dialect: Dialect, person: Person) -> Condition:
    """Processes that this person started or has, or had, something to decide in."""
    candidates = _candidates(dialect, "seen", person)
    return Condition(
        "p.start_user_id = ? or exists (select 1 from task_instance seen where seen.process = p.seq and"
        f" (seen.assignee = ? or {candidates.sql}))",
        (person.id, person.id, *candidates.parameters),
    )


def task_conditions(dialect: Dialect, parameters: Mapping[str, str]) -> list[Condition]:
    """Conditions for the parameters of `filtered-query` on tasks; an unknown one is a BadRequest."""
    return _conditions(
        {
            **_TASKS,
            "taskCandidateUser": lambda _, value: _open_to(_among(dialect, "t.candidate_users", [value])),
            "taskCandidateGroup": lambda _, value: _open_to(
                _among(dialect, "t.candidate_groups", [group.strip() for group in value.split(",")])
            ),
            "taskCandidateOrAssigned": lambda _, value: _either(
                Condition("t.assignee = ?", (value,)),
                _open_to(_among(dialect, "t.candidate_users", [value])),
            ),
        },
        parameters,
    )


def process_conditions(parameters: Mapping[str, str]) -> list[Condition]:
    """Conditions for the parameters of `filtered-query` on processes; an unknown one is a BadRequest."""
    return _conditions(_PROCESSES, parameters)


def variable_test(parameters: Mapping[str, str]) -> Callable[[Task | Process], bool] | None:
    """Whether the variables named by `var-<name>` hold exactly these texts; None without such parameters."""
    wanted = {name[4:]: value for name, value in parameters.items() if name.startswith("var-")}
    if not wanted:
        return None
    return lambda row: all(row.variables.get(name) == value for name, value in wanted.items())


def _conditions(known: Mapping[str, Parameter], parameters: Mapping[str, str]) -> list[Condition]:
    found = []
    for name, value in parameters.items():
        if name.startswith("_"):
            continue
        if name.startswith("var-"):
            condition = _variable(name[4:], value)
        elif make := known.get(name):
            condition = make(name, value)
        else:
            raise BadRequest(
                f"'{name}' is not a filter of this collection; these are: {', '.join(sorted(known))}, var-<name>",
                detail={"parameter": name},
            )
        if condition is not None:
            found.append(condition)
    return found


def _variable(name: str, value: str) -> Condition | None:
    """What must hold if the variable has this value; the rows that remain are looked at one by one."""
    if name == "sourceId":
        return Condition("p.mapping is null or p.side <> 'source' or p.object_id = ?", (value,))
    column = _VARIABLES.get(name)
    return None if column is None else Condition(f"p.mapping is null or {column} = ?", (value,))


def _equal(sql: str) -> Parameter:
    return lambda _, value: Condition(f"{sql} = ?", (value,))


def _number(sql: str) -> Parameter:
    def make(_: str, value: str) -> Condition:
        number = number_of(value)
        return Condition(NOTHING) if number is None else Condition(f"{sql} = ?", (number,))

    return make


def _whole(sql: str) -> Parameter:
    def make(name: str, value: str) -> Condition:
        try:
            number = int(value)
        except ValueError:
            raise BadRequest(
                f"'{name}' must be a whole number, not '{value}'", detail={"parameter": name}
            ) from None
        return Condition(f"{sql} = ?", (number,)) if abs(number) < 2**31 else Condition(NOTHING)

    return make


def _when(sql: str) -> Parameter:
    """A switch: `finished=true` restricts, `finished=false` does not."""

    def make(name: str, value: str) -> Condition | None:
        if value.lower() not in {"true", "false"}:
            raise BadRequest(f"'{name}' must be true or false, not '{value}'", detail={"parameter": name})
        return Condition(sql) if value.lower() == "true" else None

    return make


def _time(sql: str) -> Parameter:
    def make(name: str, value: str) -> Condition:
        try:
            # a blank is what a plus sign in an address turns into
            moment = datetime.fromisoformat(value.replace(" ", "+"))
        except ValueError:
            raise BadRequest(
                f"'{name}' must be a moment such as 2026-03-01T09:30:00Z, not '{value}'",
                detail={"parameter": name},
            ) from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return Condition(f"{sql} ?", (int(moment.timestamp() * 1000),))

    return make


def _tenant(_: str, value: str) -> Condition | None:
    return Condition(NOTHING) if value else None


def _among(dialect: Dialect, column: str, names: list[str]) -> Condition:
    """The JSON list in a column holds one of these names, letter case respected."""
    function = "instr" if dialect == "sqlite" else "strpos"
    quoted = tuple(orjson.dumps(name).decode() for name in names)
    return Condition(" or ".join(f"{function}({column}, ?) > 0" for _ in quoted) or NOTHING, quoted)


def _candidates(dialect: Dialect, table: str, person: Person) -> Condition:
    return _either(
        _among(dialect, f"{table}.candidate_users", [person.id]),
        _among(dialect, f"{table}.candidate_groups", sorted(person.roles)),
    )


def _open_to(condition: Condition) -> Condition:
    return Condition(f"(t.assignee is null or t.assignee = '') and ({condition.sql})", condition.parameters)


def _either(*conditions: Condition) -> Condition:
    return Condition(
        "(" + " or ".join(f"({condition.sql})" for condition in conditions) + ")",
        tuple(value for condition in conditions for value in condition.parameters),
    )


_VARIABLES: Final = {
    "mapping": "p.mapping",
    "situation": "p.situation",
    "action": "p.action",
    "reconId": "p.recon_id",
    "linkQualifier": "p.qualifier",
}
_SHARED: Final[Mapping[str, Parameter]] = {
    "processDefinitionKey": _equal("p.definition_key"),
    "tenantId": _tenant,
    "decidedBy": _equal("d.actor"),
    "reconId": _equal("p.recon_id"),
    "mapping": _equal("p.mapping"),
    "situation": _equal("p.situation"),
}
_TASKS: Final[Mapping[str, Parameter]] = {
    **_SHARED,
    "processInstanceId": _number("t.process"),
    "executionId": _number("t.process"),
    "processDefinitionId": _equal("t.definition_id"),
    "taskId": _number("t.seq"),
    "taskDefinitionKey": _equal("t.task_key"),
    "assignee": _equal("t.assignee"),
    "name": _equal("t.name"),
    "taskName": _equal("t.name"),
    "owner": _equal("t.owner"),
    "description": _equal("t.description"),
    "priority": _whole("t.priority"),
    "unassigned": _when("t.assignee is null or t.assignee = ''"),
    "deleteReason": _equal("t.delete_reason"),
    "outcome": _equal("coalesce(d.verdict, case t.status when 'CANCELLED' then p.outcome end)"),
    "finished": _when("t.ended_at is not null"),
    "unfinished": _when("t.ended_at is null"),
    "processFinished": _when("p.open = 0"),
    "processUnfinished": _when("p.open = 1"),
}
_PROCESSES: Final[Mapping[str, Parameter]] = {
    **_SHARED,
    "processInstanceId": _number("p.seq"),
    # a definition id ends with the number of its row
    "processDefinitionId": lambda name, value: _number("p.definition")(name, value.rpartition(":")[2]),
    "processInstanceBusinessKey": _equal("p.business_key"),
    "businessKey": _equal("p.business_key"),
    "superProcessInstanceId": lambda _, __: Condition(NOTHING),
    "startUserId": _equal("p.start_user_id"),
    "involvedUserId": lambda _, value: Condition(
        "p.start_user_id = ? or exists (select 1 from task_instance part"
        " where part.process = p.seq and part.assignee = ?)",
        (value, value),
    ),
    "outcome": _equal("p.outcome"),
    "finished": _when("p.open = 0"),
    "unfinished": _when("p.open = 1"),
    "startedAfter": _time("p.started_at >="),
    "startedBefore": _time("p.started_at <="),
    "finishedAfter": _time("p.ended_at >="),
    "finishedBefore": _time("p.ended_at <="),
}
