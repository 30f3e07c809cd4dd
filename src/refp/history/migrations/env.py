"""Environment of alembic; :func:`refp.history.connect.migrate` provides the connection."""

from alembic import context

from refp.history.connect import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
