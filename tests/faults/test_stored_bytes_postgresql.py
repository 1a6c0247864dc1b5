"""Stored bytes on PostgreSQL are altered behind our back: `verify` names the place, every time."""

from pathlib import Path
from typing import Final

import pytest

from eventstore.directory import Portal
from eventstore.errors import StoreUnavailable
from eventstore.migrations import ensure
from eventstore.postgres_store import PostgresStore
from projections.verify_log import verify_log
from tests.engines import damage, query
from tests.eventstore.factories import new
from tests.faults.lengths import brief, long
from tests.faults.postgresql_log import ORIGINS
from tests.faults.tallies import Tally
from tests.postgresql.server import Stop, private_server

pytestmark = [pytest.mark.postgresql, pytest.mark.fault("stored bytes altered")]

ORIGIN: Final = ORIGINS[1]
PORTAL: Final = Portal(1, "acme", "m1", None, 0, 1, ORIGIN.hmac_key)
EVENTS: Final = 7

DELETE_LAST: Final = "DELETE FROM event WHERE position = 7"

CUTS: Final = {
    "the last event": ((DELETE_LAST,), {"log_head"}),
    "everything but the heads": (("TRUNCATE event",), {"log_head"}),
    "an event between others": (("DELETE FROM event WHERE position = 3",), {"event 4"}),
    "the first event": (("DELETE FROM event WHERE position = 1",), {"event 2"}),
    "a head": (("DELETE FROM log_head",), {"log_head"}),
    "the end of a head": (("UPDATE log_head SET position = 6",), {"log_head"}),
}
"""What is taken from the log, and where `verify` finds that."""

TEXTS: Final = ("key", "source", "receiver", "event_type", "payload")
NUMBERS: Final = ("received_at",)
BYTES: Final = ("salt", "commitment", "leaf")
COLUMNS: Final = (*TEXTS, *NUMBERS, *BYTES)

SWAPS: Final = {
    "the payloads": ("payload",),
    "all that makes the commitment": ("payload", "salt", "commitment"),
    "the keys": ("key",),
    "everything but the leaves": tuple(name for name in COLUMNS if name != "leaf"),
    "everything": COLUMNS,
}
"""What two events exchange."""


async def fill(store: PostgresStore) -> PostgresStore:
    """Make a log with some events."""
    await ensure(store)
    appender = await store.open_appender()
    for number in range(1, EVENTS + 1):
        name = f"webhook:{number}{number}"  # no bit makes one key of another
        event = new(name, f"hello {number}", received_at=10**15 + number)
        await appender.append(ORIGIN, event)
    await appender.close()
    return store


@pytest.fixture
async def filled(postgresql_url: str, tmp_path: Path) -> PostgresStore:
    return await fill(PostgresStore(postgresql_url, tmp_path / "secret.key"))


async def places(store: PostgresStore) -> set[str]:
    """Where `verify` says that something is wrong with the log."""
    found = verify_log(store, [PORTAL], lambda _done, _all: None)
    return {difference.place async for difference in found}


async def noticed(store: PostgresStore) -> bool:
    """Whether `verify` names places, or PostgreSQL refuses to read a page, which it checks."""
    try:
        return bool(await places(store))
    except StoreUnavailable:
        return True


async def cell(store: PostgresStore, column: str) -> bytes:
    """What the third event has in a column, as bytes."""
    ((value,),) = await query(store.log, f"SELECT {column} FROM event WHERE position = 3")  # noqa: S608
    return value if isinstance(value, bytes) else str(value).encode()


def written(column: str, value: bytes | bytearray) -> str:
    """The statement that puts bytes there."""
    spelled = f"'\\x{value.hex()}'::bytea"
    if column not in BYTES:
        spelled = f"convert_from({spelled}, 'UTF8')"
    if column in NUMBERS:
        spelled += "::bigint"
    return f"UPDATE event SET {column} = {spelled} WHERE position = 3"  # noqa: S608


def fits(column: str, value: bytes | bytearray) -> bool:
    """Whether PostgreSQL can have these bytes in a column at all."""
    if column in NUMBERS:
        return value.isdigit() and not value.startswith(b"0")
    return column in BYTES or (value.isascii() and b"\0" not in value)


@pytest.mark.parametrize("every", [brief(23), long(1)])
@pytest.mark.parametrize("column", COLUMNS)
async def test_every_bit_of_a_column_counts(
    filled: PostgresStore, tally: Tally, column: str, every: int
) -> None:
    before = await cell(filled, column)

    for bit in range(0, 8 * len(before), every):
        after = bytearray(before)
        after[bit // 8] ^= 1 << bit % 8
        if fits(column, after):
            await damage(filled.log, written(column, after))
            tally.ran(acknowledged=0)
            assert await places(filled) == {"event 3"}

    assert tally.runs
    await damage(filled.log, written(column, before))
    assert await places(filled) == set()


@pytest.mark.parametrize(("statements", "where"), CUTS.values(), ids=CUTS)
async def test_a_log_on_postgresql_that_was_cut_is_noticed_where_it_was(
    filled: PostgresStore, tally: Tally, statements: tuple[str, ...], where: set[str]
) -> None:
    await damage(filled.log, *statements)

    tally.ran(acknowledged=0)
    assert await places(filled) == where


@pytest.mark.parametrize("columns", SWAPS.values(), ids=SWAPS)
async def test_events_on_postgresql_that_were_swapped_are_both_named(
    filled: PostgresStore, tally: Tally, columns: tuple[str, ...]
) -> None:
    other = "(SELECT {} FROM was WHERE was.position = 8 - event.position)"
    swapped = ", ".join(f"{column} = {other.format(column)}" for column in columns)
    freed = "UPDATE event SET key = position || key WHERE position IN (3, 5)"

    await damage(
        filled.log,
        "CREATE TEMPORARY TABLE was AS SELECT * FROM event",
        *([freed] if "key" in columns else []),
        f"UPDATE event SET {swapped} WHERE position IN (3, 5)",  # noqa: S608 - our own words
    )

    tally.ran(acknowledged=0)
    assert await places(filled) == {"event 3", "event 5"}


async def test_a_bit_that_flips_on_the_disk_never_goes_unseen(tally: Tally, tmp_path: Path) -> None:
    with private_server() as server:
        store = await fill(PostgresStore(server.url(), tmp_path / "secret.key"))
        ((name,),) = await query(store.log, "SELECT pg_relation_filepath('event')")
        ((folder,),) = await query(store.log, "SELECT current_setting('data_directory')")
        server.stop(Stop.FAST)  # it writes its pages
        file = Path(folder) / name
        whole = file.read_bytes()

        for bit in range(8 * whole.index(b"hello 3"), 8 * len(whole), 8 * 1_999 + 1):
            flipped = bytearray(whole)
            flipped[bit // 8] ^= 1 << bit % 8
            file.write_bytes(flipped)
            server.start()
            tally.ran(acknowledged=0)
            assert await noticed(store)
            server.stop(Stop.IMMEDIATE)
        file.write_bytes(whole)
        server.start()
        assert await places(store) == set()
