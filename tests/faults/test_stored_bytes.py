"""Stored bytes are altered behind our back: `verify` names the exact place, every time."""

from pathlib import Path
from typing import Final

import pytest

from eventstore.errors import StoreUnavailable
from tests.faults.deliveries import pending
from tests.faults.lengths import brief, long
from tests.faults.sqlite_cells import PAGE, cell_with
from tests.faults.stores import Store, new_store, query
from tests.faults.tallies import Tally

pytestmark = pytest.mark.fault("stored bytes altered")

EVENTS: Final = range(1, 8)

DELETE_LAST: Final = "DELETE FROM event WHERE position = 7"

CUTS: Final = {
    "the last event": ((DELETE_LAST,), {"log_head"}),
    "the last event and its head": (
        (DELETE_LAST, "UPDATE log_head SET position = 6"),
        {"log_head"},
    ),
    "everything": (("DELETE FROM event", "DELETE FROM log_head"), {"log_head"}),
    "an event between others": (("DELETE FROM event WHERE position = 3",), {"event 4"}),
    "the first event": (("DELETE FROM event WHERE position = 1",), {"event 2"}),
    "a head": (("DELETE FROM log_head",), {"log_head"}),
    "the end of a head": (("UPDATE log_head SET position = 6",), {"log_head"}),
}
"""What is taken from the log, and where `verify` finds that."""

COLUMNS: Final = (
    *("key", "source", "receiver", "sequence", "event_type", "received_at", "sent_at"),
    *("payload", "salt", "commitment", "leaf"),
)
SWAPS: Final = {
    "the payloads": ("payload",),
    "all that makes the commitment": ("payload", "salt", "commitment"),
    "the keys": ("key",),
    "everything but the leaves": COLUMNS[:-1],
    "everything": COLUMNS,
}
"""What two events exchange."""


@pytest.fixture
async def filled(memory_path: Path) -> Store:
    """A store with some events, projected."""
    store = await new_store(memory_path / "store")
    writer = store.writer()
    writer(pending(store, EVENTS))
    writer.close()
    async with store.projecting() as projector:
        await projector.catch_up()
    return store


async def places(store: Store) -> set[str]:
    """Where something is wrong: `verify` looks at the log first, and then at the read models."""
    differences = await store.differences_in_log()
    return {found.place for found in differences or await store.differences_in_read_models()}


@pytest.mark.parametrize("every", [brief(101), long(1)])
async def test_every_bit_of_an_event_counts(filled: Store, tally: Tally, every: int) -> None:
    written = filled.folder.log.path.read_bytes()
    ((payload,),) = query(filled.folder.log.path, "SELECT payload FROM event WHERE position = 3")
    cell = cell_with(written, payload.encode())

    for bit in range(8 * cell.start, 8 * cell.stop)[::every]:
        flipped = bytearray(written)
        flipped[bit // 8] ^= 1 << bit % 8
        filled.folder.log.path.write_bytes(flipped)
        tally.ran(acknowledged=0)
        found = {difference.place for difference in await filled.differences_in_log()}
        # Whose event it is, SQLite reads from an index and never from the row.
        assert "event 3" in found or await filled.wrong_with_log()
        # The length of a row may swallow its neighbours.
        assert found <= {"event 2", "event 3", "event 4"}


@pytest.mark.parametrize(("statements", "where"), CUTS.values(), ids=CUTS)
async def test_a_log_that_was_cut_is_noticed_where_it_was(
    filled: Store, tally: Tally, statements: tuple[str, ...], where: set[str]
) -> None:
    filled.tamper(*statements)

    tally.ran(acknowledged=0)
    assert await places(filled) == where


@pytest.mark.parametrize("columns", SWAPS.values(), ids=SWAPS)
async def test_events_that_were_swapped_are_both_named(
    filled: Store, tally: Tally, columns: tuple[str, ...]
) -> None:
    other = "(SELECT {} FROM was WHERE was.position = 8 - event.position)"
    swapped = ", ".join(f"{column} = {other.format(column)}" for column in columns)
    freed = "UPDATE event SET key = position || key WHERE position IN (3, 5)"

    filled.tamper(
        "CREATE TEMPORARY TABLE was AS SELECT * FROM event",
        *([freed] if "key" in columns else []),
        f"UPDATE event SET {swapped} WHERE position IN (3, 5)",  # noqa: S608 - our own words
    )

    tally.ran(acknowledged=0)
    assert await places(filled) == {"event 3", "event 5"}


async def test_a_file_that_was_cut_is_named(filled: Store, tally: Tally) -> None:
    written = filled.folder.log.path.read_bytes()

    for size in range(PAGE, len(written), PAGE):
        filled.folder.log.path.write_bytes(written[:size])
        tally.ran(acknowledged=0)
        with pytest.raises(StoreUnavailable, match=filled.folder.log.path.name):
            await filled.differences_in_log()
