"""What the children do: the real code, driven by as little as can be."""

import asyncio
import threading
from collections.abc import Sequence

from eventstore.appender import Appender
from eventstore.errors import StoreUnavailable
from tests.faults.children import Voice
from tests.faults.deliveries import pending
from tests.faults.stores import Store


def append(voice: Voice, store: Store, numbers: Sequence[int], reopen_after: int = 0) -> None:
    """Append numbered events one after another: `ACK <key> <position>` or `FAIL <key>` each.

    First it says `WRITER <thread>` and waits: from then on, that thread alone touches the log.
    """
    asyncio.run(_append(voice, store, numbers, reopen_after))


async def _append(voice: Voice, store: Store, numbers: Sequence[int], reopen_after: int) -> None:
    appender = Appender(store.writer(reopen_after=reopen_after))
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "log-writer")
    voice.say(f"WRITER {thread.native_id}")
    voice.wait()
    for batch in (pending(store, [number]) for number in numbers):
        ((_, event),) = batch
        try:
            (outcome,) = await appender.append_all(batch)
        except StoreUnavailable:
            voice.say(f"FAIL {event.key}")
        else:
            voice.say(f"ACK {event.key} {outcome.position}")
    await appender.close()
