"""The words of every text that a message has, or had: what a search looks in."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from eventstore.database import searched
from projections.facts import Fact
from projections.messages import VersionRow
from projections.search.words import words
from projections.tables import table_of

Standing = Literal["current", "deleted", "superseded"]
"""What a version is to its message: the newest, of a live or a deleted message; or an older one."""


class WordsRow(NamedTuple):
    """The words of a text that was told of a message. The fields are the columns, in their order.

    A version's `ordinal` is its number. What is `unshown` is no version, since the reports agreed
    on others: as of an earlier moment it might be one. Each of the `words` has the portal in front
    of it, as the search has: no search of one portal ever meets the words of another. A text
    without words has no row.
    """

    portal_id: int
    message_id: int
    ordinal: int
    version: int | None
    standing: Standing | Literal["unshown"]
    words: str


message_words: Final = searched(table_of("message_words", WordsRow, key=3), "words")


def words_rows(
    facts: Iterable[Fact], versions: Sequence[VersionRow], *, deleted: bool
) -> list[WordsRow]:
    """Give the words of each version of a message, then of every other text told of it."""
    told = {fact.text: fact for fact in facts if fact.text}
    rows = [
        WordsRow(
            version.portal_id,
            version.message_id,
            version.version,
            version.version,
            standing_of(version, len(versions), deleted=deleted),
            found,
        )
        for version in versions
        if (found := _joined(version.portal_id, version.text))
    ]
    shown = {row.words for row in rows}
    texts = told.keys() - {version.text for version in versions}
    unshown = {_joined(told[text].portal_id, text) for text in texts} - shown - {""}
    if unshown:
        fact = next(iter(told.values()))
        key = fact.portal_id, fact.message_id or 0
        rows += (
            WordsRow(*key, ordinal, None, "unshown", found)
            for ordinal, found in enumerate(sorted(unshown), len(versions) + 1)
        )
    return rows


def in_front(portal_id: int) -> str:
    """Return what each word of a portal has in front of it."""
    return f"{portal_id}x"


def _joined(portal_id: int, text: str) -> str:
    before = in_front(portal_id)
    found = words(text)
    return before + f" {before}".join(found) if found else ""


def standing_of(version: VersionRow, newest: int, *, deleted: bool) -> Standing:
    """Say what a version is to its message, whose newest one has this number."""
    if version.version < newest:
        return "superseded"
    return "deleted" if deleted else "current"
