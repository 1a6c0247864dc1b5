"""The forms of a text: as it was sent, as it reads, and as safe HTML."""

import asyncio
from bisect import bisect_right
from collections.abc import Collection, Iterable
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

from api.models import TextForm
from eventstore.event import Instant
from projections.bbcode import Mention, mentioned, plain_with
from projections.html import html
from projections.read.reader import Reader
from projections.read.users import NamesSeen


class Shown(NamedTuple):
    """A part of an answer that has a `text`, and the moment that this was written at."""

    part: Any
    at: Instant | None


async def put_in_form(reader: Reader, form: TextForm, shown: Iterable[Shown]) -> None:
    """Put texts of an answer into a form.

    Who is mentioned is called what they were called when the text was written, as far as that was
    seen; else what the text calls them.
    """
    texts = [each for each in shown if each.part["text"] is not None]
    if form == "raw" or not texts:
        return
    seen = await _names_seen(reader, [each.part["text"] for each in texts])
    write = html if form == "html" else plain_with
    for part, at in texts:
        part["text"] = write(part["text"], partial(_name, seen=seen, at=at))
        await asyncio.sleep(0)  # others get their turn: long texts take some time


async def _names_seen(reader: Reader, texts: Collection[str]) -> NamesSeen:
    user_ids = set[int]().union(*map(mentioned, texts))
    return await reader.names_seen(user_ids) if user_ids else {}


def _name(mention: Mention, seen: NamesSeen, at: Instant | None) -> str:
    names = seen.get(mention.user_id or 0, ())
    known = bisect_right(names, at, key=itemgetter(0)) if at is not None else 0
    return (known and names[known - 1][1]) or mention.written or f"#{mention.user_id or 'all'}"
