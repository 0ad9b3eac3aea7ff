"""Who may see a task, decide it, or hand it on. Pure."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Protocol

from approvals.errors import NeedsAnother, NotEntitled, UnknownTask
from approvals.records import Task

ADMIN: Final = "openidm-admin"


class Person(Protocol):
    """Whoever calls; `flows.call.Caller` is one."""

    @property
    def id(self) -> str: ...

    @property
    def resource_id(self) -> str: ...

    @property
    def roles(self) -> frozenset[str]: ...


class Separation(StrEnum):
    """Separation of duties: who may not decide."""

    OFF = "off"
    REQUESTER = "requester"
    """Whoever started the process."""
    REQUESTER_AND_SUBJECT = "requester+subject"
    """Nor the person it is about."""
    FOUR_EYES = "four-eyes"
    """Nor anybody who has decided a task of the same process."""


def is_admin(person: Person) -> bool:
    return ADMIN in person.roles


def is_candidate(task: Task, person: Person) -> bool:
    """Whether the task is open to this person, by name or by a role."""
    return person.id in task.candidate_users or not person.roles.isdisjoint(task.candidate_groups)


def may_see(task: Task, person: Person) -> bool:
    """Administrators see all tasks, others their own and those open to them."""
    return is_admin(person) or task.assignee == person.id or is_candidate(task, person)


def require_sight(task: Task, person: Person) -> None:
    """Raises UnknownTask, so that nobody learns of a task that is not theirs."""
    if not may_see(task, person):
        raise UnknownTask(task.id)


def require_decision(task: Task, person: Person) -> None:
    """Raises NotEntitled unless this person may decide: the assignee, a candidate of a free task, an administrator."""
    free = not task.assignee and is_candidate(task, person)
    if not (is_admin(person) or task.assignee == person.id or free):
        raise NotEntitled(f"Task '{task.id}' is assigned to {task.assignee}, who has to decide it")


def require_separation(
    task: Task, person: Person, separation: Separation, earlier: Iterable[str] = ()
) -> None:
    """Raises NeedsAnother when this person asked for it or is concerned; `earlier` decided before in this process."""
    if separation is Separation.OFF:
        return
    if person.id == task.start_user_id:
        raise NeedsAnother(
            f"Task '{task.id}' was requested by {person.id}; somebody else has to decide it"
            " (separationOfDuties in workflow.json)"
        )
    if separation is Separation.REQUESTER:
        return
    subject = {task.object_id, *(str(task.variables.get(name)) for name in ("sourceId", "targetId"))}
    names = {name.casefold() for name in (person.id, person.resource_id) if name}
    if not names.isdisjoint(name.casefold() for name in subject):
        raise NeedsAnother(
            f"Task '{task.id}' is about {person.id}; somebody else has to decide it"
            " (separationOfDuties in workflow.json)"
        )
    if separation is Separation.FOUR_EYES and person.id in earlier:
        raise NeedsAnother(
            f"{person.id} has decided about this before; a second person has to decide task '{task.id}'"
        )
