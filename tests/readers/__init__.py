"""Other programs read an export: the same rows, whoever reads."""
