"""Run by Alembic on the connection that `flows.store.schema` opened; it commits there, all or nothing."""

from alembic import context

from flows.store.schema import VERSION_TABLE, tables

context.configure(
    connection=context.config.attributes["connection"], target_metadata=tables(), version_table=VERSION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
