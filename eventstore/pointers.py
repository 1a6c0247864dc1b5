"""Which generation each portal is read from, and which generations nobody reads any more."""

from collections.abc import Collection, Iterable
from typing import Final

from sqlalchemy import func, insert, select, update

from eventstore.catalog import Catalog
from eventstore.database import upsert
from eventstore.event import Instant
from eventstore.schema import generation, pointer

GRACE: Final = 60_000_000
"""Microseconds after which a generation that no pointer names, or whose maker gives no sign of
life, is nobody's. A process that was told of a flip has moved on long before."""


class Pointers:
    """The pointers of a catalog, and what it knows of the generations."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def begin(self, now: Instant) -> int:
        """Return a number for a new generation, which nobody else gets."""
        async with self._catalog.changing() as tx:
            newest = [
                (await tx.execute(select(func.max(column)))).scalar() or 0
                for column in (generation.c.number, pointer.c.generation)
            ]
            number = max(newest) + 1
            await tx.execute(insert(generation), {"number": number, "seen_at": now})
        return number

    async def still_there(self, number: int, now: Instant) -> None:
        """Say that who makes this generation is alive."""
        async with self._catalog.writing() as tx:
            await tx.execute(
                update(generation).where(generation.c.number == number).values(seen_at=now)
            )

    async def flip(self, number: int, portals: Iterable[int], now: Instant) -> None:
        """Let these portals be read from a generation: all of them at once."""
        async with self._catalog.changing() as tx:
            named = select(pointer.c.generation).distinct()
            before = {row[0] for row in await tx.execute(named)}
            await tx.execute(
                update(pointer).where(pointer.c.portal_id.in_(portals)).values(generation=number)
            )
            after = {row[0] for row in await tx.execute(named)}
            left = upsert(generation).on_conflict_do_update(
                index_elements=generation.primary_key, set_={"left_at": now}
            )
            for old in sorted(before - after):
                await tx.execute(left, {"number": old, "seen_at": now, "left_at": now})

    async def making(self, now: Instant) -> list[int]:
        """Return the generations that somebody is making now."""
        async with self._catalog.reading() as tx:
            named = {row[0] for row in await tx.execute(select(pointer.c.generation))}
            rows = await tx.execute(select(generation).where(generation.c.left_at.is_(None)))
            return sorted(
                row.number for row in rows if row.number not in named and row.seen_at > now - GRACE
            )

    async def abandoned(
        self, present: Collection[int], now: Instant, *, alone: bool = False
    ) -> list[int]:
        """Return which of these generations nobody reads or makes.

        Who is `alone` knows that nobody else is making one.
        """
        async with self._catalog.reading() as tx:
            named = {row[0] for row in await tx.execute(select(pointer.c.generation))}
            rows = await tx.execute(select(generation))
            last_needed = {row.number: row.left_at or (0 if alone else row.seen_at) for row in rows}
        return sorted(
            number
            for number in present
            if number not in named and last_needed.get(number, 0) <= now - GRACE
        )

    async def drop(self, number: int) -> None:
        """Count a generation among those that nobody needs from now on."""
        async with self._catalog.writing() as tx:
            await tx.execute(
                update(generation).where(generation.c.number == number).values(seen_at=0, left_at=0)
            )
