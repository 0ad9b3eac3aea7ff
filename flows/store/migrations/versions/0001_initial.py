"""The tables of runs, audit, managed objects, links, schedules, sessions and approvals."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "audit_event",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("transaction_id", sa.String(), nullable=True),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_audit_event_topic", "audit_event", ["topic", "seq"], unique=False)
    op.create_table(
        "audit_recon",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("recon_id", sa.Text(), nullable=True),
        sa.Column("entry_type", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("transaction_id", sa.Text(), nullable=True),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("recon_action", sa.String(), nullable=True),
        sa.Column("phase", sa.String(), nullable=True),
        sa.Column("situation", sa.String(), nullable=True),
        sa.Column("action", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("qualifier", sa.String(), nullable=True),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("target_id", sa.Text(), nullable=True),
        sa.Column("source_container", sa.Text(), nullable=True),
        sa.Column("target_container", sa.Text(), nullable=True),
        sa.Column("ambiguous", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("exception", sa.Text(), nullable=True),
        sa.Column("task_id", sa.String(), nullable=True),
        sa.Column("approver", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_audit_recon_run", "audit_recon", ["recon_id", "seq"], unique=False)
    op.create_table(
        "decision",
        sa.Column("task", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("task"),
    )
    op.create_table(
        "intent",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("task", sa.BigInteger(), nullable=False),
        sa.Column("process", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("approver", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("target_id", sa.Text(), nullable=True),
        sa.Column("outcome_code", sa.Integer(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("task"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_intent_process", "intent", ["process"], unique=False)
    op.create_index("ix_intent_state", "intent", ["state", "not_before"], unique=False)
    op.create_table(
        "link",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("link_type", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("qualifier", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("first_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("second_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=True),
        sa.Column("target_rev", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("link_type", "qualifier", "first_id", name="uq_link_first"),
        sa.UniqueConstraint("link_type", "qualifier", "second_id", name="uq_link_second"),
    )
    op.create_table(
        "login_session",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("component", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "managed_object",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("type", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("secrets", sa.Text(), nullable=True),
        sa.Column("unique_key", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("type", "id", name="uq_managed_id"),
        sa.UniqueConstraint("type", "unique_key", name="uq_managed_unique_key"),
    )
    op.create_index("ix_managed_order", "managed_object", ["type", "seq"], unique=False)
    op.create_table(
        "process_definition",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("key", "version", name="uq_process_definition"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_process_definition_key", "process_definition", ["key"], unique=False)
    op.create_table(
        "process_instance",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("definition", sa.BigInteger(), nullable=False),
        sa.Column("definition_key", sa.String(), nullable=False),
        sa.Column("business_key", sa.Text(), nullable=True),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=True),
        sa.Column("qualifier", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("situation", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("recon_id", sa.String(), nullable=True),
        sa.Column("source_digest", sa.String(), nullable=True),
        sa.Column("variables", sa.Text(), nullable=False),
        sa.Column("start_user_id", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("end_activity", sa.String(), nullable=True),
        sa.Column("delete_reason", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("flow_run_id", sa.Text(), nullable=True),
        sa.Column("flow_state", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_process_instance_flow_run_id", "process_instance", ["flow_run_id"], unique=False)
    op.create_index("ix_process_object", "process_instance", ["mapping", "object_id"], unique=False)
    op.create_index(
        "ix_process_unshown",
        "process_instance",
        ["seq"],
        unique=False,
        sqlite_where=sa.text("open = 1 AND flow_state = 'none'"),
        postgresql_where=sa.text("open = 1 AND flow_state = 'none'"),
    )
    op.create_index(
        "ix_process_unclosed",
        "process_instance",
        ["flow_state", "seq"],
        unique=False,
        sqlite_where=sa.text("open = 0 AND flow_state <> 'closed'"),
        postgresql_where=sa.text("open = 0 AND flow_state <> 'closed'"),
    )
    op.create_index(
        "ix_process_group",
        "process_instance",
        ["flow_run_id", "open"],
        unique=False,
        sqlite_where=sa.text("flow_state = 'group'"),
        postgresql_where=sa.text("flow_state = 'group'"),
    )
    op.create_index(
        "uq_open_process",
        "process_instance",
        ["mapping", "qualifier", "side", "object_id", "situation", "action"],
        unique=True,
        sqlite_where=sa.text("open = 1 AND mapping IS NOT NULL"),
        postgresql_where=sa.text("open = 1 AND mapping IS NOT NULL"),
    )
    op.create_table(
        "recon_entry",
        sa.Column("run", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("situation", sa.String(), nullable=True),
        sa.Column("action", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("qualifier", sa.String(), nullable=True),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("target_id", sa.Text(), nullable=True),
        sa.Column("ambiguous", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("changed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("run", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_recon_entry_situation", "recon_entry", ["run", "situation"], unique=False)
    op.create_table(
        "recon_page",
        sa.Column("run", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("page", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("handled", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run", "phase", "page"),
    )
    op.create_table(
        "recon_run",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("recon_action", sa.String(), nullable=False),
        sa.Column("is_analysis", sa.Boolean(), nullable=False),
        sa.Column("persist_associations", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("working", sa.Integer(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("configuration", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("statistics", sa.Text(), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("flow_run_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_recon_run_mapping", "recon_run", ["mapping"], unique=False)
    op.create_index("ix_recon_run_state", "recon_run", ["state"], unique=False)
    op.create_index(
        "uq_run_working",
        "recon_run",
        ["mapping"],
        unique=True,
        sqlite_where=sa.text("working = 1"),
        postgresql_where=sa.text("working = 1"),
    )
    op.create_table(
        "schedule_job",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("previous_run_at", sa.BigInteger(), nullable=True),
        sa.Column("previous_outcome", sa.Text(), nullable=True),
        sa.Column("deployment_id", sa.String(), nullable=True),
        sa.Column("digest", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "schedule_slot",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("slot_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("job", "slot_at"),
    )
    op.create_table(
        "sync_token",
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("collection"),
    )
    op.create_table(
        "task_instance",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("process", sa.BigInteger(), nullable=False),
        sa.Column("definition_key", sa.String(), nullable=False),
        sa.Column("definition_id", sa.String(), nullable=False),
        sa.Column("task_key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("assignee", sa.String(), nullable=True),
        sa.Column("candidate_users", sa.String(), nullable=False),
        sa.Column("candidate_groups", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("claimed_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("delete_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_task_instance_process", "task_instance", ["process"], unique=False)
    op.create_index("ix_task_status", "task_instance", ["status", "assignee"], unique=False)
    op.create_table(
        "worker",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("executor", sa.String(), nullable=False),
        sa.Column("prefect", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    if op.get_bind().dialect.name == "sqlite":
        shape_plans()


def shape_plans() -> None:
    """Tell the planner of SQLite what tables grow to; else it takes every index for equally good."""
    op.execute("analyze")
    for table, index, rows in (
        ("managed_object", "sqlite_autoindex_managed_object_1", "1000000 250000 1"),
        ("managed_object", "sqlite_autoindex_managed_object_2", "1000000 250000 1"),
        ("managed_object", "ix_managed_order", "1000000 250000 1"),
        ("link", "sqlite_autoindex_link_1", "1000000 500000 250000 1"),
        ("link", "sqlite_autoindex_link_2", "1000000 500000 250000 1"),
        ("audit_recon", "ix_audit_recon_run", "1000000 10000 1"),
        ("audit_event", "ix_audit_event_topic", "1000000 200000 1"),
    ):
        op.execute(f"insert into sqlite_stat1 (tbl, idx, stat) values ('{table}', '{index}', '{rows}')")
