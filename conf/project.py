"""The project folder in force: its documents, read and checked, changed as a whole or not at all."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import orjson

from conf import config_files
from conf.access import AccessRule
from conf.api_version import VersionWarning
from conf.authentication import Authentication
from conf.config_files import ConfigFile, Json
from conf.document import Problem, did_you_mean
from conf.email import EmailConfig
from conf.errors import BadRequest, ConfigError, Conflict, NotFound, PreconditionFailed
from conf.managed_schema import ManagedType
from conf.mapping import ObjectMapping
from conf.positions import line_of
from conf.provisioner import ConnectorConfig
from conf.reconciliation_schema import Reconciliation
from conf.schedule import ScheduleConfig
from conf.script_config import ScriptConfig
from conf.script_files import ScriptFiles
from conf.snapshot import Reader, Snapshot
from conf.substitution import Substitution

DEFAULTS: Final = Path(__file__).parent / "defaults"
#: documents that the whole server stands on: a wrong one is refused at start, a default in its place would be a hole
_NOBODY: Final = (
    "nobody could log in any more; keep a module STATIC_USER or MANAGED_USER, or an issuer in 'bearer'"
)
_FOUNDATIONS: Final = ("authentication", "access", "managed")
_OWN_MEMBERS: Final = ("_id", "_rev")


class LiveProject:
    """The configuration of one project folder, shared by all threads of a process.

    What is read from it belongs to one `snapshot`; hold the snapshot to see a steady configuration.
    """

    def __init__(
        self, root: Path, *, script_problem: Callable[[ScriptConfig], str | None] = lambda _script: None
    ) -> None:
        self.root = root.resolve()
        self.folder = self.root / "conf"
        self.scripts = ScriptFiles(self.root)
        self._check_script = script_problem
        self._lock = threading.RLock()
        self._files: dict[str, ConfigFile] = {}
        self._broken: dict[str, str] = {}
        self._reader = Reader(
            Substitution(self.root),
            self.scripts.has,
            self._script_problem,
            self._describe,
        )
        self._defaults = _defaults()
        self._snapshot = self._reader.snapshot(self._defaults)

    # reading

    @property
    def snapshot(self) -> Snapshot:
        """All of it at this moment."""
        return self._snapshot

    @property
    def generation(self) -> int:
        """Rises with each change that this process made or saw."""
        return self._snapshot.generation

    @property
    def documents(self) -> Mapping[str, Json]:
        """Every document by its id, defaults included; not to be changed."""
        return self._snapshot.documents

    @property
    def mappings(self) -> tuple[ObjectMapping, ...]:
        """All mappings in processing order, those out of service included."""
        return self._snapshot.mappings.mappings

    @property
    def managed_types(self) -> Mapping[str, ManagedType]:
        return self._snapshot.managed_types

    @property
    def connectors(self) -> Mapping[str, ConnectorConfig]:
        return self._snapshot.connectors

    @property
    def schedules(self) -> Mapping[str, ScheduleConfig]:
        return self._snapshot.schedules

    @property
    def authentication(self) -> Authentication:
        return self._snapshot.authentication

    @property
    def access(self) -> tuple[AccessRule, ...]:
        return self._snapshot.access

    @property
    def version_warning(self) -> VersionWarning:
        """Whether calls that name no version of the interface are told so."""
        return self._snapshot.version_warning

    @property
    def email(self) -> EmailConfig | None:
        """The mail server, when one is configured soundly."""
        return self._snapshot.email

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that is wrong in the files, as sentences with file, line and path."""
        found = [
            self._describe(id, problem)
            for id, problems in self._snapshot.problems.items()
            for problem in problems
        ]
        return (*self._broken.values(), *found)

    @property
    def all_mappings(self) -> tuple[ObjectMapping, ...]:
        """`mappings`, and those that two-way configurations compile to."""
        return (*self.mappings, *self._snapshot.compiled.values())

    @property
    def reconciliations(self) -> Mapping[str, Reconciliation]:
        """Two-way configurations by name, those out of service included."""
        return self._snapshot.reconciliations

    def reconciliation(self, name: str) -> Reconciliation:
        """The two-way configuration of that name, perhaps out of service; NotFound when there is none."""
        found = self._snapshot.reconciliations.get(name)
        if found is not None:
            return found
        if (broken := self._broken.get(f"reconciliation/{name}")) is not None:
            raise Conflict(f"The configuration cannot be read. {broken}")
        hint = did_you_mean(name, self._snapshot.reconciliations)
        raise NotFound(f"There is no reconciliation '{name}': conf has no reconciliation-{name}.json.{hint}")

    def mapping(self, name: str) -> ObjectMapping:
        """The mapping of that name, perhaps out of service; NotFound when there is none."""
        if (compiled := self._snapshot.compiled.get(name)) is not None:
            return compiled
        for mapping in self.mappings:
            if mapping.name == name:
                return mapping
        for id in (f"mapping/{name}", "sync"):
            if id in self._broken:
                raise Conflict(f"The mappings cannot be read. {self._broken[id]}")
        raise NotFound(f"No such mapping: {name}")

    def revision(self, id: str) -> str:
        """Changes with the document; NotFound when there is none."""
        document = self._snapshot.documents.get(id)
        if document is None:
            raise NotFound(f"No configuration exists for id {id}")
        return hashlib.sha256(orjson.dumps(document)).hexdigest()[:16]

    def is_default(self, id: str) -> bool:
        """Whether the document is ours, because the project has no such file."""
        return id not in self._files and id in self._defaults

    def script_text(self, file: str) -> str:
        """The code of a script file: from `script/`, the project folder, or the built-in scripts."""
        return self.scripts.text(file)

    def foundation_problem(self, id: str) -> str | None:
        """Why a document cannot be in force, if so."""
        if id in self._broken:
            return self._broken[id]
        problems = _structural(self._snapshot.problems.get(id, ()))
        return self._describe(id, problems[0]) if problems else None

    # changing

    def put(self, id: str, document: Json, *, revision: str | None = None, is_new: bool = False) -> Json:
        """Validate a document, write it, and put it in force; on any error the old one stays.

        Safe against other processes. `revision` is that of the document it replaces; PreconditionFailed when that
        is no longer in force; the same for one that `is_new` when the project has such a file already. Gives the
        document as it is kept.
        """
        name = config_files.file_name(id)
        kept = {key: value for key, value in document.items() if key not in _OWN_MEMBERS}
        text = _bytes(kept)
        with self._lock, config_files.alone(self.folder):
            self._refresh()
            self._expect(id, revision)
            file = self._files.get(id)
            if is_new and file is not None and id in self._snapshot.documents:
                raise PreconditionFailed(f"Create rejected as a configuration with id {id} already exists")
            if file and id not in self._broken and text == _bytes(self._snapshot.documents.get(id)):
                return kept
            after = self._read({**self._snapshot.documents, id: kept})
            if wrong := after.problems.get(id):
                raise _refused(id, wrong)
            if id == "authentication" and not after.authentication.lets_somebody_in:
                raise ConfigError(_NOBODY, where=id)
            config_files.write(file.path if file else self.folder / name, kept)
            self._broken.pop(id, None)
            self._note_file(id)
            self._snapshot = after
        return kept

    def remove(self, id: str, *, revision: str | None = None) -> Json:
        """Delete a document's file and give what it was; where there is a default, that is in force again."""
        config_files.file_name(id)
        with self._lock, config_files.alone(self.folder):
            self._refresh()
            file = self._files.get(id)
            if file is None:
                raise NotFound(f"No existing configuration found for {id}, can not delete the configuration.")
            self._expect(id, revision)
            before = self._snapshot.documents.get(id, {})
            rest = {key: value for key, value in self._snapshot.documents.items() if key != id}
            if id in self._defaults:
                rest[id] = self._defaults[id]
            after = self._read(rest)
            config_files.delete(file.path)
            del self._files[id]
            self._broken.pop(id, None)
            self._snapshot = after
        return before

    def refresh(self) -> bool:
        """Read what changed on disk, by hand or by another process; a wrong file leaves the old one in force.

        True when something changed. Costs a look at the folder when nothing did.
        """
        with self._lock:
            return self._refresh()

    def check_scripts_by(self, script_problem: Callable[[ScriptConfig], str | None]) -> None:
        """From now on scripts are compiled when they are read; what stands already is read again."""
        with self._lock:
            self._check_script = script_problem
            self._snapshot = self._read({id: dict(document) for id, document in self.documents.items()})

    # inside

    def _script_problem(self, script: ScriptConfig) -> str | None:
        return self._check_script(script)

    def _refresh(self) -> bool:
        files = config_files.scan(self.folder)
        changed = {id for id, file in files.items() if self._files.get(id) != file}
        gone = self._files.keys() - files.keys()
        moved = any(self.scripts.has(name) != there for name, there in self._snapshot.scripts.items())
        if not (changed or gone or moved):
            return False
        documents = dict(self._snapshot.documents)
        self._files = files
        for id in gone:
            self._broken.pop(id, None)
            documents.pop(id, None)
            if id in self._defaults:
                documents[id] = self._defaults[id]
        for id in changed:
            self._broken.pop(id, None)
            try:
                documents[id] = config_files.read(files[id], self._shown(id))
            except ConfigError as failure:
                self._broken[id] = failure.message
        if moved:  # mappings name scripts: read them again
            documents = {id: dict(document) for id, document in documents.items()}
        after = self._read(documents)
        for id in _FOUNDATIONS:
            wrong = _structural(after.problems.get(id, ()))
            if id in changed and wrong and id in self._snapshot.documents:
                self._broken[id] = self._describe(id, wrong[0])
                documents[id] = self._snapshot.documents[id]
                after = self._read(documents)
        self._snapshot = after
        return True

    def _read(self, documents: Mapping[str, Json]) -> Snapshot:
        return self._reader.snapshot(documents, self._snapshot)

    def _expect(self, id: str, revision: str | None) -> None:
        if revision is not None and (id not in self.documents or revision != self.revision(id)):
            raise PreconditionFailed(f"The configuration {id} has changed meanwhile; read it again")

    def _note_file(self, id: str) -> None:
        files = config_files.scan(self.folder)
        if id in files:
            self._files[id] = files[id]

    def _shown(self, id: str) -> str:
        """The file as messages name it: `conf/sync.json`."""
        file = self._files.get(id)
        return f"conf/{file.path.name}" if file else id

    def _describe(self, id: str, problem: Problem) -> str:
        file = self._files.get(id)
        if file is None or id in self._broken:
            return f"{id}: {problem}"
        try:
            line = line_of(file.path.read_text("utf-8-sig"), problem.path, is_yaml=file.is_yaml)
        except (OSError, UnicodeDecodeError):
            line = None
        return f"{self._shown(id)}:{line}: {problem}" if line else f"{self._shown(id)}: {problem}"


def open_project(
    root: Path, *, script_problem: Callable[[ScriptConfig], str | None] = lambda _script: None
) -> LiveProject:
    """Read a project folder. An empty one is valid: every document has a default.

    ConfigError when the folder is missing, or when authentication, access or managed types are wrong; anything else
    that is wrong takes only its own part out of service and stands in `problems`.
    """
    if not root.is_dir():
        raise ConfigError(f"there is no project folder {root}; `recon init {root}` writes one")
    project = LiveProject(root, script_problem=script_problem)
    try:
        if project.folder.is_dir():
            with config_files.alone(project.folder):
                config_files.sweep(project.folder)
    except Conflict:
        pass  # a folder that cannot be written can still be read
    project.refresh()
    for id in _FOUNDATIONS:
        if message := project.foundation_problem(id):
            raise ConfigError(message)
    return project


def _structural(problems: Sequence[Problem]) -> list[Problem]:
    """Without those of scripts, which fail where they run."""
    return [problem for problem in problems if not problem.is_script]


def _defaults() -> dict[str, Json]:
    found: dict[str, Json] = {"sync": {"mappings": []}}
    for path in sorted(DEFAULTS.glob("*.json")):
        found[config_files.id_of(path)] = orjson.loads(path.read_bytes())
    return found


def _bytes(document: Json | None) -> bytes:
    try:
        return orjson.dumps(document)
    except TypeError as failure:
        raise BadRequest(f"The configuration cannot be kept as JSON: {failure}") from failure


def _refused(id: str, problems: tuple[Problem, ...]) -> ConfigError:
    first, *others = problems
    more = f" (and {len(others)} more, see detail)" if others else ""
    return ConfigError(
        f"{first.message}{more}",
        where=f"{id}: {first.place}" if first.path else id,
        detail={"problems": [{"path": problem.place, "message": problem.message} for problem in problems]},
    )
