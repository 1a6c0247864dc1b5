"""The log: contiguous positions, idempotent keys, rows that nobody can change."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from itertools import count
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventstore import integrity
from eventstore.appender import Appender
from eventstore.database import Pool
from eventstore.envelope import Receiving, events_of, webhook
from eventstore.errors import StoreUnavailable, UnreadableBody
from eventstore.event import Event, NewEvent, StoredEvent
from eventstore.folder import Folder
from eventstore.log import (
    Known,
    Origin,
    Outcome,
    Pending,
    events_at,
    heads,
    page,
    place,
    stored_at,
    stored_page,
)
from eventstore.redaction import Fingerprints
from eventstore.store import Store
from tests.engines import step_aside
from tests.eventstore.factories import ORIGIN, OTHER, new

FINGERPRINTS = Fingerprints(b"k" * 32)

_portal_ids = count(100)
"""Examples of one test share a database: each has a portal of its own."""


async def everything(pool: Pool, portal_id: int = 1) -> list[Event]:
    """Read a whole log, and check what must hold of any log at any time."""
    async with pool.reading() as session:
        found = await page(session, portal_id, after=0, limit=10_000)
        stored = await stored_page(session, portal_id, after=0, limit=10_000)
        head = (await heads(session)).get(portal_id, 0)
    assert [event.position for event in found] == list(range(1, len(found) + 1))
    assert head == len(found)
    assert stored == [as_stored(event) for event in found]
    assert not [place for event in stored for place in integrity.differences(event)]
    return found


def of(event: NewEvent, origin: Origin = ORIGIN) -> Pending:
    return Pending(origin, event)


def as_stored(event: Event) -> StoredEvent:
    """Give an event as it is proved."""
    return StoredEvent._make(
        value.encode() if name == "payload" else value for name, value in event._asdict().items()
    )


def as_sent(events: Sequence[Event]) -> list[NewEvent]:
    """Return what was appended, without what the log added."""
    return [NewEvent._make(event[2:10]) for event in events]


async def test_events_are_read_as_they_were_appended(appender: Appender, reading: Pool) -> None:
    events = [
        new("webhook:1", "Tomás ✅ \0 \U0001f680"),
        new("fetch:9", sequence=2**63 - 1, sent_at=-1, receiver="user:58", source="fetch"),
        new("import:a", received_at=-(2**53), event_type="ОНИМ", source="import"),
    ]

    outcomes = await appender.append_all([of(event) for event in events])

    assert outcomes == [Outcome("appended", number) for number in (1, 2, 3)]
    assert as_sent(await everything(reading)) == events


async def test_each_portal_counts_for_itself(appender: Appender, reading: Pool) -> None:
    outcomes = await appender.append_all(
        [of(new("a")), of(new("a"), OTHER), of(new("b"), OTHER), of(new("b"))]
    )

    assert [outcome.position for outcome in outcomes] == [1, 1, 2, 2]
    assert len(await everything(reading, 1)) == len(await everything(reading, 2)) == 2


async def test_a_known_key_adds_nothing(appender: Appender, reading: Pool) -> None:
    await appender.append_all([of(new("fetch:7", sequence=7))])

    again = await appender.append_all(
        [of(new("fetch:7", sequence=7)), of(new("fetch:8", sequence=8))]
    )

    assert again == [Outcome("duplicate", 1), Outcome("appended", 2)]
    assert len(await everything(reading)) == 2


async def test_a_batch_of_known_keys_adds_nothing(appender: Appender, reading: Pool) -> None:
    await appender.append_all([of(new("fetch:7")), of(new("fetch:8"))])

    again = await appender.append_all([of(new("fetch:8")), of(new("fetch:7"))])

    assert again == [Outcome("duplicate", 2), Outcome("duplicate", 1)]
    assert len(await everything(reading)) == 2


async def test_a_key_repeated_within_a_batch_adds_nothing(
    appender: Appender, reading: Pool
) -> None:
    assert await appender.append_all([of(new("fetch:7")), of(new("fetch:7"))]) == [
        Outcome("appended", 1),
        Outcome("duplicate", 1),
    ]
    assert len(await everything(reading)) == 1


async def test_other_content_under_a_known_key_is_kept_beside_it(
    appender: Appender, reading: Pool
) -> None:
    await appender.append_all([of(new("fetch:7", "one"))])

    first = await appender.append_all([of(new("fetch:7", "two")), of(new("fetch:7", "two"))])
    second = await appender.append_all([of(new("fetch:7", "two"))])

    assert first == [Outcome("conflict", 2), Outcome("duplicate", 2)]
    assert second == [Outcome("duplicate", 2)]
    stored = await everything(reading)
    assert stored[1].key.startswith("fetch:7~")
    assert json.loads(stored[1].payload)["data"]["text"] == "two"


async def test_counters_of_the_bot_and_rotated_fingerprints_are_no_conflict(
    appender: Appender,
) -> None:
    def item(count: int, token: str) -> NewEvent:
        data = {"bot": {"id": 9, "countMessage": count}, "auth": f"redacted:1:{token * 32}"}
        return new("fetch:7", payload=json.dumps({"data": data}))

    await appender.append_all([of(item(1, "a"))])

    assert await appender.append_all([of(item(2, "b"))]) == [Outcome("duplicate", 1)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET payload = '{}'",
        "UPDATE event SET payload = NULL, salt = NULL",
        "UPDATE event SET receiver = 'user:1'",
        "UPDATE event SET position = 9",
        "UPDATE event SET leaf = commitment",
        "DELETE FROM event",
        "DELETE FROM log_head",
        "UPDATE log_head SET position = 0",
        "UPDATE log_head SET portal_id = 9",
    ],
)
async def test_nothing_that_is_in_the_log_can_be_changed(
    store: Store, appender: Appender, reading: Pool, statement: str
) -> None:
    await appender.append_all([of(new())])
    before = await everything(reading)
    session = await store.log.open_writer()
    await step_aside(session)

    with pytest.raises((sqlite3.IntegrityError, asyncpg.RaiseError), match="the log is immutable"):
        await session.execute(statement)

    await session.close()
    assert await everything(reading) == before


async def test_events_are_found_by_their_positions(appender: Appender, reading: Pool) -> None:
    await appender.append_all([of(new(f"webhook:{number}")) for number in range(5)])

    async with reading.reading() as session:
        found = await events_at(session, 1, [4, 2, 99])
        stored = await stored_at(session, 1, [4, 2, 99])

    assert [event.position for event in found] == [2, 4]
    assert stored == [as_stored(event) for event in found]


async def test_a_page_begins_behind_a_position_and_ends_at_its_limit(
    appender: Appender, reading: Pool
) -> None:
    await appender.append_all([of(new(f"webhook:{number}")) for number in range(5)])
    await appender.append_all([of(new("webhook:0"), OTHER)])

    async with reading.reading() as session:
        found = await page(session, 1, after=2, limit=2)

    assert [(event.portal_id, event.position) for event in found] == [(1, 3), (1, 4)]


async def test_a_log_that_is_gone_is_an_error_not_an_empty_log(fresh: Store) -> None:
    pool = Pool(fresh.log, 1)

    with pytest.raises(StoreUnavailable):
        async with pool.reading() as session:
            await page(session, 1, after=0, limit=1)

    await pool.close()
    assert not await fresh.log.exists()


async def test_a_follower_misses_nothing_however_many_append(store: Store, reading: Pool) -> None:
    """On SQLite one process appends, over one connection; on PostgreSQL as many as like to."""
    doors = [await store.open_appender() for _ in range(1 if isinstance(store, Folder) else 4)]
    each = 400 // len(doors)
    followed: list[Event] = []

    async def write(door: Appender, number: int) -> None:
        for index in range(0, each, 5):
            keys = [f"webhook:{number}:{index + more}" for more in range(5)]
            await asyncio.gather(*(door.append(ORIGIN, new(key)) for key in keys))

    async def follow() -> None:
        async with asyncio.timeout(60):
            while len(followed) < 400:
                after = followed[-1].position if followed else 0
                async with reading.reading() as session:
                    followed.extend(await page(session, 1, after=after, limit=1_000))

    await asyncio.gather(follow(), *(write(door, number) for number, door in enumerate(doors)))

    for door in doors:
        await door.close()
    assert followed == await everything(reading)
    assert len({event.key for event in followed}) == 400


_keys = st.sampled_from(["fetch:1", "fetch:2", "webhook:3"])
_events = st.lists(st.builds(new, _keys, st.sampled_from(["a", "b", "c"])), max_size=12)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_events, max_size=5))
async def test_the_log_keeps_what_placing_decides(
    appender: Appender, reading: Pool, batches: list[list[NewEvent]]
) -> None:
    """The pure decision of all batches at once is what the database makes of one by one."""
    origin = Origin(next(_portal_ids), b"k" * 32)

    outcomes = [
        outcome
        for batch in batches
        for outcome in await appender.append_all([of(event, origin) for event in batch])
    ]

    sent = [event for batch in batches for event in batch]
    expected, decided = place(origin, 0, sent, {})
    assert outcomes == decided
    assert as_sent(await everything(reading, origin.portal_id)) == as_sent(expected)


_text = st.text(st.characters(), max_size=20)
_tree = st.recursive(
    st.none() | st.booleans() | st.integers() | _text,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(_text, below, max_size=3),
    max_leaves=5,
)
_sent = st.fixed_dictionaries(
    {"event": _text | st.just("ONIMBOTMESSAGEADD"), "data": _tree},
    optional={"ts": st.integers() | _text, "auth": _tree},
) | st.fixed_dictionaries(
    {"eventId": st.integers(0, 2**64), "type": _text | st.just("ONIMBOTV2MESSAGEADD")},
    optional={"data": st.fixed_dictionaries({"bot": st.fixed_dictionaries({"id": _tree})})},
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_sent)
async def test_whatever_can_be_read_can_be_kept(
    appender: Appender, reading: Pool, sent: dict[str, Any]
) -> None:
    """NUL and lone surrogates, which PostgreSQL takes in no text, are decided before any engine."""
    origin = Origin(next(_portal_ids), b"k" * 32)
    try:
        if "eventId" in sent:
            (event,) = events_of(sent, Receiving(1, FINGERPRINTS, b"p" * 32, "fetch"))
        else:
            event = webhook(sent, delivery_id="1", received_at=1, fingerprints=FINGERPRINTS)
    except UnreadableBody:
        return
    assert isinstance(event, NewEvent)

    outcome = await appender.append(origin, event)

    assert outcome == Outcome("appended", 1)
    assert as_sent(await everything(reading, origin.portal_id)) == [event]


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

    assert not integrity.differences(as_stored(rows[0]))
    assert integrity.differences(as_stored(altered))
