"""One step of a projection: some events of a portal, into a generation, all or none."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, func, select

from eventstore.database import Session, greatest, least, planned_once, upsert
from eventstore.event import Event
from projections.derive import Derived, derive
from projections.refold import refold, touched_by
from projections.tables import checkpoint, fact, profile, span, undecoded

_SLICE: Final = 32
"""Events that are decoded before other tasks of the process get their turn."""

_CHECKPOINT = select(checkpoint.c.position).where(checkpoint.c.portal_id == bindparam("portal_id"))
_REACHED = planned_once(_CHECKPOINT)
_TAKE = _CHECKPOINT.with_for_update(skip_locked=True)  # SQLite ignores it: one process writes
_CHECKPOINTS = select(checkpoint.c.portal_id, checkpoint.c.position)
_UNDECODED = select(undecoded.c.portal_id, func.count()).group_by(undecoded.c.portal_id)


def _move_checkpoint() -> Any:
    statement = upsert(checkpoint)
    return statement.on_conflict_do_update(
        index_elements=checkpoint.primary_key, set_={"position": statement.excluded.position}
    )


def _widen_spans() -> Any:
    # Minima and maxima: in whatever order spans arrive, and however often, the row is the same.
    statement = upsert(span)
    kept, new = span.c, statement.excluded
    return statement.on_conflict_do_update(
        index_elements=span.primary_key,
        set_={
            "first_at": least(kept.first_at, new.first_at),
            "last_at": greatest(kept.last_at, new.last_at),
            "first_position": least(kept.first_position, new.first_position),
            "last_position": greatest(kept.last_position, new.last_position),
        },
    )


_MOVE_CHECKPOINT = _move_checkpoint()
_OPEN_CHECKPOINT = (
    upsert(checkpoint)
    .values(portal_id=bindparam("portal_id"), position=bindparam("position"))
    .on_conflict_do_nothing()
)
_WIDEN_SPANS = _widen_spans()
_NAME_PROFILES = upsert(profile).on_conflict_do_nothing()


async def checkpoint_of(session: Session, portal_id: int) -> int:
    """Return how far the generation has come in the log of a portal."""
    rows = await session.rows(_REACHED, portal_id=portal_id)
    return int(rows[0][0]) if rows else 0


async def checkpoints(session: Session) -> dict[int, int]:
    """Return how far the generation has come, by portal."""
    return dict(await session.rows(_CHECKPOINTS))


async def undecoded_counts(session: Session) -> dict[int, int]:
    """Return how many events could not be decoded, by portal."""
    return dict(await session.rows(_UNDECODED))


async def record(session: Session, derived: Derived) -> None:
    """Write what events say. Call it inside a transaction, once for each event."""
    await session.insert(fact, derived.facts)
    await session.run_many(_NAME_PROFILES, derived.profiles)
    await session.run_many(_WIDEN_SPANS, derived.spans)
    await session.insert(undecoded, derived.undecoded)


async def move_checkpoint(session: Session, portal_id: int, position: int) -> None:
    """Write how far the generation has come."""
    await session.run(_MOVE_CHECKPOINT, portal_id=portal_id, position=position)


async def open_checkpoint(session: Session, portal_id: int) -> None:
    """Let projectors take a portal that the generation knows nothing of yet.

    Call it outside a transaction, or the others would wait for its end.
    """
    if not await session.rows(_CHECKPOINT, portal_id=portal_id):
        await session.run(_OPEN_CHECKPOINT, portal_id=portal_id, position=0)


async def take(session: Session, portal_id: int) -> int | None:
    """Return how far the generation has come, and keep other projectors from this portal.

    None when one of them has it. Call it inside a transaction, which ends what is kept.
    """
    rows = await session.rows(_TAKE, portal_id=portal_id)
    return int(rows[0][0]) if rows else None


async def project(session: Session, portal_id: int, events: Sequence[Event]) -> None:
    """Project the events that follow the checkpoint. Call it inside a transaction.

    Facts, rows and checkpoint are kept together, or none of them.
    """
    derived = Derived([], [], [], [])
    for begin in range(0, len(events), _SLICE):
        derived.extend(derive(events[begin : begin + _SLICE]))
        await asyncio.sleep(0)
    await record(session, derived)
    await refold(session, portal_id, touched_by(derived.facts, derived.spans))
    await move_checkpoint(session, portal_id, events[-1].position)
