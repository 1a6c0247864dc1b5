"""Orphans: what points to a message that nobody told of."""

from collections.abc import AsyncIterator

import pytest

from eventstore.database import Session
from eventstore.store import Store
from projections.derive import Derived
from projections.facts import Fact, Kind
from projections.generations import create
from projections.messages import message_rows
from projections.orphans import OrphanRow, orphan_rows
from projections.project import record
from projections.read.now import Now
from projections.read.orphans import Orphans
from projections.refold import refold, touched_by
from tests.projections.factories import fact


def rows(*facts: Fact) -> tuple[OrphanRow, ...]:
    folded = message_rows(facts).message
    assert folded is not None
    return orphan_rows(facts, folded)


@pytest.mark.parametrize(
    ("kinds", "orphaned"),
    [
        (["message_posted", "message_edited"], False),
        (["message_edited"], True),
        (["message_deleted"], True),
        (["reaction_added"], True),
        (["message_observed", "reaction_added"], False),
    ],
)
def test_a_message_that_nobody_saw_as_it_was_created_is_one(
    kinds: list[Kind], *, orphaned: bool
) -> None:
    found = rows(*(fact(kind, text="so", code="like") for kind in kinds))

    assert found == ((OrphanRow(1, 5, "creation", 7, 5),) if orphaned else ())


def test_a_reply_may_be_one() -> None:
    original = {"message_id": 3, "author_id": None, "text": None}

    assert rows(fact("message_posted", text="so", seen={"reply_to": original})) == (
        OrphanRow(1, 5, "reply", 7, 3),
    )


@pytest.fixture
async def session(fresh: Store) -> AsyncIterator[Session]:
    """Five messages of two chats: 1 and 3 are only known as deleted, 2, 4 and 5 reply to others."""
    fresh.prepare()
    facts = [
        fact("message_deleted", message_id=1, position=1),
        _reply(2, to=1, chat_id=7),
        fact("message_deleted", message_id=3, position=3, chat_id=8),
        _reply(4, to=99, chat_id=8),
        _reply(5, to=98, chat_id=8),
    ]
    session = await fresh.generation(1).open_writer()
    await create(session, indexes=True)
    async with session.transaction():
        await record(session, Derived(facts, [], [], []))
        await refold(session, 1, touched_by(facts, []))
    yield session
    await session.close()


def _reply(message_id: int, *, to: int, chat_id: int) -> Fact:
    original = {"message_id": to, "author_id": None, "text": None}
    return fact(
        "message_posted",
        message_id=message_id,
        position=message_id,
        chat_id=chat_id,
        text="yes",
        seen={"reply_to": original},
    )


async def test_those_of_a_chat_and_of_a_portal_the_newest_first(session: Session) -> None:
    reader = Now(session, 1, 9)

    assert await reader.orphans(7) == Orphans([1], [])
    assert await reader.orphans(8) == Orphans([3], [5, 4])
    assert await reader.orphans(None) == Orphans([3, 1], [5, 4])
    assert await Now(session, 2, 9).orphans(None) == Orphans([], [])


async def test_of_very_many_the_newest_are_looked_at(session: Session) -> None:
    replies = [_reply(1_000 + number, to=1, chat_id=9) for number in range(2_000)]
    older = _reply(999, to=77, chat_id=9)
    async with session.transaction():
        await record(session, Derived([older, *replies], [], [], []))
        await refold(session, 1, touched_by([older, *replies], []))

    assert await Now(session, 1, 9).orphans(9) == Orphans([], [])
