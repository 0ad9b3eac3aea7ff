"""Tables of two-way reconciliation: its runs, and what became of each object in them.

Times are epoch milliseconds in UTC, JSON is text, as in `flows.store.tables`.
"""

from sqlalchemy import BigInteger, Column, Index, Text, text
from sqlmodel import Field, SQLModel

from flows.store.tables import KEY

ACTIVE = text("ended is null")
DUE = text("mail_due is not null")


class TwoWayRunTable(SQLModel, table=True):
    """One run of a two-way configuration; its two stages are recon runs of their own."""

    __tablename__ = "two_way_run"
    __table_args__ = (
        Index("ix_two_way_run_name", "name", "started"),
        Index("ix_two_way_run_started", "started", "id"),
        Index("uq_two_way_active", "name", unique=True, sqlite_where=ACTIVE, postgresql_where=ACTIVE),
        Index("ix_two_way_mail", "mail_due", sqlite_where=DUE, postgresql_where=DUE),
    )

    id: str = Field(sa_column=Column(KEY, primary_key=True))
    name: str = Field(sa_column=Column(KEY, nullable=False))
    """Of the configuration; one run of it at a time."""
    status: str
    trigger: str = "rest"
    user_id: str = ""
    is_manual: bool = False
    direction: str = "both"
    started: int = Field(sa_column=Column(BigInteger, nullable=False))
    ended: int | None = Field(default=None, sa_column=Column(BigInteger))
    idm_changed_since: int | None = Field(default=None, sa_column=Column(BigInteger))
    resource_changed_since: int | None = Field(default=None, sa_column=Column(BigInteger))
    to_resource_run: str | None = Field(default=None, sa_column=Column(Text))
    """Id of stage 1 in `recon_run`."""
    to_idm_run: str | None = Field(default=None, sa_column=Column(Text))
    """Id of stage 2 in `recon_run`."""
    message: str = Field(default="", sa_column=Column(Text, nullable=False))
    request: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    """JSON of what was asked at the start, for who takes the run over."""
    counts: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    """JSON {situation: {response: {status: number}}}."""
    mail: str | None = Field(default=None, sa_column=Column(Text))
    """JSON: what became of the notification."""
    mail_due: int | None = Field(default=None, sa_column=Column(BigInteger))
    """When to notify, or to try again; null when nothing is left to tell."""
    owner: str | None = None
    token: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """Fencing token: rises with each owner."""
    lease_until: int | None = Field(default=None, sa_column=Column(BigInteger))


class TwoWayResultTable(SQLModel, table=True):
    """What one run found about one object, and what it did."""

    __tablename__ = "two_way_result"
    # clustered by its key: results of a run are read in order and deleted together
    __table_args__ = (
        Index("ix_two_way_result_category", "run", "category", "seq"),
        {"sqlite_with_rowid": False},
    )

    run: str = Field(sa_column=Column(KEY, primary_key=True))
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    situation: str
    response: str
    category: str = Field(sa_column=Column(KEY, nullable=False))
    principal: str = Field(sa_column=Column(Text, nullable=False))
    """What a person calls the object: the value it is matched by."""
    idm_id: str | None = Field(default=None, sa_column=Column(Text))
    resource_id: str | None = Field(default=None, sa_column=Column(Text))
    status: str
    message: str = Field(default="", sa_column=Column(Text, nullable=False))
    idm_before: str | None = Field(default=None, sa_column=Column(Text))
    """JSON of the policy map's attributes, as are the next three; null where that side had, or has, no object."""
    idm_after: str | None = Field(default=None, sa_column=Column(Text))
    resource_before: str | None = Field(default=None, sa_column=Column(Text))
    resource_after: str | None = Field(default=None, sa_column=Column(Text))
