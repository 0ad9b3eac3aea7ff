"""A process as its project declares it: user tasks, their forms, and which answer approves. Pure values."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any, Final

import orjson

from conf.errors import ConfigError

RESERVED: Final = frozenset(
    {
        "reconId",
        "mapping",
        "situation",
        "action",
        "sourceId",
        "targetId",
        "linkQualifier",
        "ambiguousTargetIds",
    }
)
"""Variables that say what was requested; no form can write them."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")


class FieldType(StrEnum):
    """What a form field holds; every value is kept as text."""

    TEXT = "text"
    ENUM = "enum"
    BOOLEAN = "boolean"
    NUMBER = "number"
    DATE = "date"


@dataclass(frozen=True)
class FormField:
    """One field of a task's form."""

    id: str
    name: str
    type: FieldType = FieldType.TEXT
    values: Mapping[str, str] = field(default_factory=dict)
    """Of an enum: value -> what a person reads."""
    required: bool = False
    writable: bool = True
    expression: str | None = None
    """`${sourceId}`: what the field shows, from the variables of the process."""
    default: str | None = None


@dataclass(frozen=True)
class Approves:
    """The answer that means yes."""

    field: str
    value: str = "true"


@dataclass(frozen=True)
class UserTask:
    """Something a person is asked. Texts may hold `${variable}`."""

    key: str
    name: str
    assignee: str | None = None
    candidate_users: tuple[str, ...] = ()
    candidate_groups: tuple[str, ...] = ()
    """Roles whose holders may take the task, by name: `openidm-tasks-manager`."""
    form: tuple[FormField, ...] = ()
    approves: Approves | None = None
    """Without it the task is completed, neither approved nor rejected."""
    description: str | None = None
    owner: str | None = None
    priority: int = 50

    def field(self, id: str) -> FormField | None:
        return next((declared for declared in self.form if declared.id == id), None)


@dataclass(frozen=True)
class ProcessDeclaration:
    """A process definition without its procedure."""

    key: str
    name: str
    tasks: tuple[UserTask, ...]
    description: str = ""
    category: str = ""
    decides_only: bool = False
    """Its procedure is one decision, then the requested action: such processes may be applied in bulk."""
    runs_first: bool = False
    """Its procedure has work before the first task and opens that task itself."""
    resource: str = ""
    """File that declares it."""

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise ConfigError(f"process '{self.key}': {problem}", where=self.resource)

    def task(self, key: str) -> UserTask:
        for declared in self.tasks:
            if declared.key == key:
                return declared
        known = ", ".join(declared.key for declared in self.tasks)
        raise ConfigError(
            f"process '{self.key}' declares no task '{key}'; it has: {known}", where=self.resource
        )

    @cached_property
    def body(self) -> str:
        """The declaration as JSON; the order of values in an enum is the order they are offered in."""
        return orjson.dumps(asdict(self)).decode()

    @property
    def digest(self) -> str:
        return sha256(self.body.encode()).hexdigest()


@lru_cache(maxsize=256)
def declaration_of(body: str) -> ProcessDeclaration:
    """The declaration that `ProcessDeclaration.body` wrote."""
    found: dict[str, Any] = orjson.loads(body)
    tasks = tuple(
        UserTask(
            **{
                **task,
                "candidate_users": tuple(task["candidate_users"]),
                "candidate_groups": tuple(task["candidate_groups"]),
                "form": tuple(
                    FormField(**{**entry, "type": FieldType(entry["type"])}) for entry in task["form"]
                ),
                "approves": task["approves"] and Approves(**task["approves"]),
            }
        )
        for task in found["tasks"]
    )
    return ProcessDeclaration(**{**found, "tasks": tasks})


def _problems(declared: ProcessDeclaration) -> list[str]:
    found = [] if _NAME.fullmatch(declared.key) else [f"the key {declared.key!r} is not a name"]
    keys = [task.key for task in declared.tasks]
    found += [f"the task key {key!r} is not a name" for key in keys if not _NAME.fullmatch(key)]
    if len(keys) != len(set(keys)):
        found.append("two of its tasks have the same key")
    if declared.decides_only and (
        len(keys) != 1 or declared.tasks[0].approves is None or declared.runs_first
    ):
        found.append("decides_only needs exactly one task, which says what approves, and nothing before it")
    if not keys and not declared.runs_first:
        found.append("it has no task; say runs_first for a process that asks nobody")
    for task in declared.tasks:
        found += [f"task '{task.key}': {problem}" for problem in _form_problems(task)]
    return found


def _form_problems(task: UserTask) -> list[str]:
    found = []
    ids = [declared.id for declared in task.form]
    if len(ids) != len(set(ids)):
        found.append("two of its fields have the same id")
    for declared in task.form:
        if not _NAME.fullmatch(declared.id):
            found.append(f"the field id {declared.id!r} is not a name")
        if declared.writable and declared.id in RESERVED:
            found.append(f"the field '{declared.id}' would overwrite what was requested")
        if (declared.type is FieldType.ENUM) != bool(declared.values):
            found.append(f"the field '{declared.id}' needs values if and only if it is an enum")
    if task.approves is not None:
        answer = task.field(task.approves.field)
        if answer is None or not answer.writable:
            found.append(f"'{task.approves.field}', which approves, is not a writable field of its form")
        elif answer.type is FieldType.ENUM and task.approves.value not in answer.values:
            found.append(f"'{task.approves.value}', which approves, is not a value of '{answer.id}'")
    return found
