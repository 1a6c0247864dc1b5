"""The way in: whoever is answered has its events in the log or in the spool, in their order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from eventstore.errors import SpoolFull, WrongSecretKey
from eventstore.intake import Intake, Patience
from eventstore.log import Origin, Outcome, Pending
from eventstore.spool import Spool, Spooled
from tests.eventstore.factories import ORIGIN, OTHER, new
from tests.eventstore.fake_log import FakeLog
from tests.eventstore.spooling import ORIGINS, batch, keys_in, opened

IMPATIENT = Patience(caller=0.05, batch=0.05)
SPOOLED = [Spooled()]


class Drained:
    """What an intake said of events that came from the spool."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[str, str, int]] = []

    def __call__(self, batch: Sequence[Pending], outcomes: Sequence[Outcome]) -> None:
        for pending, outcome in zip(batch, outcomes, strict=True):
            self.outcomes.append((pending.event.key, *outcome))


def intake_of(
    spool: Spool, log: FakeLog, drained: Drained | None = None, patience: Patience = IMPATIENT
) -> Intake:
    return Intake(
        log.append,
        spool,
        origins=lambda: ORIGINS,
        drained=drained or Drained(),
        patience=patience,
    )


@asynccontextmanager
async def draining(intake: Intake) -> AsyncIterator[None]:
    """Let it drain beside what the test does."""
    task = asyncio.create_task(intake.drain_forever())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def emptied(spool: Spool) -> None:
    """Wait until nothing waits."""
    async with asyncio.timeout(30):
        while spool.depth().events:  # noqa: ASYNC110 - nothing tells when it is done
            await asyncio.sleep(0.01)


async def test_while_the_log_answers_nothing_is_spooled(spool: Spool) -> None:
    log = FakeLog()

    outcomes = await intake_of(spool, log).append(batch("a", "b"))

    assert outcomes == [Outcome("appended", 1), Outcome("appended", 2)]
    assert spool.depth().events == 0


@pytest.mark.parametrize("answer", ["is away", "hangs", "loses its answer", "lands late"])
async def test_what_the_log_does_not_answer_for_is_in_the_spool(
    spool: Spool, spool_folder: Path, answer: str
) -> None:
    log = FakeLog()
    log.answers = [answer]  # type: ignore[list-item] # one of them

    assert await intake_of(spool, log).append(batch("a")) == SPOOLED

    assert keys_in(spool_folder) == ["a"]


@pytest.mark.parametrize("error", [ConnectionRefusedError, TimeoutError, WrongSecretKey])
async def test_any_error_that_is_not_of_an_event_is_the_logs(
    spool: Spool, error: type[Exception]
) -> None:
    async def append(_batch: Sequence[Pending]) -> list[Outcome]:
        raise error

    intake = Intake(append, spool, origins=lambda: ORIGINS, drained=Drained())

    assert await intake.append(batch("a")) == SPOOLED
    assert intake.away


async def test_after_the_first_who_waited_nobody_waits(spool: Spool) -> None:
    log = FakeLog()
    log.always = "hangs"
    intake = intake_of(spool, log)
    await intake.append(batch("a"))

    await intake.append(batch("b"))
    await intake.append(batch("c", origin=OTHER))

    assert log.tried == [["a"]]


async def test_all_who_wait_move_together_and_in_their_order(
    spool: Spool, spool_folder: Path
) -> None:
    log = FakeLog("lands late", "hangs", "is away")
    intake = intake_of(spool, log, patience=Patience(caller=60, batch=60))

    async with asyncio.timeout(30):
        answers = await asyncio.gather(*(intake.append(batch(key)) for key in "abc"))

    assert answers == [SPOOLED] * 3
    assert sorted(keys_in(spool_folder)) == ["a", "b", "c"]
    assert keys_in(spool_folder)[1:] == ["a", "b"]


async def test_new_events_of_a_portal_go_behind_those_that_wait(
    spool: Spool, spool_folder: Path
) -> None:
    log = FakeLog("is away")
    intake = intake_of(spool, log)
    await intake.append(batch("a"))
    intake.away = False

    behind = await intake.append(batch("b"))
    direct = await intake.append(batch("c", origin=OTHER))

    assert behind == SPOOLED
    assert direct == [Outcome("appended", 1)]
    assert keys_in(spool_folder) == ["a", "b"]


async def test_a_batch_stays_together(spool: Spool, spool_folder: Path) -> None:
    log = FakeLog("is away")
    intake = intake_of(spool, log)
    await intake.append(batch("a"))
    intake.away = False

    outcomes = await intake.append([*batch("b", origin=OTHER), *batch("c")])

    assert outcomes == [Spooled(), Spooled()]
    assert keys_in(spool_folder) == ["a", "b", "c"]


async def test_the_spool_comes_to_the_log_when_it_answers_again(spool: Spool) -> None:
    log = FakeLog("is away", "is away", "is away")
    drained = Drained()
    intake = intake_of(spool, log, drained)

    async with draining(intake):
        for key in "abc":
            assert await intake.append(batch(key)) == SPOOLED
        await emptied(spool)
        direct = await intake.append(batch("d"))

    assert direct == [Outcome("appended", 4)]
    assert log.landed == {1: ["a", "b", "c", "d"]}
    assert drained.outcomes == [(key, "appended", at) for at, key in enumerate("abc", 1)]


async def test_what_landed_after_all_is_there_once(spool: Spool) -> None:
    log = FakeLog("lands late")
    drained = Drained()
    intake = intake_of(spool, log, drained)
    assert await intake.append(batch("a")) == SPOOLED
    assert await intake.append(batch("b")) == SPOOLED

    log.recovered.set()
    await asyncio.sleep(0)
    async with draining(intake):
        await emptied(spool)

    assert log.landed == {1: ["a", "b"]}
    assert drained.outcomes == [("a", "duplicate", 1), ("b", "appended", 2)]


async def test_a_log_that_hangs_while_it_is_drained_is_asked_again(spool: Spool) -> None:
    log = FakeLog("is away", "hangs")
    intake = intake_of(spool, log)
    await intake.append(batch("a"))

    async with draining(intake):
        await emptied(spool)

    assert log.tried == [["a"]] * 3
    assert not intake.away


async def test_a_slow_log_keeps_nobody_waiting_though_it_takes_what_waited(spool: Spool) -> None:
    log = FakeLog("hangs")
    patience = Patience(caller=0.01, batch=60)

    async def slow(batch: Sequence[Pending]) -> list[Outcome]:
        outcomes = await log.append(batch)
        await asyncio.sleep(0.02)
        return outcomes

    intake = Intake(slow, spool, origins=lambda: ORIGINS, drained=Drained(), patience=patience)
    await intake.append(batch("a"))
    async with draining(intake):
        await emptied(spool)

    assert log.landed == {1: ["a"]}
    assert intake.away


async def test_an_event_that_the_log_cannot_take_is_kept_and_the_others_go_on(
    spool: Spool, spool_folder: Path
) -> None:
    log = FakeLog()
    log.refused = {"bad"}
    intake = intake_of(spool, log)

    with capture_logs() as said:
        async with draining(intake):
            assert await intake.append(batch("bad")) == SPOOLED
            assert not intake.away
            await emptied(spool)
            assert await intake.append(batch("a")) == [Outcome("appended", 1)]

    assert keys_in(spool_folder) == ["bad"]
    assert "CANARY" not in str(said)


async def test_whom_neither_takes_is_told_and_the_next_caller_asks_the_log(
    spool_folder: Path,
) -> None:
    log = FakeLog("is away")
    large = [Pending(ORIGIN, new("large", "x" * 200_000))]
    async with opened(spool_folder, limit=100_000) as spool:
        intake = intake_of(spool, log)

        with pytest.raises(SpoolFull):
            await intake.append(large)
        assert await intake.append(batch("a")) == [Outcome("appended", 1)]

    assert keys_in(spool_folder) == []


async def test_who_goes_away_leaves_no_trace_in_what_the_others_get(spool: Spool) -> None:
    log = FakeLog("lands late", "takes")
    intake = intake_of(spool, log, patience=Patience(caller=60, batch=60))
    leaving = asyncio.create_task(intake.append(batch("left")))
    await asyncio.sleep(0)

    leaving.cancel()

    assert await intake.append(batch("stayed")) == [Outcome("appended", 1)]
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert not intake.away


async def test_the_key_of_another_is_told_by_its_position(spool: Spool) -> None:
    drained = Drained()

    async def append(batch: Sequence[Pending]) -> list[Outcome]:
        return [Outcome("conflict", 7)] * len(batch)

    intake = Intake(append, spool, origins=lambda: ORIGINS, drained=drained)
    await spool.put(batch("fetch:1"))
    with capture_logs() as said:
        async with draining(intake):
            await emptied(spool)

    assert drained.outcomes == [("fetch:1", "conflict", 7)]
    conflict, *_ = said
    assert (conflict["portal_id"], conflict["position"]) == (1, 7)


async def test_nothing_ends_the_draining(spool: Spool) -> None:
    log = FakeLog()
    failures = [RuntimeError("a defect that quotes the CANARY")]

    def origins() -> dict[int, Origin]:
        if failures:
            raise failures.pop()
        return ORIGINS

    intake = Intake(log.append, spool, origins=origins, drained=Drained())
    await spool.put(batch("a"))
    with capture_logs() as said:
        async with draining(intake):
            await emptied(spool)

    assert log.landed == {1: ["a"]}
    assert said[0]["error"] == "RuntimeError"
    assert "CANARY" not in str(said)


async def test_a_log_that_stays_away_is_not_asked_all_the_time(spool: Spool) -> None:
    log = FakeLog()
    log.always = "is away"

    await spool.put(batch("a"))
    async with draining(intake_of(spool, log)):
        await asyncio.sleep(0.3)

    assert 1 <= len(log.tried) <= 10
