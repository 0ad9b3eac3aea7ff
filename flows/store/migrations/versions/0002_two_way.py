"""The tables of two-way reconciliation."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "two_way_run",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("is_manual", sa.Boolean(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("idm_changed_since", sa.BigInteger(), nullable=True),
        sa.Column("resource_changed_since", sa.BigInteger(), nullable=True),
        sa.Column("to_resource_run", sa.Text(), nullable=True),
        sa.Column("to_idm_run", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("mail", sa.Text(), nullable=True),
        sa.Column("mail_due", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_two_way_run_name", "two_way_run", ["name", "started"], unique=False)
    op.create_index("ix_two_way_run_started", "two_way_run", ["started", "id"], unique=False)
    op.create_index(
        "uq_two_way_active",
        "two_way_run",
        ["name"],
        unique=True,
        sqlite_where=sa.text("ended is null"),
        postgresql_where=sa.text("ended is null"),
    )
    op.create_index(
        "ix_two_way_mail",
        "two_way_run",
        ["mail_due"],
        unique=False,
        sqlite_where=sa.text("mail_due is not null"),
        postgresql_where=sa.text("mail_due is not null"),
    )
    op.create_table(
        "two_way_result",
        sa.Column("run", KEY, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("situation", sa.String(), nullable=False),
        sa.Column("response", sa.String(), nullable=False),
        sa.Column("category", KEY, nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("idm_id", sa.Text(), nullable=True),
        sa.Column("resource_id", sa.Text(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("idm_before", sa.Text(), nullable=True),
        sa.Column("idm_after", sa.Text(), nullable=True),
        sa.Column("resource_before", sa.Text(), nullable=True),
        sa.Column("resource_after", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_two_way_result_category", "two_way_result", ["run", "category", "seq"], unique=False)
