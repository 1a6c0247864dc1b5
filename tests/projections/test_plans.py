"""What runs for every event, or for a page, is answered from indexes, however much there is."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import pytest
from sqlalchemy.sql.base import Executable

from eventstore import log
from eventstore.database import Pairs, Place, Row, Session, Sought
from eventstore.folder import Folder
from eventstore.migrations import ensure
from eventstore.postgres_store import PostgresStore
from eventstore.store import Store
from projections import project, refold
from projections.export import increments, rows, touched
from projections.generations import prepare_generation
from projections.read import (
    changes,
    chats,
    coverage,
    members,
    messages,
    names,
    orphans,
    provenance,
    reactions,
    search,
    undecoded,
    users,
)
from projections.read.beside import beside
from projections.read.then import facts
from projections.read.then.reader import Then
from projections.readmodels import READ_MODELS
from projections.reconcile import known
from projections.view import View
from tests.postgresql.databases import Databases
from tests.projections.plans import (
    Searches,
    fill,
    generic_searches,
    postgresql_searches,
    sqlite_searches,
)

SOME: Final = list(range(20))
PAIRS: Final = Pairs((n, n + 1) for n in SOME)

Explained = Callable[[Session, Executable, dict[str, Any]], Awaitable[Searches]]


class Hot(NamedTuple):
    """A statement that runs for every event, and the columns by which it finds its rows."""

    statement: Executable
    values: dict[str, Any]
    searched: Searches


def hot(statement: Executable, *searched: tuple[str, tuple[str, ...]], **values: Any) -> Hot:
    return Hot(statement, {"portal_id": 1, **values}, list(searched))


# The statements themselves are what is tested.
STATEMENTS: Final = {
    "known keys": hot(log.KNOWN, ("event", ("portal_id", "key")), keys=[f"text {n}" for n in SOME]),
    "events to project": hot(
        log._PAGE,  # noqa: SLF001
        ("event", ("portal_id", "position")),
        after=17,
        limit=256,
    ),
    "events that their keys do not find": hot(
        log._ASTRAY,  # noqa: SLF001
        ("event", ("portal_id", "position", "position")),
        ("event", ("portal_id", "key")),
        after=17,
        upto=2_000,
    ),
    "how far a portal is": hot(project._TAKE, ("checkpoint", ("portal_id",))),  # noqa: SLF001
    "facts of messages": hot(
        refold._FACTS,  # noqa: SLF001
        ("fact", ("portal_id", "message_id")),
        keys=SOME,
    ),
    "joins and leaves": hot(
        refold._MEMBERS,  # noqa: SLF001
        ("fact", ("portal_id", "chat_id", "user_id")),
        keys=PAIRS,
    ),
    "presence": hot(
        refold._PRESENCE,  # noqa: SLF001
        ("span", ("portal_id", "subject", "subject_id", "user_id")),
        keys=PAIRS,
    ),
    "facts of some positions": hot(
        changes._NEWS,  # noqa: SLF001
        ("fact", ("portal_id", "position", "position")),
        after=17,
        upto=500,
    ),
    "what was told of messages before": hot(
        changes._OF_MESSAGES,  # noqa: SLF001
        ("fact", ("portal_id", "message_id")),
        keys=SOME,
    ),
    "joins and leaves before": hot(
        changes._MEMBER_FACTS,  # noqa: SLF001
        ("fact", ("portal_id", "chat_id", "user_id")),
        keys=PAIRS,
    ),
    "messages that a page should have": hot(
        known._LIVE,  # noqa: SLF001
        ("message", ("portal_id", "chat_id", "message_id", "message_id")),
        chat_id=7,
        begin=10,
        end=90,
    ),
    "members that a list should have": hot(
        known._MEMBERS,  # noqa: SLF001
        ("membership", ("portal_id", "chat_id")),
        chat_id=7,
    ),
    "what was read of a chat": hot(
        known._READINGS,  # noqa: SLF001
        ("fact", ("portal_id", "chat_id")),
        chat_id=7,
        witness="user:27",
    ),
    "what chats were ever called": hot(
        names._SEEN_AS,  # noqa: SLF001
        ("span", ("portal_id", "subject", "subject_id")),
        ("profile", ("portal_id", "id")),
        subject="chat",
        subject_ids=SOME,
    ),
    "when chats were seen": hot(
        names._SPANS,  # noqa: SLF001
        ("span", ("portal_id", "subject", "subject_id")),
        subject="chat",
        subject_ids=SOME,
        after=17,
    ),
    "spans": hot(
        refold._SPANS,  # noqa: SLF001
        ("span", ("portal_id", "subject", "subject_id")),
        ("profile", ("portal_id", "id")),
        subject="chat",
        keys=SOME,
    ),
    "messages that some positions touch": hot(
        touched._STATEMENTS["message"],  # noqa: SLF001
        ("fact", ("portal_id", "position", "position")),
        first=17,
        last=500,
        after=-1,
        upto=2**63 - 1,
    ),
    "members that some positions touch": hot(
        touched._STATEMENTS["members"],  # noqa: SLF001
        ("fact", ("portal_id", "position", "position")),
        first=17,
        last=500,
        after=-1,
        upto=2**63 - 1,
    ),
    "how long messages were told of": hot(
        increments._ENDS,  # noqa: SLF001
        ("message", ("portal_id", "message_id")),
        message_ids=SOME,
    ),
    "facts of messages in a view": hot(
        facts._OF_MESSAGES,  # noqa: SLF001
        ("fact", ("portal_id", "message_id")),
        message_ids=SOME,
        view_position=10**9,
        view_time=2**62,
    ),
    "joins and leaves in a view": hot(
        rows._MEMBER_FACTS,  # noqa: SLF001
        ("fact", ("portal_id", "chat_id", "user_id")),
        pairs=PAIRS,
        view_position=10**9,
        view_time=2**62,
    ),
    **{
        f"{model.name}, deletion {number}": hot(
            deletion,
            (table.name, ("portal_id", *model.key)),
            keys=model.parameter(PAIRS if len(model.key) == 2 else SOME),
        )
        for model in READ_MODELS
        for number, (table, deletion) in enumerate(zip(model.tables, model.deletions, strict=True))
    },
}


def searched(*filters: str, few: bool, descending: bool = False) -> search.Shape:
    return search.Shape(2, frozenset(filters), few, descending)


BY_KEY: Final = ("portal_id", "message_id")
IN_CHAT: Final = ("message", ("portal_id", "chat_id", "message_id"))
VERSION_BY_KEY: Final = ("message_version", (*BY_KEY, "version"))
SEARCHES: Final[dict[str, tuple[search.Shape, Searches]]] = {
    "a search that finds few": (
        searched(few=True),
        [("message_words", ("rowid",)), ("message_words_found", ()), ("message", BY_KEY)],
    ),
    "few in a chat": (
        searched("chat", few=True, descending=True),
        [("message_words", ("rowid",)), ("message_words_found", ()), IN_CHAT],
    ),
    "a search that finds many": (
        searched(few=False),
        [("message_words", ("portal_id",)), ("message", BY_KEY)],
    ),
    "many in a chat": (
        searched("chat", few=False, descending=True),
        [IN_CHAT, ("message_words", BY_KEY)],
    ),
    "many of an author": (
        searched("author", "has_file", few=False),
        [("message", ("portal_id", "author_id", "message_id")), ("message_words", BY_KEY)],
    ),
}
"""How a search is done, and by which columns SQLite finds the rows of which tables, in turn."""

SOUGHT: Final[dict[str, Any]] = {
    "portal_id": 1,
    "sought": Sought([("1xred", False), ("1xfo", True)]),
    "most": 9,
    "standings": ["current"],
    "needle_0": " 1xred ",
    "needle_1": " 1xfo",
    "key_message": 7,
    "key_version": 1,
    "chat": 7,
    "author": 7,
    "limit": 9,
}


async def latest_chats(session: Session, of_type: str | None) -> object:
    return await chats.latest(session, 1, of_type=of_type, key=chats.LATEST, limit=9)


def then(session: Session) -> Then:
    return Then(session, 1, View(9, 99), newest=99)


async def some_messages(session: Session, **filters: Any) -> object:
    return await messages.among(session, 1, filters, key=0, limit=9)


SMALL: Final = {"watch"}
"""Tables of a few rows a portal, which are all asked for: PostgreSQL may read them whole."""

READS: Final[dict[str, Callable[[Session], Awaitable[object]]]] = {
    "a message": lambda it: messages.one(it, 1, 7),
    "newer messages": lambda it: messages.newer(it, 1, 7, key=1, began_at=9, limit=9),
    "older messages": lambda it: messages.older(it, 1, 7, key=1, began_at=9, limit=9),
    "messages": some_messages,
    "messages of a chat": lambda it: some_messages(it, chat=7),
    "messages of an author": lambda it: some_messages(it, author=7),
    "messages of a time": lambda it: some_messages(it, **{"from": 7, "to": 99}),
    "messages of a state": lambda it: some_messages(it, state="deleted"),
    "versions": lambda it: messages.versions(it, 1, 7, began_at=9, skip=1, limit=9),
    "quoted messages": lambda it: messages.quoted(it, 1, SOME),
    "beside messages": lambda it: beside(it, 1, SOME, user_ids=SOME, chat_ids=SOME),
    "reactions": lambda it: reactions.intervals(it, 1, 7, held=False, key=reactions.FIRST, limit=9),
    "provenance": lambda it: provenance.positions(it, 1, 7, after=0, view=View(9), limit=9),
    "latest chats": lambda it: latest_chats(it, None),
    "latest chats of a type": lambda it: latest_chats(it, "chat"),
    "a chat": lambda it: chats.one(it, 1, 7),
    "versions of a chat": lambda it: chats.versions(it, 1, 7),
    "members": lambda it: members.intervals(it, 1, 7, current=True, key=members.FIRST, limit=9),
    "a user": lambda it: users.one(it, 1, 7),
    "names": lambda it: users.names(it, 1, SOME),
    "versions of a user": lambda it: users.versions(it, 1, 7),
    "a message as of a moment": lambda it: then(it).message(7),
    "newer messages as of a moment": lambda it: then(it).newer(7, key=1, limit=9),
    "messages of an author as of a moment": lambda it: then(it).among(
        {"author": 7}, key=1, limit=9
    ),
    "messages of a time as of a moment": lambda it: then(it).among(
        {"from": 7, "to": 99}, key=1, limit=9
    ),
    "a chat as of a moment": lambda it: then(it).chat(7),
    "latest chats as of a moment": lambda it: then(it).chats(
        of_type=None, key=chats.LATEST, limit=9
    ),
    "members as of a moment": lambda it: then(it).members(
        7, current=True, key=members.FIRST, limit=9
    ),
    "names as of a moment": lambda it: then(it).names(SOME),
    "how queues were watched": lambda it: coverage.watches(it, 1),
    "how a chat was seen": lambda it: coverage.evidence(it, 1, 7, 9, since=0),
    "how a chat was seen as of a moment": lambda it: then(it).evidence(7),
    "orphans of a portal": lambda it: orphans.orphans(it, 1, None),
    "orphans of a chat": lambda it: orphans.orphans(it, 1, 7),
    "undecoded events": lambda it: undecoded.page(it, 1, after=7, began_at=99, limit=9),
}


class Explaining:
    """A session that tells how its queries would be run, and finds nothing."""

    def __init__(self, session: Session, explained: Explained) -> None:
        self._session = session
        self._explained = explained
        self.searches: Searches = []

    async def rows(self, statement: Executable, **values: Any) -> list[Row]:
        self.searches += await self._explained(self._session, statement, values)
        return []


async def searches_of(
    place: Place, explained: Explained, read: Callable[[Session], Awaitable[object]]
) -> Searches:
    session = await place.open_reader()
    explaining = Explaining(session, explained)
    try:
        await read(cast(Session, explaining))
    finally:
        await session.close()
    return explaining.searches


def place_of(store: Store, case: Hot) -> Place:
    return store.log if case.searched[0][0] == "event" else store.generation(1)


@pytest.fixture
async def folder(tmp_path: Path) -> Folder:
    """Tables without rows: SQLite, as we use it, plans by what indexes there are."""
    folder = Folder(tmp_path)
    await ensure(folder)
    await prepare_generation(folder, 1)
    return folder


@pytest.fixture(scope="session")
def full(postgresql: Databases) -> PostgresStore:
    """Tables with enough rows, of which PostgreSQL has statistics. Nobody writes to them."""
    asyncio.run(postgresql.prepare("many_rows", fill))
    return PostgresStore(postgresql.address("many_rows"))


@pytest.mark.parametrize("case", STATEMENTS.values(), ids=STATEMENTS)
async def test_sqlite_searches_by_index(folder: Folder, case: Hot) -> None:
    session = await place_of(folder, case).open_reader()
    try:
        assert await sqlite_searches(session, case.statement, case.values) == case.searched
    finally:
        await session.close()


@pytest.mark.postgresql
@pytest.mark.parametrize("case", STATEMENTS.values(), ids=STATEMENTS)
async def test_postgresql_searches_by_index(full: PostgresStore, case: Hot) -> None:
    """Whether it plans for the values at hand, or once for all: the driver lets it choose."""
    session = await place_of(full, case).open_reader()
    try:
        known = await postgresql_searches(session, case.statement, case.values)
        any_values = await generic_searches(session, case.statement)
    finally:
        await session.close()

    assert sorted(known) == sorted(case.searched)
    assert sorted(any_values) == sorted(case.searched)


@pytest.mark.parametrize(("shape", "expected"), SEARCHES.values(), ids=SEARCHES)
async def test_sqlite_searches_texts_in_the_order_of_the_answer_or_few_of_them(
    folder: Folder, shape: search.Shape, expected: Searches
) -> None:
    session = await folder.generation(1).open_reader()
    try:
        found = await sqlite_searches(session, search.page(shape), SOUGHT)
    finally:
        await session.close()

    searched = [each for each in found if each[0] != "found"]
    assert searched[:1] == expected[:1]
    assert set(searched) == {*expected, VERSION_BY_KEY, ("message", BY_KEY)}


@pytest.mark.postgresql
@pytest.mark.parametrize(("shape", "expected"), SEARCHES.values(), ids=SEARCHES)
async def test_postgresql_searches_texts_by_index(
    full: PostgresStore, shape: search.Shape, expected: Searches
) -> None:
    """What was found by words is looked up by its place, which is no search."""
    session = await full.generation(1).open_reader()
    try:
        found = await postgresql_searches(session, search.page(shape), SOUGHT)
    finally:
        await session.close()

    assert all(columns[:1] == ("portal_id",) for _, columns in found), found


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_sqlite_finds_a_page_by_index(
    folder: Folder, read: Callable[[Session], Awaitable[object]]
) -> None:
    searches = await searches_of(folder.generation(1), sqlite_searches, read)

    assert searches
    assert all(columns[:1] == ("portal_id",) for _, columns in searches), searches


@pytest.mark.postgresql
@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_postgresql_finds_a_page_by_index(
    full: PostgresStore, read: Callable[[Session], Awaitable[object]]
) -> None:
    searches = await searches_of(full.generation(1), postgresql_searches, read)

    assert searches
    by_index = [columns for table, columns in searches if table not in SMALL]
    assert all(columns[:1] == ("portal_id",) for columns in by_index), searches


async def test_sqlite_looks_up_what_tells_of_a_chat_and_no_more(folder: Folder) -> None:
    searches = await searches_of(
        folder.generation(1), sqlite_searches, lambda it: coverage.evidence(it, 1, 7, 9, since=0)
    )

    assert {columns for table, columns in searches if table == "fact"} == {
        ("portal_id", "chat_id", "user_id"),
        ("portal_id", "chat_id"),
    }
    sighted = {columns[:3] for table, columns in searches if table == "sighting"}
    assert sighted == {("portal_id", "chat_id", "witness")}
