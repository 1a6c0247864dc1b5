"""Power lost while read models are made: what is served is right, and it goes on from there."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from tests.faults import strace, work
from tests.faults.checks import Found, check
from tests.faults.children import child
from tests.faults.commands import become
from tests.faults.deliveries import simulated
from tests.faults.disk import Disk, write
from tests.faults.lengths import long, mutants
from tests.faults.stores import Store
from tests.faults.tallies import Tally

pytestmark = pytest.mark.fault("power loss while read models are made")

EVENTS: Final = 300
"""More than are projected in one transaction."""


@pytest.fixture
def filled(store: Store) -> Store:
    """A store with events of which none is projected."""
    writer = store.writer()
    writer(simulated(store, EVENTS))
    writer.close()
    return store


def calls_of(trace: Path, does: Callable[..., None], *arguments: Any) -> list[strace.Call]:
    """Let a child work to its end; return the calls that all its threads made."""
    with child(does, *arguments) as working:
        assert working.line() == "READY"
        with strace.traced([working.pid], trace, "-f", *strace.CONTENT):
            working.go_on()
            assert not list(working.lines())
    assert working.status == 0
    return strace.calls(trace)


@pytest.mark.parametrize("every", [mutants(200), long(15)])
async def test_a_projection_goes_on_from_whatever_is_left_of_it(
    filled: Store, tally: Tally, memory_path: Path, every: int
) -> None:
    disk, found = Disk(filled.folder.path), filled.at(memory_path / "found")

    calls = calls_of(memory_path / "trace", work.project, filled)

    tally.ran(acknowledged=EVENTS)
    for place, call in enumerate(calls):
        if disk.take(call) and (place % every == 0 or call.name == "unlink"):
            for state in disk.states(Random(place)):  # noqa: S311 - no secret is made
                write(state, found.folder.path)
                async with found.projecting():
                    pass  # opening it is all
                tally.looked(await consistent(found))
                tally.looked(await check(found, {}))


@pytest.mark.parametrize("every", [mutants(120), long(9)])
async def test_readers_have_whole_read_models_before_during_and_after_a_rebuild(
    filled: Store, tally: Tally, memory_path: Path, every: int
) -> None:
    async with filled.projecting() as projector:
        await projector.catch_up()
    disk, found = Disk(filled.folder.path), filled.at(memory_path / "found")

    calls = calls_of(memory_path / "trace", become, filled.environment, "rebuild")

    tally.ran(acknowledged=EVENTS)
    for place, call in enumerate(calls):
        if disk.take(call) and (place % every == 0 or call.name.endswith("sync")):
            for state in disk.states(Random(place)):  # noqa: S311 - no secret is made
                write(state, found.folder.path)
                assert await found.projected() == EVENTS
                tally.looked(await consistent(found))


async def consistent(store: Store) -> Found:
    """What is wrong with read models as they are, not caught up."""
    return Found(0, 0, 0, await store.wrong_with_read_models())
