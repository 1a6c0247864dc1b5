"""Tests of search, as far as it reads no database."""
