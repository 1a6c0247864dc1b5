"""Searching messages by the words of their texts: also of those that they have no longer.

The full-text index says which rows have all words. Where these are few, they are put in order;
where they are many, they are met soon enough on a walk in order through all. Either way it is the
words themselves that decide: the index knows nothing of phrases.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    FromClause,
    Select,
    Table,
    bindparam,
    exists,
    func,
    literal,
    select,
    tuple_,
)

from eventstore.database import Row, Session, Sought, found_by, one_of, strpos, unindexed
from projections.messages import MessageRow, VersionRow, message, message_version
from projections.read.filters import conditions
from projections.search.message_words import Standing, in_front, message_words
from projections.search.terms import Term, needle

_FEW: Final = 3_000
"""Rows that are put in order rather than met on a walk."""

_BY_INDEX: Final = frozenset({"chat", "author"})
"""Filters for which messages have an index of their own, in the order of their ids."""

_FOUND: Final = (
    select(func.count())
    .select_from(message_words)
    .where(unindexed(message_words.c.portal_id) == bindparam("portal_id"), found_by(message_words))
)


_MESSAGE: Final = (message.c.portal_id == message_words.c.portal_id) & (
    message.c.message_id == message_words.c.message_id
)
_WORDS: Final = (message_words.c.portal_id == unindexed(message.c.portal_id)) & (
    message_words.c.message_id == unindexed(message.c.message_id)
)
"""The same where the message is found first, and its words by it."""


class HitKey(NamedTuple):
    """The place of a hit among those of its portal, by message and version."""

    message_id: int
    version: int


FIRST: Final = HitKey(-1, 0)
"""Before every hit."""

LAST: Final = HitKey(2**63 - 1, 2**31 - 1)
"""Behind every hit."""


class Wanted(NamedTuple):
    """What is searched: the terms, the standings of the texts, and the filters of messages."""

    terms: tuple[Term, ...]
    standings: Collection[Standing]
    filters: Mapping[str, Any]


class Hit(NamedTuple):
    """A text that says what is asked for: the message as it is now, the version, what that is."""

    message: MessageRow
    version: VersionRow
    standing: Standing

    @property
    def key(self) -> HitKey:
        """Its place."""
        return HitKey(self.version.message_id, self.version.version)


class Shape(NamedTuple):
    """What makes one statement another.

    How many terms, which filters, whether few rows have the words, and the order.
    """

    needles: int
    filters: frozenset[str]
    few: bool
    descending: bool


async def hits(  # noqa: PLR0913 - a place among hits
    session: Session, portal_id: int, wanted: Wanted, *, key: HitKey, descending: bool, limit: int
) -> list[Hit]:
    """Return the hits behind `key`, in the order of messages and their versions."""
    shape, values = await _prepared(session, portal_id, wanted, descending=descending)
    values |= {"key_message": key.message_id, "key_version": key.version, "limit": limit}
    return [_hit(row) for row in await session.rows(page(shape), **values)]


async def count(session: Session, portal_id: int, wanted: Wanted, *, most: int) -> int:
    """Count the hits, up to `most`."""
    shape, values = await _prepared(session, portal_id, wanted, descending=False)
    values |= {"key_message": FIRST.message_id, "key_version": FIRST.version}
    ((found,),) = await session.rows(_counted(shape), limit=most, **values)
    return int(found)


async def _prepared(
    session: Session, portal_id: int, wanted: Wanted, *, descending: bool
) -> tuple[Shape, dict[str, Any]]:
    """Look how many rows have the words; return the statement to use, and its values."""
    values = _probe(portal_id, wanted.terms)
    ((found,),) = await session.rows(_FOUND, **values)
    shape = Shape(len(wanted.terms), frozenset(wanted.filters), found <= _FEW, descending)
    values |= wanted.filters
    values |= {"standings": sorted(wanted.standings)}
    return shape, values | named(needles(portal_id, wanted.terms))


def needles(portal_id: int, terms: Iterable[Term]) -> list[str]:
    """Return what the words of a text of a portal must have in them to say all terms."""
    before = in_front(portal_id)
    return [needle(term, before) for term in terms]


def named(needles: Iterable[str]) -> dict[str, str]:
    """Return needles by the names that they have in a statement."""
    return {_name(place): each for place, each in enumerate(needles)}


def said(place: FromClause, needles: int) -> ColumnElement[bool]:
    """Say whether one text that was ever told of a message has so many needles."""
    return exists().where(
        message_words.c.portal_id == place.c.portal_id,
        message_words.c.message_id == place.c.message_id,
        *_has(needles),
    )


async def few(session: Session, portal_id: int, terms: Sequence[Term]) -> list[int] | None:
    """Return the messages of which a text says all terms, as it was ever told; None for many."""
    values = _probe(portal_id, terms)
    ((found,),) = await session.rows(_FOUND, **values)
    if found > _FEW:
        return None
    statement = _few(len(terms))
    rows = await session.rows(statement, **values, **named(needles(portal_id, terms)))
    return [message_id for (message_id,) in rows]


@lru_cache
def _few(needles: int) -> Select[Any]:
    return (
        select(message_words.c.message_id)
        .distinct()
        .where(
            unindexed(message_words.c.portal_id) == bindparam("portal_id"),
            found_by(message_words),
            *_has(needles),
        )
    )


def _probe(portal_id: int, terms: Sequence[Term]) -> dict[str, Any]:
    sought = _sought(terms, in_front(portal_id))
    return {"portal_id": portal_id, "sought": sought, "most": _FEW + 1}


def _sought(terms: Sequence[Term], before: str) -> Sought:
    words = {
        (before + word, term.prefix and place == len(term.words))
        for term in terms
        for place, word in enumerate(term.words, 1)
    }
    return Sought(sorted(words))


def _name(place: int) -> str:
    return f"needle_{place}"


@lru_cache(maxsize=256)
def page(shape: Shape) -> Select[Any]:
    """Return the statement that finds a page of hits: which ones, and then what they are."""
    columns = (message_words.c[name] for name in ("portal_id", "message_id", "ordinal", "standing"))
    order = _order(shape, _leading(shape).c.message_id, message_words.c.ordinal)
    found = _matching(shape, *columns).order_by(*order).subquery("found")
    joined = found.join(
        message,
        (message.c.portal_id == found.c.portal_id) & (message.c.message_id == found.c.message_id),
    ).join(
        message_version,
        (message_version.c.portal_id == found.c.portal_id)
        & (message_version.c.message_id == found.c.message_id)
        & (message_version.c.version == found.c.ordinal),
    )
    order = _order(shape, found.c.message_id, found.c.ordinal)
    return select(message, message_version, found.c.standing).select_from(joined).order_by(*order)


@lru_cache(maxsize=256)
def _counted(shape: Shape) -> Select[Any]:
    return select(func.count()).select_from(_matching(shape, literal(1)).subquery())


def _order(shape: Shape, *place: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    return [column.desc() if shape.descending else column.asc() for column in place]


def _leading(shape: Shape) -> Table:
    """Return the table in whose order rows are met."""
    return message if not shape.few and shape.filters & _BY_INDEX else message_words


def _matching(shape: Shape, *columns: Any) -> Select[Any]:
    read: FromClause = message_words
    if _leading(shape) is message:
        read = message.join(message_words, _WORDS)
    elif shape.filters:
        read = message_words.join(message, _MESSAGE)
    statement = (
        select(*columns)
        .select_from(read)
        .where(
            *_behind_the_key(shape),
            one_of(message_words.c.standing, "standings"),
            *_has(shape.needles),
            *conditions(shape.filters),
        )
        .limit(bindparam("limit"))
    )
    return statement.where(found_by(message_words)) if shape.few else statement


def _has(needles: int) -> list[ColumnElement[bool]]:
    words = literal(" ") + message_words.c.words + " "
    return [strpos(words, bindparam(_name(number))) > 0 for number in range(needles)]


def _behind_the_key(shape: Shape) -> Iterator[ColumnElement[bool]]:
    """Say where the rows are: by the index of the table that leads, unless they are found."""
    leading = _leading(shape)
    place: tuple[ColumnElement[Any], ...] = message_words.c.message_id, message_words.c.ordinal
    portal: ColumnElement[Any] = leading.c.portal_id
    key: tuple[BindParameter[int], BindParameter[int]] = (
        bindparam("key_message"),
        bindparam("key_version"),
    )
    if leading is message:
        first = message.c.message_id
        yield first <= key[0] if shape.descending else first >= key[0]
    if shape.few or leading is message:
        place = unindexed(place[0]), unindexed(place[1])
    if shape.few:
        portal = unindexed(portal)
    yield portal == bindparam("portal_id")
    yield tuple_(*place) < tuple_(*key) if shape.descending else tuple_(*place) > tuple_(*key)


def _hit(row: Row) -> Hit:
    width = len(MessageRow._fields)
    return Hit(MessageRow._make(row[:width]), VersionRow._make(row[width:-1]), row[-1])
