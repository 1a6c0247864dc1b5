"""How long a fault goes on: briefly in `make test`, or in `make faults` at its full length."""

from typing import Any

import pytest


def brief(*values: Any) -> Any:
    """The values of a test that `make test` runs; `make faults` has longer ones."""
    return pytest.param(*values, marks=pytest.mark.brief)


def mutants(*values: Any) -> Any:
    """The values of a test with which mutants are tried, and nothing else is."""
    return pytest.param(*values, marks=[pytest.mark.brief, pytest.mark.long])


def long(*values: Any) -> Any:
    """The values of a test that only `make faults` runs."""
    return pytest.param(*values, marks=pytest.mark.long)
