"""What a request asks of the catalog: its portals and tokens at one moment, in memory."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from eventstore.errors import InvalidRegistration, UnknownPortal
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


_UNITS: Final = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


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


class Rate(NamedTuple):
    """So many requests in so many seconds, whichever they are."""

    requests: int
    seconds: int

    @classmethod
    def read(cls, text: str) -> "Rate":
        """Read `600/minute`. Raises InvalidRegistration."""
        match = re.fullmatch(r"([1-9][0-9]{0,6})/(second|minute|hour|day)", text)
        if match is None:
            raise InvalidRegistration(f"rate {text!r}: use 600/minute; or second, hour, day")
        return cls(int(match[1]), _UNITS[match[2]])

    def __str__(self) -> str:
        return f"{self.requests}/{next(name for name, of in _UNITS.items() if of == self.seconds)}"


@dataclass(frozen=True)
class Limits:
    """What narrows a token: chats, a half-open window of the messages' creation, a rate.

    None narrows nothing; no chat at all is none.
    """

    chats: frozenset[int] | None = None
    since: Instant | None = None
    until: Instant | None = None
    rate: Rate | None = None

    @property
    def windowed(self) -> bool:
        """Whether only messages of some time are shown."""
        return self.since is not None or self.until is not None

    @property
    def narrowed(self) -> bool:
        """Whether some of what a portal has is not shown."""
        return self.chats is not None or self.windowed


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
    limits: Limits = Limits()
    used_at: Instant | None = None


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
