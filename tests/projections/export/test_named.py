"""Of a chat's users, those who were there, wrote or reacted are shown; of its events, all."""

from collections.abc import Sequence

import pytest

from eventstore.store import Store
from projections.export.named import named_by
from projections.export.names import TableName
from projections.export.rows import Sources
from projections.export.selection import Piece
from projections.export.wanted import Wanted
from projections.facts import Fact, Kind, profile
from projections.tables import ProfileRow
from projections.view import View
from tests.projections.contradictions import made_of
from tests.projections.export.test_increments import increment
from tests.projections.factories import fact

ANN = profile("user", 41, ("name", "Ann"))
WITNESS = profile("user", 912, ("kind", "bot"))
PROFILES = [ProfileRow(1, *ANN), ProfileRow(1, *WITNESS)]
ELSEWHERE = fact("message_posted", message_id=9, chat_id=8, user_profile=ANN.id)
POSTED = fact("message_posted", position=2, user_id=58)

LATER = fact("message_edited", 600, position=4, text="b", user_id=58)


async def named(
    store: Store, facts: Sequence[Fact], *, name: TableName = "users", position: int = 9
) -> set[int]:
    """What chat 7 names, as it is known at a position."""
    store.prepare()
    async with (
        made_of(store.generation(1), facts, PROFILES) as session,
        session.moment(),
    ):
        piece = Piece(name, 0, 0, 9)
        found = await named_by(Sources(session, session, 1), [7], piece, View(position))
    return {*(found or ())}


async def test_who_wrote_is_named(fresh: Store) -> None:
    assert await named(fresh, [ELSEWHERE, POSTED]) == {58}


async def test_who_is_only_said_to_be_the_author_is_named(fresh: Store) -> None:
    reacted = fact("reaction_added", user_id=58, code="like", seen={"author": 41})

    assert await named(fresh, [reacted]) == {41, 58}


async def test_who_joined_and_never_wrote_is_named(fresh: Store) -> None:
    assert await named(fresh, [fact("member_joined", message_id=None)]) == {41}


async def test_who_reacted_where_nobody_said_the_chat_is_named(fresh: Store) -> None:
    reacted = fact("reaction_added", chat_id=None, position=3, code="like")

    assert await named(fresh, [POSTED, reacted]) == {41, 58}
    assert await named(fresh, [POSTED, reacted], position=2) == {58}
    assert await named(fresh, [POSTED, reacted, LATER], position=3) == {41, 58}


async def test_who_is_named_where_a_message_was_said_to_be_stays_named_there(
    fresh: Store,
) -> None:
    edited = fact("message_edited", text="a", user_id=58)
    posted = fact("message_posted", position=2, chat_id=8, user_id=58)

    assert await named(fresh, [edited, posted], position=1) == {58}
    assert await named(fresh, [edited, posted]) == set()
    assert await named(fresh, [edited, posted, LATER], position=2) == set()


async def test_the_events_of_a_chat_are_those_that_tell_of_it(fresh: Store) -> None:
    facts = [ELSEWHERE, POSTED, fact("reaction_added", position=5, code="like")]

    assert await named(fresh, facts, name="events") == {2, 5}
    assert await named(fresh, facts, name="events", position=4) == {2}


@pytest.mark.parametrize("kind", ["message_edited", "member_joined"])
async def test_who_is_named_from_now_on_is_in_the_increment(fresh: Store, kind: Kind) -> None:
    """Nothing else is new of them."""
    fresh.prepare()
    facts = [ELSEWHERE, fact(kind, position=2)]
    async with made_of(fresh.generation(1), facts, PROFILES) as session:
        wanted = Wanted(portal="acme", format="csv", tables=("users",), chats=(7,))

        ((user_id, name, *_, op),) = await increment(session, wanted, 2, 2)

    assert (user_id, name, op) == (41, "Ann", "upsert")


async def test_a_chat_that_is_called_otherwise_is_in_the_increment(fresh: Store) -> None:
    fresh.prepare()
    kitchen, hall = (profile("chat", 7, ("title", title)) for title in ("Kitchen", "Hall"))
    facts = [
        fact("message_posted", chat_profile=kitchen.id),
        fact("reaction_added", 60, position=2, chat_profile=hall.id),
    ]
    profiles = [*PROFILES, ProfileRow(1, *kitchen), ProfileRow(1, *hall)]
    async with made_of(fresh.generation(1), facts, profiles) as session:
        wanted = Wanted(portal="acme", format="csv", tables=("chats",))

        ((chat_id, title, *_, op),) = await increment(session, wanted, 2, 2)

    assert (chat_id, title, op) == (7, "Hall", "upsert")
