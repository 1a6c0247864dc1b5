"""The history as files: rows, increments, and what is merged of them."""
