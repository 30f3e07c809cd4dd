"""Migrations of the tables, in order; alembic runs them when a history is opened."""
