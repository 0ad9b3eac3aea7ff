"""Where a two-way run stands: kept in its row, so that any worker can go on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from conf.reconciliation_terms import Response

Json = dict[str, Any]

ACTIVE: Final = ("STARTING", "STARTED", "STOPPING")


@dataclass
class Stage:
    """One recon run of the whole."""

    run: str
    to_idm: bool
    assesses: bool


@dataclass
class State:
    """What was found out and done so far."""

    step: str = "prepare"
    """`prepare`, `toIdm`, `toResource`, `guard`, `performResource`, `performIdm`, `results`, `close`."""
    stages: list[Stage] = field(default_factory=list)
    resource_query: Json | None = None
    """Source query of the stage to the repository; None asks for everything."""
    idm_query: Json | None = None
    is_incremental: bool = False
    changed_resource: list[str] = field(default_factory=list)
    changed_idm: list[str] = field(default_factory=list)
    gone_idm: list[str] = field(default_factory=list)
    """Objects whose record was deleted since the last run."""
    lost: list[str] = field(default_factory=list)
    """Why changed records cannot be read of which not even the id can."""
    allow_empty: bool = False
    is_partial: bool = False
    """The resource search does not tell of every record."""
    token: str | None = None
    """Of the resource, from before it was read: the next incremental run goes on from it."""
    failure: str = ""
    """Why the run cannot go on; what was done so far is reported all the same."""
    stopped: bool = False

    @classmethod
    def load(cls, kept: Json | None) -> State:
        given = dict(kept or {})
        given["stages"] = [Stage(**stage) for stage in given.get("stages", ())]
        return cls(**given)

    def dump(self) -> Json:
        return asdict(self)


@dataclass(frozen=True)
class Options:
    """What was asked at the start."""

    updated_since: str | None = None
    """In place of the configuration's; `none` makes the run a complete one."""
    allow: frozenset[Response] = frozenset()
    """Destructive responses that the guards let pass this time."""
    allow_empty: bool = False
    """A side without any object is no failure this time."""

    @classmethod
    def load(cls, kept: Json) -> Options:
        return cls(
            kept.get("updatedSince"),
            frozenset(map(Response, kept.get("allow", ()))),
            bool(kept.get("allowEmpty")),
        )

    def dump(self) -> Json:
        found: Json = {}
        if self.updated_since is not None:
            found["updatedSince"] = self.updated_since
        if self.allow:
            found["allow"] = sorted(map(str, self.allow))
        if self.allow_empty:
            found["allowEmpty"] = True
        return found
