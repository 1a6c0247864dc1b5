"""What a request asks of the catalog: its portals and tokens at one moment, in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from eventstore.errors import UnknownPortal
from eventstore.event import Instant
from eventstore.log import Origin

SCOPES: Final = (
    "messages:read",
    "messages:read.deleted",
    "events:read",
    "events:write",
    "export",
    "audit",
)


@dataclass(frozen=True)
class Portal:
    """One Bitrix24 account. Its name for ever is the `member_id`; the slug stands in URLs."""

    id: int
    slug: str
    member_id: str
    domain: str | None
    created_at: Instant
    generation: int
    hmac_key: bytes = field(repr=False)
    application_tokens: frozenset[bytes] = field(repr=False, default=frozenset())
    ingest_keys: frozenset[bytes] = field(repr=False, default=frozenset())

    @cached_property
    def origin(self) -> Origin:
        """What the log must know of this portal."""
        return Origin(self.id, self.hmac_key)


@dataclass(frozen=True)
class Token:
    """What a reader or a writer may do, and where. No portal means none."""

    id: str
    label: str | None
    portals: frozenset[str]
    scopes: frozenset[str]
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    digest: bytes = field(repr=False, default=b"")


@dataclass(frozen=True)
class Snapshot:
    """The whole catalog at one moment, in memory: what every request asks."""

    revision: int
    portals: Mapping[str, Portal]
    tokens: Mapping[bytes, Token]

    @cached_property
    def by_ingest_key(self) -> Mapping[bytes, Portal]:
        """Find a portal by the digest of an ingest key."""
        return {digest: portal for portal in self.portals.values() for digest in portal.ingest_keys}

    @cached_property
    def pointers(self) -> Mapping[int, int]:
        """Which generation each portal is read from."""
        return {portal.id: portal.generation for portal in self.portals.values()}

    @cached_property
    def origins(self) -> Mapping[int, Origin]:
        """Find what the log must know of a portal by its number."""
        return {portal.id: portal.origin for portal in self.portals.values()}

    def portal(self, slug: str) -> Portal:
        """Return a portal by its slug.

        Raises UnknownPortal.
        """
        try:
            return self.portals[slug]
        except KeyError:
            raise UnknownPortal(slug) from None
