"""Everything that a project's documents say, at one moment: read, checked, and never changed afterwards.

A run keeps the snapshot it started with, whatever is configured meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from conf.access import AccessRule, read_access
from conf.api_version import ID as API_VERSION
from conf.api_version import VersionWarning, read_api_version
from conf.authentication import Authentication, read_authentication
from conf.document import Node, Problem, Reading
from conf.email import ID as EMAIL
from conf.email import EmailConfig, read_email
from conf.managed_schema import ManagedType, read_managed
from conf.mapping import MappingSet, read_mappings
from conf.mapping_schema import ObjectMapping
from conf.provisioner import PREFIX as PROVISIONER
from conf.provisioner import ConnectorConfig, read_connector
from conf.reconciliation_mappings import mappings_of, read_reconciliations
from conf.reconciliation_schema import Reconciliation
from conf.reconciliation_terms import PREFIX as RECONCILIATION
from conf.schedule import PREFIX as SCHEDULE
from conf.schedule import ScheduleConfig, read_schedule
from conf.script_config import read_script
from conf.substitution import Substitution

Json = dict[str, Any]
ENDPOINT: Final = "endpoint/"
T = TypeVar("T")


@dataclass(frozen=True)
class Snapshot:
    """The configuration in force at one moment."""

    generation: int = 0
    documents: Mapping[str, Json] = field(default_factory=dict)
    """Every document by its id, defaults included; as written, and not to be changed."""
    mappings: MappingSet = field(default_factory=MappingSet)
    managed_types: Mapping[str, ManagedType] = field(default_factory=dict)
    connectors: Mapping[str, ConnectorConfig] = field(default_factory=dict)
    """By name, as in `system/<name>`."""
    schedules: Mapping[str, ScheduleConfig] = field(default_factory=dict)
    reconciliations: Mapping[str, Reconciliation] = field(default_factory=dict)
    """Two-way configurations by name."""
    compiled: Mapping[str, ObjectMapping] = field(default_factory=dict)
    """Mappings that they compile to, by name; none of sync.json's."""
    authentication: Authentication = field(default_factory=Authentication)
    access: tuple[AccessRule, ...] = ()
    version_warning: VersionWarning = field(default_factory=VersionWarning)
    email: EmailConfig | None = None
    """The mail server; None when none is configured, or wrongly."""
    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    """What is wrong, by the id of the document."""
    scripts: Mapping[str, bool] = field(default_factory=dict)
    """Script files that were looked for, and whether they were there."""


@dataclass
class Reader:
    """Turns documents into snapshots."""

    substitution: Substitution
    has_script: Callable[[str], bool]
    script_problem: Callable[[Any], str | None]
    describe: Callable[[str, Problem], str]
    """Document id and problem as a sentence with its place."""

    def snapshot(self, documents: Mapping[str, Json], before: Snapshot | None = None) -> Snapshot:
        """Read all documents; those that stand unchanged in `before` are not read again."""
        reading = _Pass(self, documents, before)
        mappings, managed, connectors = reading.mappings(), reading.managed(), reading.connectors()
        reconciliations = reading.reconciliations(managed, connectors)
        reading.endpoints()
        return Snapshot(
            generation=before.generation + 1 if before else 1,
            documents=documents,
            mappings=mappings,
            managed_types=managed,
            connectors=connectors,
            schedules=reading.schedules(),
            reconciliations=reconciliations,
            compiled={
                mapping.name: mapping for found in reconciliations.values() for mapping in mappings_of(found)
            },
            authentication=reading.authentication(),
            access=reading.access(),
            version_warning=reading.version_warning(),
            email=reading.email(),
            problems={id: tuple(found) for id, found in reading.problems.items() if found},
            scripts=reading.scripts,
        )


class _Pass:
    """One pass over the documents."""

    def __init__(self, reader: Reader, documents: Mapping[str, Json], before: Snapshot | None) -> None:
        self.reader, self.documents, self.before = reader, documents, before
        self.problems: dict[str, list[Problem]] = {}
        self.scripts: dict[str, bool] = dict(before.scripts) if before else {}

    def mappings(self) -> MappingSet:
        if self.before and self._unchanged("sync", "mapping/"):
            found = self.before.mappings
        else:
            placed = {
                id: self.reader.substitution.apply(document)
                for id, document in self.documents.items()
                if id == "sync" or id.startswith("mapping/")
            }
            found = read_mappings(placed, self._reading, self.reader.describe)
        for id, problem in found.problems:
            self.problems.setdefault(id, []).append(problem)
        return found

    def managed(self) -> Mapping[str, ManagedType]:
        if self.before and self._unchanged("managed"):
            return self._kept("managed", self.before.managed_types)
        return read_managed(self._placed("managed"))

    def authentication(self) -> Authentication:
        if self.before and self._unchanged("authentication"):
            return self._kept("authentication", self.before.authentication)
        return read_authentication(self._node("authentication"), self.reader.substitution)

    def access(self) -> tuple[AccessRule, ...]:
        if self.before and self._unchanged("access"):
            return self._kept("access", self.before.access)
        return read_access(self._node("access"))

    def version_warning(self) -> VersionWarning:
        if self.before and self._unchanged(API_VERSION):
            return self._kept(API_VERSION, self.before.version_warning)
        return read_api_version(self._placed(API_VERSION))

    def email(self) -> EmailConfig | None:
        if self.before and self._unchanged(EMAIL):
            return self._kept(EMAIL, self.before.email)
        return read_email(self._placed(EMAIL))

    def connectors(self) -> dict[str, ConnectorConfig]:
        known = {found.config_id: found for found in self.before.connectors.values()} if self.before else {}
        found = {}
        for id in self._ids(PROVISIONER):
            if self.before and id in known and self._unchanged(id):
                connector: ConnectorConfig | None = self._kept(id, known[id])
            else:
                root = self._node(id)
                connector = read_connector(root, id, self.reader.substitution)
                if connector is not None and connector.name in found:
                    root.child("name").problem(
                        f"there is another connector named '{connector.name}'; rename one"
                    )
                    continue
                if connector is not None:
                    connector = replace(connector, problems=self._sentences(id))
            if connector is not None:
                found[connector.name] = connector
        return found

    def schedules(self) -> dict[str, ScheduleConfig]:
        found = {}
        for id in self._ids(SCHEDULE):
            name = id.removeprefix(SCHEDULE)
            schedule: ScheduleConfig | None
            if self.before and name in self.before.schedules and self._unchanged(id):
                schedule = self._kept(id, self.before.schedules[name])
            else:
                schedule = read_schedule(self._placed(id), name)
                if schedule is not None:
                    schedule = replace(schedule, problems=self._sentences(id))
            if schedule is not None:
                found[name] = schedule
        return found

    def endpoints(self) -> None:
        """Tell of scripts that cannot run; who is asked reads them from their documents."""
        for id in self._ids(ENDPOINT):
            if self.before and self._unchanged(id):
                self._kept(id, None)
            else:
                read_script(self._placed(id))

    def reconciliations(
        self, managed: Mapping[str, ManagedType], connectors: Mapping[str, ConnectorConfig]
    ) -> dict[str, Reconciliation]:
        """Read again with each change: they refer to types and systems, which may have changed."""
        placed = {id: self.reader.substitution.apply(self.documents[id]) for id in self._ids(RECONCILIATION)}
        return read_reconciliations(placed, self._reading, self.reader.describe, managed, connectors)

    def _ids(self, prefix: str) -> Iterator[str]:
        return (id for id in sorted(self.documents) if id.startswith(prefix))

    def _kept(self, id: str, part: T) -> T:
        if self.before and (problems := self.before.problems.get(id)):
            self.problems[id] = list(problems)
        return part

    def _unchanged(self, *ids: str) -> bool:
        """Whether these documents (or, with a final slash, all below) are the very ones of before."""
        before = self.before.documents if self.before else {}
        for id in ids:
            if not id.endswith("/"):
                if self.documents.get(id) is not before.get(id):
                    return False
                continue
            now = {key: document for key, document in self.documents.items() if key.startswith(id)}
            then = {key: document for key, document in before.items() if key.startswith(id)}
            if now.keys() != then.keys() or any(now[key] is not then[key] for key in now):
                return False
        return True

    def _placed(self, id: str) -> Node:
        """The document with everything put in place."""
        return Node(self.reader.substitution.apply(self.documents.get(id, {})), self._reading(id))

    def _node(self, id: str) -> Node:
        return Node(self.documents.get(id, {}), self._reading(id))

    def _reading(self, id: str) -> Reading:
        problems = self.problems.setdefault(id, [])
        return Reading(id, self._has_script, self.reader.script_problem, problems)

    def _has_script(self, file: str) -> bool:
        found = self.reader.has_script(file)
        self.scripts[file] = found
        return found

    def _sentences(self, id: str) -> tuple[str, ...]:
        return tuple(self.reader.describe(id, problem) for problem in self.problems.get(id, ()))
