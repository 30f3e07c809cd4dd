"""Changes of the tables, in order; run by alembic when a history is opened."""
