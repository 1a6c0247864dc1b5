"""The quarantine: authenticated bodies that nobody could read, sealed whole.

No scrubber can find a secret in a body that it cannot read, so none is written in clear.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import delete, func, insert, select

from eventstore.catalog import Catalog
from eventstore.errors import UnknownQuarantined
from eventstore.event import MAX_INSTANT, Instant
from eventstore.schema import portal, quarantined

MAX_BODIES: Final = 10_000
"""Bodies that are kept of one portal."""

MAX_BYTES: Final = 64 * 2**20
"""Bytes that are kept of one portal. What came first stays: a flood drives nothing out."""

_NUMBERS: Final = 2**31
"""What the column cannot hold was never given to a body."""


@dataclass(frozen=True)
class Unreadable:
    """How a body came that could not be read, and why it could not."""

    received_at: Instant
    source: str
    receiver: str
    reason: str


@dataclass(frozen=True)
class Quarantined(Unreadable):
    """A sealed body, without its content."""

    portal_id: int
    number: int
    size: int


_HEADER = (
    quarantined.c.received_at,
    quarantined.c.source,
    quarantined.c.receiver,
    quarantined.c.reason,
    quarantined.c.portal_id,
    quarantined.c.number,
    quarantined.c.size,
)


class Quarantine:
    """The bodies in quarantine, by portal and number."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def keep(self, portal_id: int, body: bytes, found: Unreadable) -> int | None:
        """Seal a body and return its number; None when the quarantine of the portal is full.

        A body that is there already keeps its number, so that repeating an import changes nothing.
        """
        of_portal = quarantined.c.portal_id == portal_id
        digest = self._catalog.key.digest("quarantined body", body.hex())
        async with self._catalog.writing() as tx:
            # One body of a portal at a time, or two would get the same number.
            await tx.execute(select(portal.c.id).where(portal.c.id == portal_id).with_for_update())
            same = select(quarantined.c.number).where(of_portal, quarantined.c.digest == digest)
            kept = (await tx.execute(same)).scalar()
            if kept is not None:
                return int(kept)
            totals = select(func.count(), func.coalesce(func.sum(quarantined.c.size), 0)).where(
                of_portal
            )
            count, size = (await tx.execute(totals)).one()
            if count >= MAX_BODIES or size + len(body) > MAX_BYTES:
                return None
            newest = select(func.coalesce(func.max(quarantined.c.number), 0)).where(of_portal)
            number = int((await tx.execute(newest)).scalar_one()) + 1
            row = {
                **asdict(found),
                "portal_id": portal_id,
                "number": number,
                "size": len(body),
                "digest": digest,
                "sealed": self._catalog.key.seal(body, _about(portal_id, number)),
            }
            await tx.execute(insert(quarantined), row)
        return number

    async def page(
        self,
        portal_id: int,
        *,
        after: int = 0,
        limit: int = 500,
        received_by: Instant = MAX_INSTANT,
    ) -> list[Quarantined]:
        """Return sealed bodies of a portal behind a number, ascending, without their content.

        Only those that had come by then.
        """
        statement = (
            select(*_HEADER)
            .where(
                quarantined.c.portal_id == portal_id,
                quarantined.c.number > after,
                quarantined.c.received_at <= received_by,
            )
            .order_by(quarantined.c.number)
            .limit(limit)
        )
        async with self._catalog.reading() as tx:
            return [Quarantined(*row) for row in await tx.execute(statement)]

    async def count(self, portal_id: int, *, received_by: Instant) -> int:
        """Return how many bodies of a portal are in quarantine that had come by then."""
        statement = select(func.count()).where(
            quarantined.c.portal_id == portal_id, quarantined.c.received_at <= received_by
        )
        async with self._catalog.reading() as tx:
            return int((await tx.execute(statement)).scalar_one())

    async def counts(self) -> dict[int, int]:
        """Return how many bodies each portal has in quarantine."""
        statement = select(quarantined.c.portal_id, func.count()).group_by(quarantined.c.portal_id)
        async with self._catalog.reading() as tx:
            return {portal_id: int(count) for portal_id, count in await tx.execute(statement)}

    async def body(self, portal_id: int, number: int) -> bytes:
        """Open a sealed body. Raises UnknownQuarantined."""
        if not 0 < number < _NUMBERS:
            raise UnknownQuarantined(number)
        async with self._catalog.reading() as tx:
            found = await tx.execute(select(quarantined.c.sealed).where(_is(portal_id, number)))
            sealed = found.scalar()
        if sealed is None:
            raise UnknownQuarantined(number)
        return self._catalog.key.unseal(sealed, _about(portal_id, number))

    async def drop(self, portal_id: int, number: int) -> None:
        """Forget a sealed body: the log has it now."""
        async with self._catalog.writing() as tx:
            await tx.execute(delete(quarantined).where(_is(portal_id, number)))


def _is(portal_id: int, number: int) -> Any:
    return (quarantined.c.portal_id == portal_id) & (quarantined.c.number == number)


def _about(portal_id: int, number: int) -> str:
    return f"quarantined body {number} of portal {portal_id}"
