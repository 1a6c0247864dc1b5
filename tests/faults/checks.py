"""The common check after every fault, and what it found, as the report counts it."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from tests.faults.stores import Store


class Found(NamedTuple):
    """What a check found: how many events are not as they should be, and what else is wrong."""

    lost: int
    duplicated: int
    out_of_order: int
    wrong: list[str]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.duplicated or self.out_of_order or self.wrong)


Acknowledged = dict[str, int]
"""The position that was told for each key, in the order of the telling."""


async def check_log(store: Store, acknowledged: Mapping[str, int]) -> Found:
    """Integrity, positions without a gap, commitments, everything acknowledged there once."""
    stored = store.stored()
    positions = {key: position for position, key in stored}
    # Other content under the same key is kept under a longer one.
    copies = Counter(key.partition("~")[0] for _, key in stored)
    misplaced = sum(each.position != place for place, each in enumerate(stored, 1))
    misplaced += sum(
        positions.get(key, position) != position for key, position in acknowledged.items()
    )
    return Found(
        lost=sum(key not in positions for key in acknowledged),
        duplicated=len(stored) - len(copies),
        out_of_order=misplaced,
        wrong=await store.wrong_with_log(),
    )


async def check(store: Store, acknowledged: Mapping[str, int]) -> Found:
    """All of that, and read models that equal a rebuild, once everything is projected."""
    found = await check_log(store, acknowledged)
    async with store.projecting() as projector:
        await projector.catch_up()
    return found._replace(wrong=found.wrong + await store.wrong_with_read_models())


def acknowledged_in(lines: list[str]) -> Acknowledged:
    """Read what a child has acknowledged, `ACK <key> <position>` a line."""
    told = (line.split() for line in lines if line.startswith("ACK "))
    return {key: int(position) for _, key, position in told}
