"""Alembic's entry point: runs the versions on the connection that `migrate` passes."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table_schema="pyzn")
with context.begin_transaction():
    context.run_migrations()
