"""Reconciliation: reads over REST what no queue and no webhook told, and tells it to the log."""
