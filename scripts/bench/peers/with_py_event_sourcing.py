"""What `py-event-sourcing` does with the same events: `ADDRESS FILE CALLERS`.

It commits with `synchronous=NORMAL`: what it has acknowledged can be gone after a power loss.
FILE has a line an event. Prints events a second, and what was lost, doubled or out of order when
all was read back, as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from py_event_sourcing import CandidateEvent, sqlite_stream_factory


async def append(address: str, lines: Sequence[bytes], callers: int) -> dict[str, float]:
    """Append every line, one after another by each caller, each to a stream of its own."""
    shares = {f"stream-{caller}": lines[caller::callers] for caller in range(callers)}
    async with sqlite_stream_factory(address) as open_stream:

        async def call(name: str, of_it: Sequence[bytes]) -> None:
            async with open_stream(name) as stream:
                for line in of_it:
                    await stream.write([CandidateEvent(type="bench", data=line)])

        started = time.perf_counter()
        await asyncio.gather(*(call(name, of_it) for name, of_it in shares.items()))
        rate = len(lines) / (time.perf_counter() - started)
        lost = duplicated = out_of_order = 0
        for name, of_it in shares.items():
            async with open_stream(name) as stream:
                kept = [found.data async for found in stream.read()]
            lost += len(of_it) - len(set(kept))
            duplicated += len(kept) - len(set(kept))
            out_of_order += sorted(kept) == sorted(of_it) and kept != list(of_it)
    return {"rate": rate, "lost": lost, "duplicated": duplicated, "out_of_order": out_of_order}


def main() -> None:
    """Do what is asked for."""
    address, file, callers = sys.argv[1:]
    lines = Path(file).read_bytes().splitlines()
    print(json.dumps(asyncio.run(append(address, lines, int(callers)))))


if __name__ == "__main__":
    main()
