"""Tables of approvals. All times are epoch milliseconds in UTC; ids are numbers, texts on the wire."""

from sqlalchemy import BigInteger, Column, Index, Integer, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

SEQUENCE = BigInteger().with_variant(Integer, "sqlite")
#: the number of a deleted row is not given to another one: decisions and history name tasks by it
NEVER_AGAIN = {"sqlite_autoincrement": True}


class ProcessDefinitionRow(SQLModel, table=True):
    """A process definition as published by the worker that loaded it; `_id` is `key:version:seq`."""

    __tablename__ = "process_definition"
    __table_args__ = (UniqueConstraint("key", "version", name="uq_process_definition"), NEVER_AGAIN)

    seq: int | None = Field(default=None, sa_column=Column(SEQUENCE, primary_key=True, autoincrement=True))
    key: str = Field(sa_column=Column(Text, nullable=False, index=True))
    version: int
    name: str
    description: str = ""
    digest: str
    """Of the declaration; a changed one is published as the next version."""
    body: str = Field(sa_column=Column(Text, nullable=False))
    """JSON of the declaration: tasks with assignee, candidates and form fields; decision rule; bulk flag."""
    published_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class ProcessInstanceRow(SQLModel, table=True):
    """One process under way or ended."""

    __tablename__ = "process_instance"
    __table_args__ = (
        Index(
            "uq_open_process",
            "mapping",
            "qualifier",
            "side",
            "object_id",
            "situation",
            "action",
            unique=True,
            sqlite_where=text("open = 1 AND mapping IS NOT NULL"),
            postgresql_where=text("open = 1 AND mapping IS NOT NULL"),
        ),
        Index("ix_process_object", "mapping", "object_id"),
        # what Prefect does not show as it should, and what it shows of those under way
        Index(
            "ix_process_unshown",
            "seq",
            sqlite_where=text("open = 1 AND flow_state = 'none'"),
            postgresql_where=text("open = 1 AND flow_state = 'none'"),
        ),
        Index(
            "ix_process_unclosed",
            "flow_state",
            "seq",
            sqlite_where=text("open = 0 AND flow_state <> 'closed'"),
            postgresql_where=text("open = 0 AND flow_state <> 'closed'"),
        ),
        Index(
            "ix_process_group",
            "flow_run_id",
            "open",
            sqlite_where=text("flow_state = 'group'"),
            postgresql_where=text("flow_state = 'group'"),
        ),
        NEVER_AGAIN,
    )

    seq: int | None = Field(default=None, sa_column=Column(SEQUENCE, primary_key=True, autoincrement=True))
    definition: int = Field(sa_column=Column(BigInteger, nullable=False))
    definition_key: str
    business_key: str | None = Field(default=None, sa_column=Column(Text))
    open: int = 1
    mapping: str | None = Field(default=None, sa_column=Column(Text))
    qualifier: str = "default"
    side: str = "source"
    object_id: str = Field(default="", sa_column=Column(Text, nullable=False))
    """Source id, or target id on the target side."""
    situation: str = ""
    action: str = ""
    recon_id: str | None = None
    source_digest: str | None = None
    """Digest of the source (or target) object when the request was made."""
    variables: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    start_user_id: str = ""
    started_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    ended_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    end_activity: str | None = None
    """`end`, or null when it was deleted or superseded."""
    delete_reason: str | None = Field(default=None, sa_column=Column(Text))
    outcome: str | None = Field(default=None, sa_column=Column(Text))
    """approved, rejected, superseded, deleted, stale or failed; null while open."""
    flow_run_id: str | None = Field(default=None, sa_column=Column(Text, index=True))
    flow_state: str = "none"
    """`none` (Prefect does not know it yet), `suspended`, `group`, `closed`."""


class TaskInstanceRow(SQLModel, table=True):
    """One thing waiting for a human, kept after it ended as its own history."""

    __tablename__ = "task_instance"
    __table_args__ = (Index("ix_task_status", "status", "assignee"), NEVER_AGAIN)

    seq: int | None = Field(default=None, sa_column=Column(SEQUENCE, primary_key=True, autoincrement=True))
    process: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    definition_key: str
    """Process definition key."""
    definition_id: str
    task_key: str
    """taskDefinitionKey, as `evaluateRequest`."""
    name: str
    description: str | None = Field(default=None, sa_column=Column(Text))
    owner: str | None = None
    assignee: str | None = None
    candidate_users: str = "[]"
    candidate_groups: str = "[]"
    priority: int = 50
    due_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    status: str = "OPEN"
    """OPEN, COMPLETED or CANCELLED (superseded or deleted)."""
    rev: int = 1
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    claimed_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    ended_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    delete_reason: str | None = Field(default=None, sa_column=Column(Text))


class DecisionRow(SQLModel, table=True):
    """One decision per task: its primary key is the task."""

    __tablename__ = "decision"

    task: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    actor: str
    verdict: str
    """`approved`, `rejected`, or `completed` for a task that decides nothing."""
    form: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    """JSON of the declared form fields as sent."""
    comment: str | None = Field(default=None, sa_column=Column(Text))
    at: int = Field(sa_column=Column(BigInteger, nullable=False))


class IntentRow(SQLModel, table=True):
    """The durable order to perform an approved action; only approvals make one."""

    __tablename__ = "intent"
    __table_args__ = (Index("ix_intent_state", "state", "not_before"), NEVER_AGAIN)

    seq: int | None = Field(default=None, sa_column=Column(SEQUENCE, primary_key=True, autoincrement=True))
    task: int = Field(sa_column=Column(BigInteger, nullable=False, unique=True))
    process: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    state: str = "READY"
    """READY, CLAIMED, APPLIED, STALE or FAILED."""
    approver: str
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    not_before: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    attempts: int = 0
    owner: str | None = None
    token: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    lease_until: int | None = Field(default=None, sa_column=Column(BigInteger))
    target_id: str | None = Field(default=None, sa_column=Column(Text))
    outcome_code: int | None = None
    """HTTP status of the outcome: 200, 403 or 409."""
    message: str | None = Field(default=None, sa_column=Column(Text))
    detail: str | None = Field(default=None, sa_column=Column(Text))
    finished_at: int | None = Field(default=None, sa_column=Column(BigInteger))
