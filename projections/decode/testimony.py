"""A testimony: what one witness says in one event."""

from functools import lru_cache
from typing import Any, Literal, NamedTuple

from eventstore.event import Event, Instant
from projections.decode.wire import id_in
from projections.facts import Basis, Decoded, Fact, Kind, Profile, canonical_json, profile


class Chat(NamedTuple):
    """What was seen of a chat. The fields are the profile's; None says nothing."""

    id: int
    title: str | None = None
    type: str | None = None
    letter: str | None = None
    owner_id: int | None = None
    entity_type: str | None = None
    entity_id: str | None = None
    parent_chat_id: int | None = None
    parent_message_id: int | None = None


class User(NamedTuple):
    """What was seen of a user. The fields are the profile's; None says nothing."""

    id: int
    name: str | None = None
    work_position: str | None = None
    kind: Literal["user", "bot"] | None = None


def kind(bot: bool | None) -> Literal["user", "bot"] | None:  # noqa: FBT001  (it is the wire's flag)
    """Name what a user is by the wire's flag."""
    if bot is None:
        return None
    return "bot" if bot else "user"


class Testimony:
    """Collects the facts of one event in their order, and the profiles that they name.

    A fact's time is what the message says, else what the event says, and then its basis is
    `event`; where neither says, it is the receipt, and `inferred`.
    """

    __slots__ = ("_chat", "_event", "_facts", "_profiles", "_user", "chat_id")

    def __init__(
        self,
        event: Event,
        chat: Chat | None = None,
        user: User | None = None,
        *,
        chat_id: int | None = None,
    ) -> None:
        """Tell of a chat and of a user, or of a chat of which only the id is told."""
        self.chat_id = chat.id if chat else chat_id
        self._event = event
        self._facts: list[Fact] = []
        self._profiles: dict[int, str] = {}
        self._chat = self._name(_named("chat", chat) if chat else None)
        self._user = self._name(_named("user", user) if user else None)
        self._name(_witness(event.receiver))  # no fact names it: the witness itself is a bot

    def _name(self, seen: Profile | None) -> int | None:
        if seen is None:
            return None
        self._profiles[seen.id] = seen.content
        return seen.id

    def see(self, user: User) -> int | None:
        """Name what was seen of one of several users, for a fact about them."""
        return self._name(_named("user", user))

    def state(  # noqa: PLR0913  (a fact has these columns)
        self,
        kind: Kind,
        *,
        message_id: int | None = None,
        user_id: int | None = None,
        at: Instant | None = None,
        text: str | None = None,
        code: str | None = None,
        detail: dict[str, Any] | None = None,
        basis: Basis | None = None,
        user_profile: int | None = None,
    ) -> None:
        """Add a fact. Without `at`, it occurred when the event was sent.

        `basis` and `user_profile` are given where they are not those of the whole event.
        """
        event = self._event
        known: Basis = "event"
        if at is None:
            at = event.sent_at
        if at is None:
            at, known = event.received_at, "inferred"
        fact = Fact(
            event.portal_id,
            event.position,
            len(self._facts),
            kind,
            message_id,
            self.chat_id,
            user_id,
            at,
            event.sequence,
            basis or known,
            event.receiver,
            text,
            code,
            self._chat,
            self._user if user_profile is None else user_profile,
            canonical_json(detail) if detail else None,
        )
        self._facts.append(fact)

    def decoded(self) -> Decoded:
        """All that was stated."""
        return Decoded(tuple(self._facts), self._profiles)


@lru_cache(maxsize=65_536)
def _named(subject: Literal["chat", "user"], seen: Chat | User) -> Profile:
    parts = zip(seen._fields[1:], seen[1:], strict=True)
    return profile(subject, seen.id, *(part for part in parts if part[1] is not None))


@lru_cache(maxsize=1_024)
def _witness(receiver: str) -> Profile | None:
    kind, _, number = receiver.partition(":")
    bot = id_in(number)
    return profile("user", bot, ("kind", "bot")) if kind == "bot" and bot else None
