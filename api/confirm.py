"""Whether the database is the one that this server belongs to: before anything is written to it."""

from typing import TYPE_CHECKING

from eventstore.database import Pool
from eventstore.log import heads
from eventstore.migrations import check
from projections.generations import check_not_behind

if TYPE_CHECKING:
    from api.state import State


async def confirm(state: "State") -> None:
    """Check version, key, settings and heads of the store, and begin to read from it.

    Raises WrongSchema, WrongSecretKey, UnsafeDatabase, LogBehind or StaleGeneration when the
    server must not use it, and StoreUnavailable when it cannot be asked.
    """
    await check(state.store)
    await state.catalog.check_key()
    await state.store.check_settings()
    snapshot = await state.catalog.snapshot()
    await check_not_behind(state.store, set(snapshot.pointers.values()))
    newest = await _heads(state.log)
    if state.spooling is not None:
        state.spooling.seen.check(newest)
    await state.live.follow(snapshot.pointers)
    await state.take_over(snapshot, newest)


async def _heads(log: Pool) -> dict[int, int]:
    async with log.reading() as session:
        return await heads(session)
