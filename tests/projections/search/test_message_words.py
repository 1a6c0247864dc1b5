"""The words of every text of a message, and what that text is to it."""

from projections.facts import Fact
from projections.readmodels import MESSAGE, fold_message
from projections.search.message_words import WordsRow, message_words
from tests.projections.factories import fact


def rows_of(*facts: Fact) -> list[WordsRow]:
    rows = fold_message(facts)[MESSAGE.tables.index(message_words)]
    return [WordsRow._make(row) for row in rows]


def test_a_live_message_has_its_newest_words_and_older_ones() -> None:
    posted = fact("message_posted", 0, text="The price is 120", sequence=1)
    edited = fact("message_edited", 9, text="The price is 150", sequence=2)

    assert rows_of(edited, posted) == [
        WordsRow(1, 5, 1, 1, "superseded", "1xthe 1xprice 1xis 1x120"),
        WordsRow(1, 5, 2, 2, "current", "1xthe 1xprice 1xis 1x150"),
    ]


def test_the_last_words_of_a_deleted_message_are_deleted() -> None:
    posted = fact("message_posted", 0, text="one", sequence=1)
    edited = fact("message_edited", 5, text="two", sequence=2)
    deleted = fact("message_deleted", 9, sequence=3)

    assert [(row.version, row.standing) for row in rows_of(posted, edited, deleted)] == [
        (1, "superseded"),
        (2, "deleted"),
    ]


def test_a_text_without_words_has_no_row() -> None:
    posted = fact("message_posted", 0, text="👍", sequence=1)
    edited = fact("message_edited", 9, text="yes", sequence=2)

    assert rows_of(posted, edited) == [WordsRow(1, 5, 2, 2, "current", "1xyes")]


def test_a_text_that_the_reports_did_not_agree_on_is_known_too() -> None:
    """As of a moment when only this witness had told, it was what the message said."""
    queue = fact("message_posted", 0, text="[USER=7]Ann[/USER], look", sequence=1)
    webhook = fact("message_posted", 0, text=", look", seen={"weak": True})

    assert rows_of(queue, webhook) == [
        WordsRow(1, 5, 1, 1, "current", "1xann 1xlook"),
        WordsRow(1, 5, 2, None, "unshown", "1xlook"),
    ]


def test_another_spelling_of_the_same_words_is_not_told_twice() -> None:
    queue = fact("message_posted", 0, text="one  two", sequence=1)
    other = fact("message_posted", 0, text="one  two ", sequence=1, witness="user:8")

    assert len(rows_of(queue, other)) == 1


def test_words_have_their_portal_in_front() -> None:
    assert [row.words for row in rows_of(fact("message_posted", text="a b", portal_id=12))] == [
        "12xa 12xb"
    ]
