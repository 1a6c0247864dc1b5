"""Facts that contradict each other, the views of them, and a generation of some of them alone."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random

from eventstore.database import Place, Session
from eventstore.event import MAX_INSTANT, Event
from eventstore.log import seal
from projections.derive import Derived, derive, subject
from projections.facts import Fact
from projections.generations import create
from projections.project import record
from projections.refold import refold, touched_by
from projections.spans import DAY, gather
from projections.tables import ProfileRow
from projections.view import View
from tests.projections.stored import lived


def contradicted(seed: int, random: Random) -> tuple[list[Fact], list[ProfileRow]]:
    """What a short life tells, with lies and with what was read of it again; and its profiles."""
    derived = derive(_told(seed, random))
    facts = [_distorted(each, random) for each in derived.facts]
    return facts + _snapshots(facts, random), derived.profiles


def _told(seed: int, random: Random) -> list[Event]:
    """What a short life sends, some of it long after it happened."""
    events = lived(seed)
    random.shuffle(events)
    return [seal(1, position, event, b"") for position, event in enumerate(events, 1)]


def _distorted(known: Fact, random: Random) -> Fact:
    """Let some witnesses contradict the others."""
    lie = random.randrange(40)
    if lie == 0:
        return known._replace(chat_id=random.choice([None, 2201, 2202]))
    if lie == 1 and known.user_id is not None:
        return known._replace(user_id=random.choice((41, 63)))
    if lie == 2:
        return known._replace(occurred_at=known.occurred_at + random.randrange(-DAY, DAY))
    if lie == 3:
        return known._replace(detail='{"attached":true}')
    if lie > 30 and known.kind == "message_edited":
        return known._replace(text="")
    return known


def _snapshots(facts: Sequence[Fact], random: Random) -> list[Fact]:
    """Read some messages and members again, somewhen after they were told of."""
    found: list[Fact] = []
    for ordinal, known in enumerate(random.sample(facts, len(facts) // 2), 100):
        again = known._replace(
            kind="message_observed",
            basis="rest_snapshot",
            sequence=None,
            ordinal=ordinal,
            position=random.choice(facts).position,
            occurred_at=known.occurred_at + random.randrange(DAY),
        )
        if known.message_id is not None:
            found.append(
                random.choice(
                    [
                        again._replace(detail=None),
                        again._replace(detail=None, text="another"),
                        again._replace(detail='{"gone":true}', text=None, user_id=None),
                        again._replace(detail='{"deleted":true}', text=None),
                    ]
                )
            )
        if known.chat_id is not None and known.user_id is not None:
            code = random.choice(("present", "absent"))
            listed = again._replace(kind="member_observed", code=code, message_id=None, text=None)
            found.append(listed._replace(ordinal=ordinal + 1_000, detail=None))
    return found


def views(facts: Sequence[Fact], bounds: str, random: Random) -> list[View]:
    """Nothing, everything, and some views between."""
    newest = max(each.position for each in facts)
    positions = [0, *random.sample([each.position for each in facts], 4), newest]
    times = [0, *random.sample([each.occurred_at for each in facts], 4), MAX_INSTANT]
    if bounds == "position":
        return [View(position) for position in positions]
    if bounds == "time":
        return [View(newest, time) for time in times]
    return [View(random.choice(positions[1:5]), random.choice(times[1:5])) for _ in range(9)]


def sees(view: View, known: Fact) -> bool:
    return known.position <= view.position and known.occurred_at <= view.time


@asynccontextmanager
async def made_of(
    place: Place, facts: Sequence[Fact], profiles: Sequence[ProfileRow]
) -> AsyncIterator[Session]:
    """A generation of these facts alone."""
    spans = [*gather(facts, {each.id: subject(each.content) for each in profiles}).values()]
    await place.remove()
    session = await place.open_writer()
    try:
        await create(session, indexes=True)
        async with session.transaction():
            await record(session, Derived(list(facts), list(profiles), spans, []))
            await refold(session, 1, touched_by(facts, spans))
        yield session
    finally:
        await session.close()
