"""The log: contiguous positions, idempotent keys, rows that nobody can change."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore import integrity
from eventstore.database import Pool
from eventstore.errors import StoreUnavailable
from eventstore.event import Event, NewEvent
from eventstore.log import Known, Origin, Outcome, Pending, SqliteLog, events_at, heads, page, place
from tests.eventstore.factories import ORIGIN, OTHER, new

THE_REST = (
    "source, receiver, sequence, event_type, received_at, sent_at, payload, salt, commitment, leaf"
    " FROM event"
)


async def everything(pool: Pool, portal_id: int = 1) -> list[Event]:
    """Read a whole log, and check what must hold of any log at any time."""
    async with pool.reading() as session:
        found = await page(session, portal_id, after=0, limit=10_000)
        head = (await heads(session)).get(portal_id, 0)
    assert [event.position for event in found] == list(range(1, len(found) + 1))
    assert head == len(found)
    assert not [place for event in found for place in integrity.differences(event)]
    return found


def of(event: NewEvent, origin: Origin = ORIGIN) -> Pending:
    return Pending(origin, event)


async def test_events_are_read_as_they_were_appended(sqlite_log: SqliteLog, reading: Pool) -> None:
    events = [new(f"webhook:{number}", sequence=None, sent_at=number) for number in range(5)]

    outcomes = sqlite_log.append([of(event) for event in events])

    assert outcomes == [Outcome("appended", number) for number in range(1, 6)]
    assert [NewEvent._make(event[2:10]) for event in await everything(reading)] == events


async def test_each_portal_counts_for_itself(sqlite_log: SqliteLog, reading: Pool) -> None:
    outcomes = sqlite_log.append(
        [of(new("a")), of(new("a"), OTHER), of(new("b"), OTHER), of(new("b"))]
    )

    assert [outcome.position for outcome in outcomes] == [1, 1, 2, 2]
    assert len(await everything(reading, 1)) == len(await everything(reading, 2)) == 2


async def test_a_known_key_adds_nothing(sqlite_log: SqliteLog, reading: Pool) -> None:
    sqlite_log.append([of(new("fetch:7", sequence=7))])

    again = sqlite_log.append([of(new("fetch:7", sequence=7)), of(new("fetch:8", sequence=8))])

    assert again == [Outcome("duplicate", 1), Outcome("appended", 2)]
    assert len(await everything(reading)) == 2


async def test_a_key_repeated_within_a_batch_adds_nothing(
    sqlite_log: SqliteLog, reading: Pool
) -> None:
    assert sqlite_log.append([of(new("fetch:7")), of(new("fetch:7"))]) == [
        Outcome("appended", 1),
        Outcome("duplicate", 1),
    ]


async def test_other_content_under_a_known_key_is_kept_beside_it(
    sqlite_log: SqliteLog, reading: Pool
) -> None:
    sqlite_log.append([of(new("fetch:7", "one"))])

    first = sqlite_log.append([of(new("fetch:7", "two")), of(new("fetch:7", "two"))])
    second = sqlite_log.append([of(new("fetch:7", "two"))])

    assert first == [Outcome("conflict", 2), Outcome("duplicate", 2)]
    assert second == [Outcome("duplicate", 2)]
    stored = await everything(reading)
    assert stored[1].key.startswith("fetch:7~")
    assert json.loads(stored[1].payload)["data"]["text"] == "two"


async def test_counters_of_the_bot_and_rotated_fingerprints_are_no_conflict(
    sqlite_log: SqliteLog,
) -> None:
    def item(count: int, token: str) -> NewEvent:
        data = {"bot": {"id": 9, "countMessage": count}, "auth": f"redacted:1:{token * 32}"}
        return new("fetch:7", payload=json.dumps({"data": data}))

    sqlite_log.append([of(item(1, "a"))])

    assert sqlite_log.append([of(item(2, "b"))]) == [Outcome("duplicate", 1)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET payload = '{}'",
        "UPDATE event SET payload = NULL, salt = NULL",
        "UPDATE event SET receiver = 'user:1'",
        "UPDATE event SET position = 9",
        "DELETE FROM event",
        "DELETE FROM log_head",
        "UPDATE log_head SET position = 0",
        f"INSERT OR REPLACE INTO event SELECT portal_id, position, 'new', {THE_REST}",
        f"INSERT OR REPLACE INTO event SELECT portal_id, position + 9, key, {THE_REST}",
    ],
)
def test_nothing_that_is_in_the_log_can_be_changed(sqlite_log: SqliteLog, statement: str) -> None:
    sqlite_log.append([of(new())])
    connection = sqlite3.connect(sqlite_log.path)

    with pytest.raises(sqlite3.IntegrityError, match="the log is immutable"):
        connection.execute(statement)

    connection.close()


def test_the_log_syncs_every_commit(sqlite_log: SqliteLog) -> None:
    connection = sqlite_log._connection  # noqa: SLF001 - the setting is the promise
    assert connection is not None

    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


async def test_a_log_that_cannot_be_written_says_so_and_goes_on_later(
    sqlite_log: SqliteLog, reading: Pool
) -> None:
    sqlite_log.append([of(new("a"))])
    blocker = sqlite3.connect(sqlite_log.path, timeout=0, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    sqlite_log._connection.execute("PRAGMA busy_timeout=10")  # type: ignore[union-attr]  # noqa: SLF001

    with pytest.raises(StoreUnavailable):
        sqlite_log.append([of(new("b"))])

    blocker.execute("ROLLBACK")
    blocker.close()
    assert sqlite_log.append([of(new("b"))]) == [Outcome("appended", 2)]
    assert len(await everything(reading)) == 2


async def test_events_are_found_by_their_positions(sqlite_log: SqliteLog, reading: Pool) -> None:
    sqlite_log.append([of(new(f"webhook:{number}")) for number in range(5)])

    async with reading.reading() as session:
        found = await events_at(session, 1, [4, 2, 99])

    assert [event.position for event in found] == [2, 4]


async def test_a_file_that_is_gone_is_an_error_not_an_empty_log(tmp_path: Path) -> None:
    pool = Pool(tmp_path / "gone.db", 1)

    with pytest.raises(StoreUnavailable):
        async with pool.reading():
            pass

    assert not (tmp_path / "gone.db").exists()


_keys = st.sampled_from(["fetch:1", "fetch:2", "webhook:3"])
_events = st.lists(st.builds(new, _keys, st.sampled_from(["a", "b", "c"])), max_size=12)


@given(_events, st.integers(0, 12))
def test_appending_in_two_batches_is_appending_in_one(events: list[NewEvent], cut: int) -> None:
    """Whatever is sent, each different content of a key is kept exactly once, in order."""
    at_once, outcomes = place(ORIGIN, 0, events, {})

    first, before = place(ORIGIN, 0, events[:cut], {})
    known = {event.key: Known(event.position, event.payload) for event in first}
    second, after = place(ORIGIN, len(first), events[cut:], known)

    assert before + after == outcomes
    assert [event[1:10] for event in first + second] == [event[1:10] for event in at_once]
    assert {(event.key.partition("~")[0], event.payload) for event in at_once} == {
        (event.key, event.payload) for event in events
    }


@given(st.integers(0, 8), st.sampled_from(["payload", "receiver", "position", "portal_id", "key"]))
def test_an_altered_column_is_noticed(seed: int, column: str) -> None:
    rows, _ = place(ORIGIN, seed, [new(f"webhook:{seed}")], {})
    value = getattr(rows[0], column)

    changed: dict[str, Any] = {column: value + (1 if isinstance(value, int) else "x")}
    altered = rows[0]._replace(**changed)

    assert not integrity.differences(rows[0])
    assert integrity.differences(altered)
