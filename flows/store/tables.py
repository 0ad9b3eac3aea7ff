"""Tables of runs, audit, managed objects and links.

All times are epoch milliseconds in UTC. JSON is stored as text in canonical form (orjson), on both databases.
Hot paths use the Core tables of `SQLModel.metadata`, never one ORM object per row.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TEXT
from sqlmodel import Field, SQLModel

#: SQLite gives an INTEGER PRIMARY KEY its rowid; PostgreSQL makes it BIGSERIAL
SEQUENCE = BigInteger().with_variant(Integer, "sqlite")
#: keys compare byte by byte on both databases, whatever the server's language
KEY = Text().with_variant(TEXT(collation="C"), "postgresql")

#: the number of a deleted row is not given to another one; PostgreSQL never does
NEVER_AGAIN = {"sqlite_autoincrement": True}


class ManagedObject(SQLModel, table=True):
    """One object of the managed repository, or of an internal collection (type `internal/role`, ...)."""

    __tablename__ = "managed_object"
    __table_args__ = (
        UniqueConstraint("type", "id", name="uq_managed_id"),
        UniqueConstraint("type", "unique_key", name="uq_managed_unique_key"),
        Index("ix_managed_order", "type", "seq"),
    )

    seq: int | None = Field(default=None, sa_column=Column(SEQUENCE, primary_key=True, autoincrement=True))
    """Order of creation; queries without sort keys and runs follow it."""
    type: str = Field(sa_column=Column(KEY, nullable=False))
    id: str = Field(sa_column=Column(KEY, nullable=False))
    rev: int = Field(sa_column=Column(BigInteger, nullable=False))
    """Random 63 bits, new with each write; shown as 16 hex digits."""
    body: str = Field(sa_column=Column(Text, nullable=False))
    """The object as JSON without `_id`, `_rev` and secrets."""
    secrets: str | None = Field(default=None, sa_column=Column(Text))
    """JSON {property: {hash: argon2id text, digest: keyed digest of the last mapped value}}; never answered."""
    unique_key: str | None = Field(default=None, sa_column=Column(KEY))
    """Normalised value of the type's unique property (userName); null when it has none."""


class Link(SQLModel, table=True):
    """A stored pairing; `_id` on the wire is UUID(int=seq)."""

    __tablename__ = "link"
    __table_args__ = (
        UniqueConstraint("link_type", "qualifier", "first_id", name="uq_link_first"),
        UniqueConstraint("link_type", "qualifier", "second_id", name="uq_link_second"),
    )

    seq: int | None = Field(default=None, sa_column=Column(SEQUENCE, primary_key=True, autoincrement=True))
    link_type: str = Field(sa_column=Column(KEY, nullable=False))
    qualifier: str = Field(sa_column=Column(KEY, nullable=False))
    first_id: str = Field(sa_column=Column(KEY, nullable=False))
    """Source id of the mapping that defines the link type, lower-cased where that side ignores case."""
    second_id: str = Field(sa_column=Column(KEY, nullable=False))
    rev: int = Field(default=1, sa_column=Column(BigInteger, nullable=False))
    fingerprint: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    """Digest of mapping and source at the last successful synchronisation; equal means nothing to map."""
    target_rev: int | None = Field(default=None, sa_column=Column(BigInteger))
    """Revision of the target when the fingerprint was taken."""


class ReconRun(SQLModel, table=True):
    """One reconciliation. State, stage, progress and statistics live here and nowhere else."""

    __tablename__ = "recon_run"
    __table_args__ = (
        Index(
            "uq_run_working",
            "mapping",
            unique=True,
            sqlite_where=text("working = 1"),
            postgresql_where=text("working = 1"),
        ),
        NEVER_AGAIN,
    )

    seq: int | None = Field(default=None, sa_column=Column(SEQUENCE, primary_key=True, autoincrement=True))
    id: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    mapping: str = Field(sa_column=Column(Text, nullable=False, index=True))
    recon_action: str = "recon"
    """`recon` or `reconById`."""
    is_analysis: bool = False
    persist_associations: bool = False
    state: str = Field(default="ACTIVE", index=True)
    stage: str = "ACTIVE_INITIALIZED"
    working: int = 0
    """1 while an executor holds it: at most one run a mapping."""
    cancel_requested: bool = False
    trigger: str = "rest"
    """`rest`, `cli`, `schedule:<job>` or `script`."""
    user_id: str = ""
    request: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    """JSON: {sourceIds?, overrides}."""
    configuration: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    """JSON of all mappings, pinned when the run was launched."""
    parameters: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    statistics: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    """JSON of progress, situations, statuses and durations (see flows.statistics)."""
    checkpoint: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    """JSON {phase, page, offset, cursor, source}: where a successor goes on."""
    reason: str | None = Field(default=None, sa_column=Column(Text))
    """Why the run failed or what was noteworthy, in words."""
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    started_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    ended_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    owner: str | None = None
    """Worker that holds the lease."""
    token: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """Fencing token: rises with each owner; every write of a run names it."""
    lease_until: int | None = Field(default=None, sa_column=Column(BigInteger))
    flow_run_id: str | None = None


class ReconPage(SQLModel, table=True):
    """A page of a run that is done, with the targets it accounted for."""

    __tablename__ = "recon_page"

    run: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    phase: str = Field(sa_column=Column(Text, primary_key=True))
    page: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    handled: bytes = Field(default=b"", sa_column=Column(LargeBinary, nullable=False))
    """zlib of a JSON list of target ids that the target phase need not visit."""


class ReconEntry(SQLModel, table=True):
    """One association entry: only for runs with persistAssociations. Ids are bare."""

    __tablename__ = "recon_entry"
    # clustered by its key: entries of a run are read in order and deleted together
    __table_args__ = (
        Index("ix_recon_entry_situation", "run", "situation"),
        {"sqlite_with_rowid": False},
    )

    run: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    phase: str
    situation: str | None = None
    action: str | None = None
    status: str
    qualifier: str | None = None
    source_id: str | None = Field(default=None, sa_column=Column(Text))
    target_id: str | None = Field(default=None, sa_column=Column(Text))
    ambiguous: str | None = Field(default=None, sa_column=Column(Text))
    """JSON list of ids."""
    message: str | None = Field(default=None, sa_column=Column(Text))
    detail: str | None = Field(default=None, sa_column=Column(Text))
    changed: bool = False


class AuditRecon(SQLModel, table=True):
    """Append-only audit of reconciliation: start, entries, summary, and what approvals did under the run's id."""

    __tablename__ = "audit_recon"
    __table_args__ = (Index("ix_audit_recon_run", "recon_id", "seq"),)

    seq: int | None = Field(default=None, sa_column=Column(SEQUENCE, primary_key=True, autoincrement=True))
    recon_id: str | None = Field(default=None, sa_column=Column(Text))
    entry_type: str
    """`start`, `entry` or `summary`."""
    at: int = Field(sa_column=Column(BigInteger, nullable=False))
    transaction_id: str | None = Field(default=None, sa_column=Column(Text))
    """Null where it is the run's id, as it is for nearly every row."""
    mapping: str = Field(sa_column=Column(Text, nullable=False))
    user_id: str = Field(default="", sa_column=Column(Text, nullable=False))
    recon_action: str | None = None
    phase: str | None = None
    situation: str | None = None
    action: str | None = None
    status: str | None = None
    qualifier: str | None = None
    source_id: str | None = Field(default=None, sa_column=Column(Text))
    """Bare id; the wire form has the container before it."""
    target_id: str | None = Field(default=None, sa_column=Column(Text))
    source_container: str | None = Field(default=None, sa_column=Column(Text))
    target_container: str | None = Field(default=None, sa_column=Column(Text))
    ambiguous: str | None = Field(default=None, sa_column=Column(Text))
    """`""` or `a, b` in the source phase, null in the target phase."""
    message: str | None = Field(default=None, sa_column=Column(Text))
    detail: str | None = Field(default=None, sa_column=Column(Text))
    """JSON: the run's document in a summary, the error's body in an entry that failed."""
    exception: str | None = Field(default=None, sa_column=Column(Text))
    task_id: str | None = None
    approver: str | None = None


class AuditEvent(SQLModel, table=True):
    """Append-only audit of the other topics: activity, sync, access, authentication, config."""

    __tablename__ = "audit_event"
    __table_args__ = (Index("ix_audit_event_topic", "topic", "seq"),)

    seq: int | None = Field(default=None, sa_column=Column(SEQUENCE, primary_key=True, autoincrement=True))
    topic: str
    at: int = Field(sa_column=Column(BigInteger, nullable=False))
    transaction_id: str | None = None
    user_id: str = ""
    body: str = Field(sa_column=Column(Text, nullable=False))
    """JSON: the members of that topic beyond _id, timestamp, transactionId, userId."""


class ScheduleJob(SQLModel, table=True):
    """State of a scheduled job; the job itself is a file of the project folder or was made by REST."""

    __tablename__ = "schedule_job"

    id: str = Field(sa_column=Column(Text, primary_key=True))
    body: str = Field(sa_column=Column(Text, nullable=False))
    """JSON of the job document as configured."""
    origin: str = "rest"
    """`rest`, or `file` for conf/schedule-*.json."""
    paused: bool = False
    previous_run_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    previous_outcome: str | None = Field(default=None, sa_column=Column(Text))
    deployment_id: str | None = None
    digest: str | None = None
    """Of the schedule that Prefect knows; a difference means it must be told again."""


class ScheduleSlot(SQLModel, table=True):
    """One slot of a schedule: at most one run, however often it is delivered."""

    __tablename__ = "schedule_slot"

    job: str = Field(sa_column=Column(Text, primary_key=True))
    slot_at: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    outcome: str
    """`STARTED`, `SKIPPED` (overlap) or `MISFIRED`."""
    run_id: str | None = None
    reason: str | None = Field(default=None, sa_column=Column(Text))


class Worker(SQLModel, table=True):
    """A worker process that is, or was lately, alive."""

    __tablename__ = "worker"

    id: str = Field(sa_column=Column(Text, primary_key=True))
    host: str = ""
    pid: int = 0
    started_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    seen_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    executor: str = ""
    prefect: str = ""
    """What the worker last saw of the Prefect server: `ok`, `away`, or empty when none is used."""


class Session(SQLModel, table=True):
    """A login session; the cookie's secret is stored as a digest."""

    __tablename__ = "login_session"

    digest: str = Field(sa_column=Column(Text, primary_key=True))
    user_id: str
    component: str
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    used_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class SyncToken(SQLModel, table=True):
    """Where liveSync of a system collection stopped."""

    __tablename__ = "sync_token"

    collection: str = Field(sa_column=Column(Text, primary_key=True))
    token: str = Field(sa_column=Column(Text, nullable=False))
    at: int = Field(sa_column=Column(BigInteger, nullable=False))
