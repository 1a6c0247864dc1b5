"""Reconciliation, against a portal that knows the truth."""
