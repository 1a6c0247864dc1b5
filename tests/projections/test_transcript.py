"""Transcripts: how moments are spelled, whose name is whose, and what is left out."""

from collections.abc import Collection
from typing import Any, cast

from projections.bbcode import Mention
from projections.export.transcript.clock import Clock
from projections.export.transcript.names import Names
from projections.export.transcript.shapes import Message, Place, Title, Who, titles
from projections.export.transcript.shaping import Shaping, Told
from projections.messages import message_rows
from projections.profiles import ChatVersionRow
from projections.read.reader import Reader
from tests.projections.factories import fact, moment

SUMMER, WINTER = 1_789_370_100_000_000, 1_795_379_526_802_587
LAST = 253_402_300_799_999_999


class Profiles:
    """Stands for a Reader that only knows names."""

    async def names_seen(self, user_ids: Collection[int]) -> Any:
        seen = {41: [(moment(10), "Priya Nair"), (moment(20), "Priya Berg")], 931: [(0, None)]}
        return {each: seen[each] for each in user_ids if each in seen}


async def known(*user_ids: int) -> Names:
    names = Names(cast(Reader, Profiles()))
    await names.know(user_ids)
    return names


def test_a_time_bears_its_zone() -> None:
    assert Clock("UTC").time(SUMMER) == "2026-09-14 07:15:00 UTC"
    assert Clock("Europe/Berlin").time(SUMMER) == "2026-09-14 09:15:00 +02:00"
    assert Clock("Europe/Berlin").time(WINTER) == "2026-11-22 21:32:06.802587 +01:00"
    assert Clock("America/New_York").time(SUMMER) == "2026-09-14 03:15:00 -04:00"


def test_a_day_is_that_of_the_zone() -> None:
    late = SUMMER + 15 * 3_600_000_000

    assert Clock("UTC").day(late) == "Monday, 14 September 2026"
    assert Clock("Europe/Moscow").day(late) == "Tuesday, 15 September 2026"


def test_every_moment_can_be_spelled() -> None:
    assert Clock("Asia/Tokyo").time(LAST) == "9999-12-31 23:59:59.999999 UTC"
    assert Clock("America/New_York").time(0) == "1969-12-31 19:00:00 -05:00"


async def test_somebody_has_the_name_of_that_time() -> None:
    names = await known(41, 77)

    assert names.who(41, moment(15)) == Who(41, "Priya Nair")
    assert names.who(41, moment(20)) == Who(41, "Priya Berg")
    assert names.who(41, moment(5)) == Who(41, "Priya Nair", later=True)
    assert names.who(77, moment(15)) == Who(77, None)


async def test_a_mention_calls_nobody_by_a_later_name() -> None:
    names = await known(41)

    assert names.mentioned(Mention(41, "Priya"), moment(15)) == "Priya Nair"
    assert names.mentioned(Mention(41, "Priya"), moment(5)) == "Priya"
    assert names.mentioned(Mention(None, ""), moment(5)) == "#all"


def test_titles_are_told_once_whatever_else_changes() -> None:
    rows = [
        chat_version(1, "Rollout", 0, 10),
        chat_version(2, "Rollout", 10, 20),
        chat_version(3, None, 20, 30),
        chat_version(4, "Rollout", 30, None),
    ]

    assert titles(rows) == [
        Title("Rollout", 0, 20),
        Title(None, 20, 30),
        Title("Rollout", 30, None),
    ]


def chat_version(number: int, title: str | None, from_at: int, until: int | None) -> ChatVersionRow:
    return ChatVersionRow(1, 7, number, title, None, None, None, None, None, None, from_at, until)


async def shaped(*facts: Any, withhold: bool) -> Message:
    rows = message_rows(facts)
    assert rows.message is not None
    reply = {"message_id": 4, "author_id": None, "text": "a quote"}
    told = Told(rows.message, rows.versions, (), reply)
    return Shaping(await known(), withhold=withhold).message(told, Place(1, None, ()))


POSTED = fact("message_posted", text="first")
EDITED = fact("message_edited", 5, text="second")
DELETED = fact("message_deleted", 9)


async def test_who_may_not_see_what_was_taken_back_sees_that_it_was() -> None:
    edited = await shaped(POSTED, EDITED, withhold=True)
    deleted = await shaped(POSTED, EDITED, DELETED, withhold=True)

    assert [each.html for each in edited.texts] == [None, "second"]
    assert [each.html for each in deleted.texts] == [None, None]
    assert [each.standing for each in deleted.texts] == ["replaced", "deleted"]
    assert deleted.deleted is not None
    assert deleted.reply is not None
    assert deleted.reply.html is None


async def test_others_see_every_text() -> None:
    deleted = await shaped(POSTED, EDITED, DELETED, withhold=False)

    assert [each.html for each in deleted.texts] == ["first", "second"]
    assert deleted.reply is not None
    assert deleted.reply.html == "a quote"
