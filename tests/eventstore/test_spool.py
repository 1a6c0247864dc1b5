"""The spool: what was put there comes to the log once, in its order, whatever is in its way."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from eventstore.errors import StoreUnavailable, WrongSecretKey
from eventstore.log import Origin, Outcome, Pending
from eventstore.spool import Spool, Spooled, spool_path
from eventstore.spool_depth import Depth
from tests.eventstore.factories import ORIGIN, OTHER, new
from tests.eventstore.fake_log import FakeLog
from tests.eventstore.spooling import batch, drain, keys_in, opened


async def test_what_was_put_is_on_disk_and_comes_to_the_log_in_its_order(
    spool: Spool, spool_folder: Path
) -> None:
    log = FakeLog()

    assert await spool.put(batch("a", "b")) == [Spooled(), Spooled()]
    await spool.put(batch("c"))
    assert keys_in(spool_folder) == ["a", "b", "c"]
    await drain(spool, log.append)

    assert log.landed == {1: ["a", "b", "c"]}
    assert keys_in(spool_folder) == []


async def test_every_field_of_an_event_comes_to_the_log_as_it_was(spool: Spool) -> None:
    event = new("fetch:7", "¡Ünï😀\0", sequence=2**63 - 1, sent_at=-1, receiver="user:7")
    seen: list[Pending] = []

    async def append(batch: Sequence[Pending]) -> list[Outcome]:
        seen.extend(batch)
        return [Outcome("appended", 1)]

    await spool.put([Pending(ORIGIN, event)])
    await drain(spool, append)

    assert seen == [Pending(ORIGIN, event)]


async def test_an_event_leaves_only_after_the_log_has_it(spool: Spool, spool_folder: Path) -> None:
    there: list[list[str]] = []

    async def append(batch: Sequence[Pending]) -> list[Outcome]:
        there.append(keys_in(spool_folder))
        return [Outcome("appended", 1)] * len(batch)

    await spool.put(batch("a", "b", "c"))
    await drain(spool, append)

    assert there == [["a", "b", "c"], ["b", "c"]]


async def test_what_an_earlier_process_left_is_found_and_comes_first(spool_folder: Path) -> None:
    log = FakeLog()
    async with opened(spool_folder) as spool:
        await spool.put(batch("a"))

    async with opened(spool_folder) as spool:
        assert spool.holds(ORIGIN.portal_id)
        assert spool.depth().events == 1
        await spool.put(batch("b"))
        await drain(spool, log.append)

    assert log.landed == {1: ["a", "b"]}


async def test_a_way_to_the_log_that_is_cut_off_repeats_nothing(spool: Spool) -> None:
    log = FakeLog("loses its answer")

    await spool.put(batch("a", "b", "c"))
    with pytest.raises(StoreUnavailable):
        await drain(spool, log.append)
    assert spool.depth().events == 3
    await drain(spool, log.append)

    assert log.landed == {1: ["a", "b", "c"]}
    assert log.outcomes == ["appended", "duplicate", "appended", "appended"]


async def test_a_log_that_answers_gets_more_at_once(spool: Spool) -> None:
    log = FakeLog()

    await spool.put(batch(*map(str, range(2_000))))
    await drain(spool, log.append)

    assert [len(tried) for tried in log.tried] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 977]


async def test_large_events_come_to_the_log_in_small_batches(spool: Spool) -> None:
    log = FakeLog()
    text = "x" * 2**20

    await spool.put([Pending(ORIGIN, new(str(number), text)) for number in range(12)])
    await drain(spool, log.append)

    assert [len(tried) for tried in log.tried] == [1, 2, 3, 3, 3]


async def test_a_portal_that_cannot_be_written_does_not_stop_another(spool: Spool) -> None:
    log = FakeLog()

    async def append(batch: Sequence[Pending]) -> list[Outcome]:
        if batch[0].origin == ORIGIN:
            raise StoreUnavailable("its head is locked")
        return await log.append(batch)

    await spool.put(batch("a1", "a2"))
    await spool.put(batch("b1", "b2", "b3", origin=OTHER))
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await drain(spool, append)

    assert log.landed == {2: ["b1", "b2", "b3"]}
    assert spool.holds(ORIGIN.portal_id)
    assert not spool.holds(OTHER.portal_id)


async def test_portals_take_turns(spool: Spool) -> None:
    log = FakeLog()

    await spool.put(batch(*(f"a{number}" for number in range(100))))
    await spool.put(batch("b", origin=OTHER))
    await drain(spool, log.append)

    assert log.tried[1] == ["b"]


async def test_an_event_that_no_log_takes_stays_and_the_others_go_on(
    spool: Spool, spool_folder: Path
) -> None:
    log = FakeLog()
    log.refused = {"bad"}

    await spool.put(batch("a", "b", "bad", "c", "d"))
    with capture_logs() as said:
        await drain(spool, log.append)

    assert log.landed == {1: ["a", "b", "c", "d"]}
    assert keys_in(spool_folder, "WHERE refused = 'ValueError'") == ["bad"]
    depth = spool.depth()
    assert (depth.events, depth.oldest_at, depth.refused) == (0, None, 1)
    assert depth.bytes > 0
    assert not spool.holds(ORIGIN.portal_id)
    assert [(each["log_level"], each["reason"]) for each in said] == [("error", "ValueError")]
    assert "CANARY" not in str(said)


@pytest.mark.parametrize("error", [ConnectionResetError, WrongSecretKey])
async def test_an_error_that_is_not_of_an_event_marks_none(
    spool: Spool, error: type[Exception]
) -> None:
    async def append(_batch: Sequence[Pending]) -> list[Outcome]:
        raise error

    await spool.put(batch("a"))
    with pytest.raises(error):
        await drain(spool, append)

    assert (spool.depth().events, spool.depth().refused) == (1, 0)


async def test_a_log_that_takes_no_event_at_all_is_at_fault_itself(spool: Spool) -> None:
    log = FakeLog()
    keys = [str(number) for number in range(40)]
    log.refused = set(keys)

    await spool.put(batch(*keys))
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="takes no event: ValueError"):
            await drain(spool, log.append)
    assert (spool.depth().events, spool.depth().refused) == (30, 10)
    log.refused = {"39"}
    await drain(spool, log.append)

    assert log.landed == {1: keys[10:39]}
    assert spool.depth().refused == 11


async def test_a_refused_event_waits_again_when_the_spool_is_opened_next(
    spool_folder: Path,
) -> None:
    log = FakeLog()
    log.refused = {"bad"}
    async with opened(spool_folder) as spool:
        await spool.put(batch("bad"))
        await drain(spool, log.append)

    log.refused = set()
    async with opened(spool_folder) as spool:
        await drain(spool, log.append)

    assert log.landed == {1: ["bad"]}
    assert keys_in(spool_folder) == []


async def test_events_of_a_portal_that_the_catalog_does_not_have_wait_for_it(
    spool: Spool,
) -> None:
    log = FakeLog()

    await spool.put(batch("a"))
    await spool.put(batch("b", origin=OTHER))
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="portal 1 of the spool"):
            await drain(spool, log.append, {2: OTHER}.get)
    assert log.landed == {2: ["b"]}
    await drain(spool, log.append)

    assert log.landed == {2: ["b"], 1: ["a"]}


async def test_a_portal_never_gets_events_of_one_that_had_its_number(
    spool: Spool, spool_folder: Path
) -> None:
    """As after an older backup was put back, and another portal was added."""
    log = FakeLog()
    successor = Origin(ORIGIN.portal_id, b"n" * 32)

    await spool.put(batch("old"))
    await spool.put(batch("new", origin=successor))
    await drain(spool, log.append, {1: successor}.get)

    assert log.landed == {1: ["new"]}
    assert keys_in(spool_folder) == ["old"]


async def test_events_that_somebody_took_out_by_hand_are_not_waited_for(
    spool: Spool, spool_folder: Path
) -> None:
    await spool.put(batch("a"))
    with closing(sqlite3.connect(spool_path(spool_folder), isolation_level=None)) as connection:
        connection.execute("DELETE FROM spooled")

    await drain(spool, FakeLog().append)

    assert spool.depth() == Depth()
