"""Which rows have which words: the same on both engines, and whatever the words are."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, bindparam, select

from eventstore.database import Place, Session, Sought, found_by, searched, strpos, text
from eventstore.store import Store

METADATA: Final = MetaData()
THING: Final = searched(
    Table(
        "thing",
        METADATA,
        Column("portal_id", Integer, primary_key=True),
        Column("id", BigInteger, primary_key=True),
        Column("words", text(), nullable=False),
    ),
    "words",
)
FOUND: Final = (
    select(THING.c.id)
    .where(THING.c.portal_id == bindparam("portal_id"), found_by(THING))
    .order_by(THING.c.id)
)
CONTAINING: Final = (
    select(THING.c.id)
    .where(
        THING.c.portal_id == bindparam("portal_id"),
        strpos(THING.c.words, bindparam("needle")) > 0,
    )
    .order_by(THING.c.id)
)
WORDS: Final = st.text(
    st.characters(categories=["L", "N"], exclude_characters="ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    min_size=1,
    max_size=6,
)


async def made(place: Place, rows: Iterable[Sequence[Any]], *, bulk: bool = False) -> Session:
    """Make the table with some rows; in `bulk`, its index is made when they are there."""
    session = await place.open_writer()
    await session.create(METADATA, indexes=not bulk)
    async with session.transaction():
        await session.insert(THING, [tuple(row) for row in rows])
    if bulk:
        await session.create_indexes([THING])
    return session


async def found(
    session: Session, *words: str, begins: bool = False, most: int = 9, portal_id: int = 1
) -> list[int]:
    sought = Sought((word, begins) for word in words)
    rows = await session.rows(FOUND, portal_id=portal_id, sought=sought, most=most)
    return [row[0] for row in rows]


async def test_a_row_is_found_by_all_of_its_words(store: Store) -> None:
    session = await made(store.generation(9), [(1, 1, "red fox"), (1, 2, "red dog"), (1, 3, "fo")])

    assert await found(session, "red") == [1, 2]
    assert await found(session, "fox", "red") == [1]
    assert await found(session, "cat") == []
    await session.close()


async def test_a_row_is_found_by_the_beginning_of_a_word(store: Store) -> None:
    session = await made(store.generation(9), [(1, 1, "red fox"), (1, 2, "red dog"), (1, 3, "fo")])

    assert await found(session, "fo", begins=True) == [1, 3]
    assert await found(session, "ox", begins=True) == []
    await session.close()


async def test_no_more_rows_are_found_than_were_asked_for(store: Store) -> None:
    rows = [(1, number, "red fox") for number in range(5)]
    session = await made(store.generation(9), rows, bulk=True)

    assert len(await found(session, "red", most=3)) == 3
    await session.close()


async def test_only_rows_of_the_portal_are_found(store: Store) -> None:
    session = await made(store.generation(9), [(1, 1, "red"), (2, 1, "red")])

    assert await found(session, "red", portal_id=2) == [1]
    assert await found(session, "red", portal_id=3) == []
    await session.close()


async def test_what_was_deleted_is_found_no_more(store: Store) -> None:
    session = await made(store.generation(9), [(1, 1, "red"), (1, 2, "red")], bulk=True)

    await session.run(THING.delete().where(THING.c.portal_id == 1, THING.c.id == 1))

    assert await found(session, "red") == [2]
    await session.close()


async def test_a_row_in_the_place_of_a_deleted_one_has_its_own_words(store: Store) -> None:
    session = await made(store.generation(9), [(1, 1, "red")])

    await session.run(THING.delete().where(THING.c.portal_id == 1))
    await session.insert(THING, [(1, 2, "blue")])

    assert await found(session, "red") == []
    assert await found(session, "blue") == [2]
    await session.close()


async def test_a_text_is_looked_for_within_another(store: Store) -> None:
    session = await made(store.generation(9), [(1, 1, "100%_x"), (1, 2, "1000 x")])

    assert [row[0] for row in await session.rows(CONTAINING, portal_id=1, needle="0%_")] == [1]
    await session.close()


@given(rows=st.lists(st.lists(WORDS, min_size=1, max_size=4), min_size=1, max_size=6), bulk=...)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_letters_a_word_has_it_is_found_whole(
    store: Store, rows: list[list[str]], *, bulk: bool
) -> None:
    place = store.generation(9)
    await place.remove()
    said = [(1, number, " ".join(words)) for number, words in enumerate(rows)]
    session = await made(place, said, bulk=bulk)
    try:
        for word in {word for words in rows for word in words}:
            assert await found(session, word) == [at for at, of in enumerate(rows) if word in of]
            assert await found(session, word[0], begins=True) == [
                at for at, of in enumerate(rows) if any(each.startswith(word[0]) for each in of)
            ]
    finally:
        await session.close()
