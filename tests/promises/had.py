"""What is in the log of what could be had, and where coverage claims what is not the truth."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import text

from eventstore import log
from eventstore.database import Session
from projections.coverage import ALWAYS, EVER, NEVER, Window, coverage
from projections.project import checkpoint_of, project
from projections.read.coverage import evidence
from tests.portal.queues import Queues
from tests.portal.truth import World
from tests.promises.agreement import Claim, missing, untrue
from tests.promises.told import told


class Found(NamedTuple):
    """How many messages were claimed to be known completely, and what of them is not the truth."""

    claimed: int
    untrue: list[str]


async def stored(events: Session, portal_id: int) -> Counter[tuple[str, int]]:
    """Count the queue items that are in the log, by receiver and id."""
    said = f"SELECT receiver, sequence FROM event WHERE portal_id = {portal_id}"  # noqa: S608
    rows = await events.rows(text(f"{said} AND sequence IS NOT NULL"))
    return Counter((receiver, sequence) for receiver, sequence in rows)


def wrong_with(
    log_has: Counter[tuple[str, int]], queues: Queues, readers: Mapping[str, str]
) -> dict[str, list[int]]:
    """Give what is wrong: what could be had by a receiver's reader is to be there, and once."""
    wrong: dict[str, list[int]] = {}
    for receiver, reader in readers.items():
        fate = queues.fates[receiver]
        had = {number for name, number in log_has if name == receiver}
        wrong[f"{receiver} lost"] = sorted(fate.within_reach_of(reader) - had)
        wrong[f"{receiver} invented"] = sorted(had - fate.written)
    wrong["twice"] = sorted(number for (_, number), count in log_has.items() if count > 1)
    return {kind: ids for kind, ids in wrong.items() if ids}


async def project_all(generation: Session, events: Session, portal_id: int) -> None:
    """Project what of a portal's log is not projected yet."""
    after = await checkpoint_of(generation, portal_id)
    while page := await log.page(events, portal_id, after=after, limit=1_000):
        async with generation.transaction():
            await project(generation, portal_id, page)
        after = page[-1].position


async def untruths(read_models: Session, portal_id: int, world: World, *, every: int = 1) -> Found:
    """Compare what is claimed of every chat, and of every n-th message, with the truth."""

    async def rows(table: str, *columns: str) -> list[tuple[Any, ...]]:
        said = f"SELECT {', '.join(columns)} FROM {table} WHERE portal_id = {portal_id}"  # noqa: S608
        return [tuple(row) for row in await read_models.rows(text(said))]

    head = await checkpoint_of(read_models, portal_id)

    async def claim_of(chat_id: int, window: Window) -> Claim | None:
        """Give what coverage claims of a window of a chat, as the API tells it."""
        known = await evidence(read_models, portal_id, chat_id, head, since=window.begin)
        seen = coverage(known, window)
        if seen.status == "unknown" or seen.since is None or seen.until is None:
            return None
        holes = [
            (ALWAYS if hole.begin is None else hole.begin, hole.until or NEVER)
            for hole in seen.holes
        ]
        return Claim(seen.since, seen.until, holes, seen.reactions == "complete")

    said = await told(rows)
    wrong = [f"message {number} never was" for number in said.messages.keys() - world.messages]
    claimed = 0
    for chat in world.chats.values():
        claim = await claim_of(chat.id, EVER)
        if claim is not None:
            wrong += missing(world, chat, claim, said)
    for number, chat_id, posted, last in (
        await rows("message", "message_id", "chat_id", "posted_at", "last_at")
    )[::every]:
        claim = await claim_of(chat_id, Window(ALWAYS if posted is None else posted, lived=last))
        if claim is not None and not claim.holes and number in world.messages:
            claimed += 1
            wrong += untrue(world.messages[number], claim, said)
    return Found(claimed, wrong)
