"""From rows to answers: identifiers become strings, moments RFC 3339, unknown stays null."""

from collections.abc import Mapping, Sequence
from typing import cast

from pydantic_core import from_json

from api import models
from api.times import shown, spelled
from eventstore import event
from eventstore.event import Instant
from projections.facts import Basis
from projections.members import MemberRow
from projections.messages import VersionRow
from projections.profiles import ChatVersionRow, UserRow, UserVersionRow
from projections.reactions import ReactionRow
from projections.read.chats import CountedChat
from projections.read.users import UNSEEN, Named

_SYSTEM = models.Person(id="0", name=None, kind="system")


def identifier(number: int | None) -> str | None:
    """Spell an identifier."""
    return None if number is None else str(number)


def when(at: Instant | None, basis: Basis) -> models.When:
    """Spell a moment beside what it is known by."""
    return {"at": shown(at), "basis": basis}


def until(
    at: Instant | None, basis: Basis | None, after: Instant | None = None
) -> models.When | None:
    """Spell an end; without a basis there is none."""
    return None if basis is None else models.When(at=shown(at), basis=basis, **not_before(after))


def not_before(after: Instant | None) -> models.NotBefore:
    """Spell since when something may have been so, where that is not the moment itself."""
    return {} if after is None else models.NotBefore(not_before=spelled(after))


def person(
    user_id: int | None, names: Mapping[int, Named], *, system: bool = False
) -> models.Person:
    """Show a user as seen last. Nobody at all is the portal itself (reference, 3.1)."""
    if user_id == 0:
        return _SYSTEM
    name, kind = UNSEEN if user_id is None else names.get(user_id, UNSEEN)
    return {"id": identifier(user_id), "name": name, "kind": "system" if system else kind}


def version(row: VersionRow, *, visible: bool) -> models.Version:
    """Show a version; its text only if it is visible to who asks."""
    return {
        "version": row.version,
        "text": row.text if visible else None,
        "withheld": None if visible else "scope",
        "from": models.Since(
            at=spelled(row.from_at),
            basis=row.from_basis,
            position=row.from_position,
            **not_before(row.from_after),
        ),
        "until": until(row.until_at, row.until_basis, row.until_after),
        "witnesses": from_json(row.witnesses),
    }


def reaction(row: ReactionRow) -> models.ReactionInterval:
    """Show an interval of a reaction."""
    return {
        "code": row.code,
        "user_id": str(row.user_id),
        "from": when(row.from_at, row.from_basis),
        "until": until(row.until_at, row.until_basis),
    }


def member(row: MemberRow, names: Mapping[int, Named]) -> models.Member:
    """Show an interval of a user in a chat."""
    return models.Member(
        user=person(row.user_id, names),
        joined=when(row.joined_at, row.joined_basis),
        first_seen_at=spelled(row.first_seen_at),
        left=until(row.left_at, row.left_basis, row.left_after),
    )


def chat(counted: CountedChat) -> models.Chat:
    """Show a chat as seen last."""
    row = counted.row
    return models.Chat(
        id=str(row.chat_id),
        title=row.title,
        type=row.type,
        owner_id=identifier(row.owner_id),
        entity=_entity(row.entity_type, row.entity_id),
        first_seen_at=spelled(row.first_seen_at),
        last_activity_at=spelled(row.last_activity_at),
        messages=counted.messages,
    )


def chat_version(row: ChatVersionRow) -> models.ChatVersion:
    """Show what a chat showed once. It was observed: no event tells of a title (reference, 1.1)."""
    return {
        "id": str(row.chat_id),
        "title": row.title,
        "type": row.type,
        "owner_id": identifier(row.owner_id),
        "entity": _entity(row.entity_type, row.entity_id),
        "from": when(row.from_at, "observed"),
        "until": None if row.until_at is None else when(row.until_at, "observed"),
    }


def user(row: UserRow, versions: Sequence[UserVersionRow]) -> models.User:
    """Show a user as seen last, and what their profile showed before."""
    return models.User(
        id=str(row.user_id),
        name=row.name,
        work_position=row.work_position,
        kind=cast(models.UserKind, row.kind),
        first_seen_at=spelled(row.first_seen_at),
        last_seen_at=spelled(row.last_seen_at),
        history=[_user_version(each) for each in versions],
    )


def log_event(row: event.Event, *, readable: bool) -> models.Event:
    """Show an event of the log; its redacted payload only if it is readable to who asks."""
    return models.Event(
        position=row.position,
        key=row.key,
        event_type=row.event_type,
        source=row.source,
        receiver=row.receiver,
        sent_at=shown(row.sent_at),
        received_at=spelled(row.received_at),
        payload=from_json(row.payload) if readable else None,
    )


def _user_version(row: UserVersionRow) -> models.UserVersion:
    return {
        "name": row.name,
        "work_position": row.work_position,
        "kind": cast(models.UserKind, row.kind),
        "from": when(row.from_at, "observed"),
        "until": None if row.until_at is None else when(row.until_at, "observed"),
    }


def _entity(entity_type: str | None, entity_id: str | None) -> models.Entity | None:
    return models.Entity(type=entity_type, id=entity_id) if entity_type else None
