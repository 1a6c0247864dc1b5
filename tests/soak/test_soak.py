"""A small week: the same faults, in a few hours; and how faults are planned."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from tests.soak.faults import KINDS, planned
from tests.soak.outcome import outcome
from tests.soak.run import WEEK, Size, soak


@pytest.mark.long
def test_nothing_is_lost_in_five_hours(tmp_path: Path) -> None:
    store = tmp_path / "store"

    week, _ = soak(store, Size(20_000, 5 * 3_600.0, 14), seed=1, tell=print)
    found = asyncio.run(outcome(store, week, tell=print))

    assert found["ok"], found
    assert found["lost"] == found["twice"] == found["untrue"] == 0
    assert found["claimed_and_compared"] > 0
    assert found["kills"] > 0


def test_a_week_has_every_fault_one_after_another() -> None:
    faults = planned(Random(0), 0.0, WEEK.seconds, WEEK.faults)  # noqa: S311 - not for secrets

    assert len(faults) == WEEK.faults
    assert {fault.kind for fault in faults} == set(KINDS)
    ends = [fault.at + fault.lasts for fault in faults]
    assert all(end <= after.at for end, after in zip(ends, faults[1:], strict=False))
    assert ends[-1] <= WEEK.seconds
