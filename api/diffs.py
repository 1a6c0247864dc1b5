"""What changed from each version of a message to the next."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from api import models
from projections.words import diff


async def add_diffs(versions: Sequence[models.Version]) -> None:
    """Say of each version how its text differs from the one before.

    Null where that is not to be shown: where either text is withheld, and of the first.
    """
    for version in versions[:1]:
        version["diff"] = None
    for before, version in pairwise(versions):
        version["diff"] = _between(before["text"], version["text"])
        await asyncio.sleep(0)  # others get their turn: long texts take some time


def _between(old: str | None, new: str | None) -> list[models.DiffPart] | None:
    if old is None or new is None:
        return None
    return [models.DiffPart(op=part.op, text=part.text) for part in diff(old, new)]
