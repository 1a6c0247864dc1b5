"""Searching finds exactly what a look through all texts would, on both engines."""

from collections.abc import AsyncIterator, Collection, Iterable
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventstore.catalog import Catalog
from eventstore.database import Session
from eventstore.store import Store
from projections.facts import Fact, Kind
from projections.generations import create
from projections.messages import VersionRow
from projections.read import search
from projections.read.search import FIRST, LAST, HitKey, Wanted, hits
from projections.readmodels import MESSAGE, fold_message
from projections.rebuild import rebuild
from projections.search.message_words import Standing
from projections.search.terms import says, terms_of
from projections.search.words import words
from tests.projections.factories import fact
from tests.projections.stored import portals

STANDINGS: Final[tuple[Standing, ...]] = ("current", "deleted", "superseded")

TEXTS: Final = st.lists(
    st.sampled_from(["red", "Red", "[b]re[/b]d", "fox", "ёж", "еж", "foxes", "👍", "1xred"]),
    max_size=4,
).map(" ".join)
QUERIES: Final = st.sampled_from(
    ["red", "fox", "fo*", '"red fox"', "red fox", "ЕЖ", "1x*", "red*", '"red red"', "f* r*"]
)
LIVES: Final = st.lists(
    st.tuples(st.lists(TEXTS, min_size=1, max_size=3), st.booleans()), min_size=1, max_size=6
)


def told(message_id: int, said: Collection[str], *, deleted: bool) -> Iterable[Fact]:
    """What a queue tells of a message that said these texts, one after the other."""
    of: dict[str, Any] = {"message_id": message_id, "chat_id": 7 + message_id % 2, "portal_id": 1}
    for place, text in enumerate(said):
        kind: Kind = "message_edited" if place else "message_posted"
        yield fact(kind, place, text=f"{text} {place}", sequence=place, **of)
    if deleted:
        yield fact("message_deleted", 99, sequence=99, **of)


@pytest.fixture
async def session(fresh: Store) -> AsyncIterator[Session]:
    """A generation with its indexes, and nothing in it."""
    fresh.prepare()
    session = await fresh.generation(9).open_writer()
    await create(session, indexes=True)
    yield session
    await session.close()


async def keep(session: Session, lives: Collection[tuple[Collection[str], bool]]) -> list[Any]:
    """Write the rows of messages in place of all there are; return their words' rows."""
    kept = []
    for table in MESSAGE.tables:
        await session.run(table.delete().where(table.c.portal_id == 1))
    for message_id, (said, deleted) in enumerate(lives):
        folded = fold_message([*told(message_id, said, deleted=deleted)])
        for table, rows in zip(MESSAGE.tables, folded, strict=True):
            await session.insert(table, rows)
        kept += [
            (version, "deleted" if deleted else "current")
            if version.version == len(folded[1])
            else (version, "superseded")
            for version in map(VersionRow._make, folded[1])
        ]
    return kept


def naive(
    kept: Iterable[tuple[VersionRow, str]], query: str, where: Collection[str]
) -> list[HitKey]:
    """Look through all texts."""
    return [
        HitKey(version.message_id, version.version)
        for version, standing in kept
        if standing in where and says(words(version.text), terms_of(query))
    ]


@given(
    lives=LIVES,
    query=QUERIES,
    where=st.sets(st.sampled_from(STANDINGS), min_size=1),
    few=st.booleans(),
    descending=st.booleans(),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_search_finds_what_a_look_through_all_texts_does(  # noqa: PLR0913, PLR0917
    session: Session,
    lives: list[tuple[list[str], bool]],
    query: str,
    where: set[Standing],
    few: bool,  # noqa: FBT001 - drawn
    descending: bool,  # noqa: FBT001 - drawn
) -> None:
    """Whether what has the words is put in order, or met on a walk, and in either order."""
    kept = await keep(session, lives)
    wanted = Wanted(terms_of(query), where, {})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(search, "_FEW", 10 if few else 0)

        found: list[HitKey] = []
        key = LAST if descending else FIRST
        while page := await hits(session, 1, wanted, key=key, descending=descending, limit=2):
            found += [hit.key for hit in page]
            key = page[-1].key
        counted = await search.count(session, 1, wanted, most=99)

    assert found == sorted(naive(kept, query, where), reverse=descending)
    assert counted == len(found)


@pytest.mark.parametrize("few", [0, 10])
async def test_filters_narrow_a_search_however_it_is_done(
    session: Session, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_FEW", few)
    await keep(session, [(["red"], False), (["red", "red fox"], False), (["red"], False)])

    async def ids(**filters: Any) -> list[int]:
        wanted = Wanted(terms_of("red"), ["current"], filters)
        found = await hits(session, 1, wanted, key=FIRST, descending=False, limit=9)
        assert await search.count(session, 1, wanted, most=99) == len(found)
        return [hit.message.message_id for hit in found]

    assert await ids(chat=7) == [0, 2]
    assert await ids(chat=8, author=41) == [1]
    assert await ids(author=40) == []
    assert await ids(has_edit=True) == [1]


async def test_what_is_found_live_is_found_after_a_rebuild(fresh: Store, catalog: Catalog) -> None:
    one, _ = await portals(catalog)

    async def found(number: int) -> list[tuple[HitKey, str]]:
        session = await fresh.generation(number).open_reader()
        try:
            wanted = Wanted(terms_of("a*"), STANDINGS, {})
            page = await hits(session, one.id, wanted, key=FIRST, descending=False, limit=500)
        finally:
            await session.close()
        return [(hit.key, hit.standing) for hit in page]

    live = await found(1)
    await rebuild(fresh, catalog, lambda _done, _total: None)

    assert live
    assert await found(2) == live
