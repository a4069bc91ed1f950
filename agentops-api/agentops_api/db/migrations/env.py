"""Alembic's environment: revisions are only ever turned into SQL text, which `db/migrate.py` runs or prints."""

from alembic import context

context.configure(dialect_name="postgresql", literal_binds=True, transactional_ddl=False)
context.run_migrations()
