"""The reading of the chats of one receiver, one after another."""

from collections.abc import AsyncIterator, Collection
from typing import NamedTuple

from projections.reconcile import known
from projections.reconcile.chat import Reader, Summary, read_chat
from projections.reconcile.walk import Target


class Wanted(NamedTuple):
    """What is to be read: some chats, or all; how far back; `again`, what was read before."""

    chats: Collection[int] = ()
    target: Target = Target()
    again: bool = False


async def chats_to_read(reader: Reader, wanted: Wanted) -> list[int]:
    """Return the chats that are wanted, or all that the receiver has, as far as anybody tells.

    Raises PortalError, and Stopped.
    """
    listed = await reader.methods.chats()  # wanted or not: it tells what private ones are called
    if wanted.chats:
        return sorted({*wanted.chats})
    async with reader.reading() as session:
        witnessed = await known.chats_of(session, reader.portal_id, reader.receiver)
    return sorted({*listed, *witnessed})


async def read_chats(
    reader: Reader, chats: Collection[int], wanted: Wanted
) -> AsyncIterator[Summary]:
    """Read chats; give how each ended. Raises PortalError, and Stopped."""
    for chat_id in chats:
        async with reader.reading() as session:
            before = await known.readings_of(session, reader.portal_id, chat_id, reader.receiver)
        yield await read_chat(reader, chat_id, wanted.target, [] if wanted.again else before)
