"""Gathering: those who read at the same time wait for one sync, and who reads alone for nobody."""

import asyncio
from collections.abc import Sequence

import pytest

from api import gathering as module
from api.gathering import Gathering
from eventstore.errors import StoreUnavailable
from eventstore.log import Pending
from tests.eventstore.factories import ORIGIN, new


class Writer:
    """Writes when it is let, and remembers what it was given."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.may = asyncio.Event()
        self.may.set()
        self.error: Exception | None = None

    async def __call__(self, batch: Sequence[Pending]) -> None:
        self.batches.append([pending.event.key for pending in batch])
        await self.may.wait()
        if self.error is not None:
            raise self.error


def entry(key: str) -> Pending:
    return Pending(ORIGIN, new(key))


async def read(gathering: Gathering, key: str, *, turns: int) -> None:
    """Read for some turns of the loop, then record it."""
    with gathering.underway():
        for _ in range(turns):
            await asyncio.sleep(0)
    await gathering.append(entry(key))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody be overdue within a test."""
    monkeypatch.setattr(module, "_LONGEST", 60)


@pytest.mark.usefixtures("patient")
async def test_those_who_are_under_way_are_written_together() -> None:
    writer = Writer()
    gathering = Gathering(writer)

    await asyncio.gather(*(read(gathering, str(n), turns=n + 1) for n in range(5)))

    assert writer.batches == [["0", "1", "2", "3", "4"]]


@pytest.mark.usefixtures("patient")
async def test_who_reads_alone_waits_for_nobody() -> None:
    writer = Writer()

    await asyncio.wait_for(read(Gathering(writer), "alone", turns=0), 1)

    assert writer.batches == [["alone"]]


async def test_who_takes_too_long_is_not_waited_for() -> None:
    writer = Writer()
    gathering = Gathering(writer)

    with gathering.underway():
        await asyncio.wait_for(gathering.append(entry("quick")), 1)

    assert writer.batches == [["quick"]]


@pytest.mark.usefixtures("patient")
async def test_who_has_nothing_to_record_keeps_nobody_waiting() -> None:
    writer = Writer()
    gathering = Gathering(writer)
    failing = gathering.underway()
    failing.__enter__()

    waiting = asyncio.create_task(gathering.append(entry("other")))
    await asyncio.sleep(0.01)
    before = list(writer.batches)
    failing.__exit__(None, None, None)
    await asyncio.wait_for(waiting, 1)

    assert before == []
    assert writer.batches == [["other"]]


@pytest.mark.usefixtures("patient")
async def test_what_comes_while_a_batch_is_written_is_the_next() -> None:
    writer = Writer()
    gathering = Gathering(writer)
    writer.may.clear()
    first = asyncio.create_task(gathering.append(entry("1")))
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(gathering.append(entry(key))) for key in ("2", "3")]
    await asyncio.sleep(0.01)

    answered = [each.done() for each in (first, *others)]
    writer.may.set()
    await asyncio.gather(first, *others)

    assert answered == [False] * 3
    assert writer.batches == [["1"], ["2", "3"]]


async def test_what_fails_fails_for_all_of_the_batch_and_for_nobody_else() -> None:
    writer = Writer()
    gathering = Gathering(writer)
    writer.error = StoreUnavailable("full")
    reads = [read(gathering, str(n), turns=1) for n in range(3)]

    failed = await asyncio.gather(*reads, return_exceptions=True)
    writer.error = None
    await gathering.append(entry("later"))

    assert writer.batches == [["0", "1", "2"], ["later"]]
    assert [type(each) for each in failed] == [StoreUnavailable] * 3


async def test_who_goes_away_takes_nobody_along() -> None:
    writer = Writer()
    gathering = Gathering(writer)
    writer.may.clear()
    going, staying = (asyncio.create_task(read(gathering, key, turns=1)) for key in "ab")
    await asyncio.sleep(0.01)

    going.cancel()
    await asyncio.sleep(0)
    writer.may.set()
    await staying

    assert writer.batches == [["a", "b"]]
