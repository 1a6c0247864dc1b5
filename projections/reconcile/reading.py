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


async def chats_to_read(reader: Reader, receiver: str, wanted: Wanted) -> list[int]:
    """Return the chats that are wanted, or all that the receiver has, as far as anybody tells.

    Raises PortalError.
    """
    listed = await reader.methods.chats()  # also where it is said: it tells what dialogs are called
    if wanted.chats:
        return sorted(set(wanted.chats))
    async with reader.reading() as session:
        witnessed = await known.chats_of(session, reader.portal_id, receiver)
    return sorted({*listed, *witnessed})


async def read_chats(
    reader: Reader, receiver: str, chats: Collection[int], wanted: Wanted
) -> AsyncIterator[Summary]:
    """Read chats; give how each ended. Raises PortalError, and Stopped."""
    async with reader.reading() as session:
        before = await known.readings_of(session, reader.portal_id, receiver)
    for chat_id in chats:
        readings = [] if wanted.again else before.get(chat_id, [])
        yield await read_chat(reader, chat_id, wanted.target, readings)
