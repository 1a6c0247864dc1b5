"""The spool's file: what it says of itself, its bounds, and whose it is."""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eventstore.errors import SpoolFull, StoreInUse, StoreUnavailable, WrongSecretKey
from eventstore.log import Pending
from eventstore.secret_key import SecretKey
from eventstore.spool import Spool, spool_path
from eventstore.spool_depth import Depth, look_into
from tests.eventstore.factories import ORIGIN, OTHER, new
from tests.eventstore.fake_log import FakeLog
from tests.eventstore.spooling import batch, bytes_of, drain, keys_in, modes_of, opened

# --- what it says of itself


async def test_it_says_how_much_waits_and_since_when(spool: Spool, spool_folder: Path) -> None:
    await spool.put([Pending(ORIGIN, new("a", received_at=5))])
    await spool.put([Pending(ORIGIN, new("b", received_at=9))])
    await spool.put([Pending(OTHER, new("c", received_at=3))])

    depths = spool.depths()

    assert (depths[1].events, depths[1].oldest_at) == (2, 5)
    assert (depths[2].events, depths[2].oldest_at) == (1, 3)
    assert spool.depth()[:3] == (3, sum(depth.bytes for depth in depths.values()), 3)
    assert look_into(spool_path(spool_folder)) == depths


async def test_its_depth_falls_as_it_is_drained(spool: Spool) -> None:
    log = FakeLog("takes", "is away")

    await spool.put([Pending(ORIGIN, new(key, received_at=at)) for key, at in (("a", 5), ("b", 9))])
    with pytest.raises(StoreUnavailable):
        await drain(spool, log.append)
    left = spool.depth()
    await drain(spool, log.append)

    assert (left.events, left.oldest_at) == (1, 9)
    assert spool.depth() == Depth()


async def test_events_that_are_being_written_are_held(spool: Spool) -> None:
    putting = asyncio.create_task(spool.put(batch("a")))
    await asyncio.sleep(0)

    held = spool.holds(ORIGIN.portal_id)
    await putting

    assert held


async def test_who_goes_away_does_not_take_its_events_along(
    spool: Spool, spool_folder: Path
) -> None:
    leaving = asyncio.create_task(spool.put(batch("left")))
    await asyncio.sleep(0)

    leaving.cancel()
    await spool.put(batch("stayed"))

    assert keys_in(spool_folder) == ["left", "stayed"]
    assert spool.depth().events == 2


async def test_nothing_is_said_of_a_spool_that_was_never_made(spool_folder: Path) -> None:
    assert look_into(spool_path(spool_folder)) == {}


async def test_a_look_at_a_spool_that_no_server_has_open_changes_nothing(
    spool_folder: Path,
) -> None:
    async with opened(spool_folder) as spool:
        await spool.put(batch("a"))
    before = bytes_of(spool_folder)["spool.db"]

    assert look_into(spool_path(spool_folder))[1].events == 1

    assert bytes_of(spool_folder)["spool.db"] == before


# --- its bounds


async def test_a_full_spool_keeps_nothing_of_a_batch_and_takes_more_when_drained(
    spool_folder: Path,
) -> None:
    log = FakeLog()
    large = [Pending(ORIGIN, new(f"large:{number}", "x" * 10_000)) for number in range(10)]
    async with opened(spool_folder, limit=200_000) as spool:
        await spool.put(large)
        depth = spool.depth()

        with pytest.raises(SpoolFull, match="CHRONICLE_SPOOL_MAX"):
            await spool.put(large)

        assert spool.depth() == depth
        assert len(keys_in(spool_folder)) == 10
        await drain(spool, log.append)
        await spool.put(large)
    assert spool_path(spool_folder).stat().st_size <= 200_000


async def test_one_caller_too_large_does_not_fail_its_neighbours(spool_folder: Path) -> None:
    async with opened(spool_folder, limit=200_000) as spool:
        results = await asyncio.gather(
            spool.put(batch("a")),
            spool.put([Pending(ORIGIN, new("large", "x" * 200_000))]),
            spool.put(batch("b")),
            return_exceptions=True,
        )

    assert [type(result) for result in results] == [list, SpoolFull, list]
    assert keys_in(spool_folder) == ["a", "b"]


async def test_one_event_that_cannot_be_kept_keeps_its_batch_out(
    spool: Spool, spool_folder: Path
) -> None:
    with pytest.raises(OverflowError):
        await spool.put([*batch("a"), Pending(ORIGIN, new("b", sequence=2**63))])
    await spool.put(batch("c"))

    assert keys_in(spool_folder) == ["c"]
    assert spool.depth().events == 1


async def test_a_full_disk_keeps_nothing_of_a_batch_and_needs_no_restart(
    spool: Spool, spool_folder: Path
) -> None:
    log = FakeLog()
    large = [Pending(ORIGIN, new(f"large:{number}", "x" * 10_000)) for number in range(40)]
    await spool.put(batch("a"))

    with _files_of_at_most(100_000), pytest.raises(SpoolFull, match=r"spool\.db"):
        await spool.put(large)

    # The descriptor is closed, since a sync that failed must not be tried on it again.
    assert "spool.db-wal" not in bytes_of(spool_folder)
    assert keys_in(spool_folder) == ["a"]
    await spool.put(batch("b"))
    assert spool.depth().events == 2
    await drain(spool, log.append)
    assert log.landed == {1: ["a", "b"]}


def _write(folder: Path, content: bytes) -> None:
    folder.mkdir()
    spool_path(folder).write_bytes(content)


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_drained_spool_gives_the_disk_back(spool: Spool, spool_folder: Path) -> None:
    text = "x" * 100_000

    await spool.put([Pending(ORIGIN, new(str(number), text)) for number in range(50)])
    await drain(spool, FakeLog().append)

    assert sum(map(len, bytes_of(spool_folder).values())) < 200_000


async def test_what_has_gone_to_the_log_leaves_no_text_behind(
    spool: Spool, spool_folder: Path
) -> None:
    await spool.put([Pending(ORIGIN, new("a", "CANARY-text"))])
    assert any(b"CANARY-text" in content for content in bytes_of(spool_folder).values())

    await drain(spool, FakeLog().append)

    assert not any(b"CANARY-text" in content for content in bytes_of(spool_folder).values())


# --- whose it is


async def test_only_its_owner_reads_it(spool_folder: Path) -> None:
    _write(spool_folder, b"")
    async with opened(spool_folder) as spool:
        await spool.put(batch("a"))

        names = ("spool.db", "spool.db-shm", "spool.db-wal", "spool.lock")
        assert modes_of(spool_folder) == dict.fromkeys(names, 0o600)


async def test_one_process_has_it_open(spool: Spool, spool_folder: Path) -> None:
    with pytest.raises(StoreInUse, match=r"another server.*CHRONICLE_SPOOL"):
        async with opened(spool_folder):
            pass

    assert await spool.put(batch("a"))


async def test_another_installation_does_not_get_it(spool_folder: Path) -> None:
    async with opened(spool_folder) as spool:
        await spool.put(batch("a"))

    with pytest.raises(WrongSecretKey, match="another secret key"):
        async with opened(spool_folder, key=SecretKey(1, b"t" * 32)):
            pass

    async with opened(spool_folder) as spool:
        assert spool.depth().events == 1


async def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreUnavailable, match="spool"):
        async with opened(tmp_path / "file" / "spool"):
            pass


async def test_a_file_that_is_no_spool_is_an_error_of_ours(spool_folder: Path) -> None:
    _write(spool_folder, b"x" * 8192)

    with pytest.raises(StoreUnavailable, match=r"spool\.db"):
        async with opened(spool_folder):
            pass
    with pytest.raises(StoreUnavailable, match=r"spool\.db"):
        look_into(spool_path(spool_folder))


async def test_a_closed_spool_takes_nothing(spool_folder: Path) -> None:
    async with opened(spool_folder) as spool:
        pass

    with pytest.raises(StoreUnavailable, match="closed"):
        await spool.put(batch("a"))
