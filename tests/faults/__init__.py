"""Faults that the store survives, each with mutants that its tests must catch."""
