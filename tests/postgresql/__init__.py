"""A PostgreSQL server for the tests, with a fresh database for each that asks."""
