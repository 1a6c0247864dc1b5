"""Messages: what each says and has said, and who posted, edited and deleted it when."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from pydantic_core import from_json
from sqlalchemy import Index

from eventstore.event import Instant
from projections.agree import CHANGE, POSTING, Entry, Report, agree, close_up
from projections.canonical import classes, cut
from projections.facts import Basis, Fact, canonical_json
from projections.tables import table_of

_RANK: Final = {"message_posted": POSTING, "message_edited": CHANGE}
_TELLING: Final = {
    "message_posted": 0,
    "message_edited": 1,
    "message_deleted": 2,
    "message_observed": 3,
}
_LEAST_TELLING: Final = 4
_PARTS: Final = frozenset({"reply_to", "forward", "files"})
_NOTHING: Final[Mapping[str, Any]] = {}


class MessageRow(NamedTuple):
    """A message as it is now. The fields are the columns, in their order.

    `text` is that of the newest version, also after a deletion; null where no text was seen.
    `versions` counts them. What the source did not say is null, and the basis beside it says why.
    `edited_…` and `deleted_…` are all null while nobody witnessed such a thing. Where it was only
    found to have happened, it was so at `…_at` at the latest, and not before `…_after`, when the
    message was last seen otherwise; that is null where the time is known. `reply_to`,
    `forward`, `files` and `witnesses` are JSON texts. `first_at` and `last_at` are the earliest and
    the latest time that anything tells of; `disputed` is 1 where some of the witnesses alone would
    show another time of the posting, or a deletion: as of an earlier moment that may be so.
    """

    portal_id: int
    message_id: int
    chat_id: int | None
    author_id: int | None
    text: str | None
    state: Literal["live", "deleted"]
    versions: int
    system: int
    posted_at: Instant | None
    posted_basis: Basis
    edited_at: Instant | None
    edited_after: Instant | None
    edited_basis: Basis | None
    edited_by: int | None
    edited_by_basis: Basis | None
    deleted_at: Instant | None
    deleted_after: Instant | None
    deleted_basis: Basis | None
    deleted_by: int | None
    deleted_by_basis: Basis | None
    reply_to: str | None
    forward: str | None
    files: str
    first_position: int
    last_position: int
    witnesses: str
    first_at: Instant
    last_at: Instant
    disputed: int


class VersionRow(NamedTuple):
    """A text that a message had, from one moment until the next. The fields are the columns.

    A text that was read over REST began at `from_at` at the latest, and after `from_after`: when
    the message was last seen otherwise, or was created; null for any other. The same of its end.
    `from_position` is the lowest position that tells of it. `until_at` is null for the last
    version of a live message; for the last of a deleted one it is the deletion, even where the
    version was reported later than that (reference, trap 9).
    """

    portal_id: int
    message_id: int
    version: int
    text: str
    from_at: Instant
    from_after: Instant | None
    from_basis: Basis
    from_position: int
    until_at: Instant | None
    until_after: Instant | None
    until_basis: Basis | None
    witnesses: str


class ClaimRow(NamedTuple):
    """What some witness said of where a message is, or of who wrote it, and its row does not say.

    `claimed` is a chat or an author; 0 is a chat that was left out. Few messages have any. As of
    an earlier moment the claim may be all that is known.
    """

    portal_id: int
    message_id: int
    subject: Literal["chat", "author"]
    claimed: int


class MessageRows(NamedTuple):
    """All rows of one message."""

    message: MessageRow | None
    versions: tuple[VersionRow, ...]
    claims: tuple[ClaimRow, ...] = ()


message: Final = table_of(
    "message",
    MessageRow,
    # Unique, as the key makes them: so SQLite knows that what they find is in order.
    Index("message_chat", "portal_id", "chat_id", "message_id", unique=True),
    Index("message_author", "portal_id", "author_id", "message_id", unique=True),
    key=2,
)
message_version: Final = table_of("message_version", VersionRow, key=3)
message_claim: Final = table_of(
    "message_claim",
    ClaimRow,
    Index("message_claim_place", "portal_id", "subject", "claimed", "message_id"),
    key=4,
    rowid=False,
)


class _Told(NamedTuple):
    """A fact, and its detail, read."""

    fact: Fact
    detail: Mapping[str, Any]


class _Deed(NamedTuple):
    """An edit or a deletion: five columns of a message."""

    at: Instant | None
    after: Instant | None
    basis: Basis | None
    by: int | None
    by_basis: Basis | None


_NEVER: Final = _Deed(None, None, None, None, None)


def message_rows(facts: Iterable[Fact]) -> MessageRows:
    """Give the rows of one message: from all facts that name it, in any order, repeated or not.

    A deletion is final; what came after it stays in the chain (reference, trap 9). That a message
    was not found is no deletion where anything later tells of it.
    """
    told = [_Told(fact, from_json(fact.detail) if fact.detail else _NOTHING) for fact in facts]
    if not told:
        return MessageRows(None, ())
    changes, deletions, sights, misses = _part(told)
    texts = classes([_text(each) for each in changes + sights])
    chain = agree(_reports(changes, texts), _reports(sights, texts))
    posted = _posted(told)
    edited = _edited(chain)
    deleted = _missed(misses, told) if misses and not deletions else _deleted(deletions)
    versions = _versions(chain, posted, deleted)
    positions = [each.fact.position for each in told]
    times = [each.fact.occurred_at for each in told]
    fact = told[0].fact
    row = MessageRow(
        fact.portal_id,
        fact.message_id or 0,
        _most_telling(told, _chat),
        _most_telling(told, _author),
        versions[-1].text if versions else None,
        "live" if deleted.basis is None else "deleted",
        len(versions),
        int(any(each.detail.get("system") for each in told)),
        posted[0],
        posted[1],
        *edited,
        *deleted,
        *_parts(told, chain),
        min(positions),
        max(positions),
        names_of(frozenset([each.fact.witness for each in told])),
        min(times),
        max(times),
        int(_disputed(told, deleted)),
    )
    return MessageRows(row, versions, _claims(told, row))


def chat_of(facts: Iterable[Fact]) -> int | None:
    """Say which chat one message is in, from facts that name it."""
    return _most_telling([_Told(fact, _NOTHING) for fact in facts], _chat)


def _part(
    told: Sequence[_Told],
) -> tuple[list[_Told], list[_Told], list[_Told], list[_Told]]:
    """Part what tells of a text, of the deletion, what only lets a text be seen, or miss it.

    An edit to nothing is a deletion (reference, trap 32), unless the message ever had more to
    show than its text.
    """
    changes: list[_Told] = []
    deletions: list[_Told] = []
    sights: list[_Told] = []
    misses: list[_Told] = []
    for each in told:
        kind, text = each.fact.kind, each.fact.text
        if kind == "message_deleted" or (kind == "message_edited" and text == "" and _bare(told)):
            deletions.append(each)
        elif text is not None:
            (changes if kind in _RANK else sights).append(each)
        elif each.detail.get("gone") or each.detail.get("deleted"):
            misses.append(each)
    return changes, deletions, sights, misses


def _bare(told: Iterable[_Told]) -> bool:
    return not any(each.detail.get("files") or each.detail.get("attached") for each in told)


def _text(told: _Told) -> tuple[str, bool]:
    return told.fact.text or "", bool(told.detail.get("weak"))


def _reports(told: Iterable[_Told], texts: Mapping[tuple[str, bool], str]) -> list[Report]:
    return [
        Report(
            _RANK.get(each.fact.kind, CHANGE),
            each.fact.occurred_at,
            each.fact.sequence,
            each.fact.witness,
            texts[_text(each)],
            each.fact,
            each.detail,
        )
        for each in told
    ]


def _most_telling(told: Sequence[_Told], of: Callable[[_Told], int | None]) -> int | None:
    """Ask postings, then edits, deletions, and anything else; of these the earliest."""
    values = {of(each) for each in told}
    if len(values) == 1:  # all say the same
        return values.pop()
    known = [
        (_TELLING.get(fact.kind, _LEAST_TELLING), fact.occurred_at, fact.sequence or -1, value)
        for fact, value in ((each.fact, of(each)) for each in told)
        if value is not None
    ]
    return min(known)[-1] if known else None


def _chat(told: _Told) -> int | None:
    return told.fact.chat_id


def _author(told: _Told) -> int | None:
    if told.fact.kind in _TELLING:
        return told.fact.user_id
    author: int | None = told.detail.get("author")
    return author


def _posted(told: Sequence[_Told]) -> tuple[Instant | None, Basis]:
    """Say when it was created: as its posting says, or earlier, as seen on anything else."""
    seen: list[Instant] = [each.detail["posted_at"] for each in told if "posted_at" in each.detail]
    postings: list[tuple[Instant, Basis]] = [
        (each.fact.occurred_at, each.fact.basis)
        for each in told
        if each.fact.kind == "message_posted"
    ]
    if not postings:
        return (min(seen), "observed") if seen else (None, "unknown")
    return min([*postings, *((at, "observed") for at in seen)])


def _disputed(told: Sequence[_Told], deleted: _Deed) -> bool:
    """Say whether fewer facts could tell of a later posting, or of a deletion that these deny."""
    posted = {
        each.detail.get("posted_at", each.fact.occurred_at)
        for each in told
        if each.fact.kind == "message_posted" or "posted_at" in each.detail
    }
    return len(posted) > 1 or (
        deleted.basis is None
        and any(
            (each.fact.kind == "message_edited" and not each.fact.text) or each.detail.get("gone")
            for each in told
        )
    )


def _claims(told: Sequence[_Told], row: MessageRow) -> tuple[ClaimRow, ...]:
    chats = {_chat(each) or 0 for each in told} - {row.chat_id or 0}
    authors = {_author(each) or 0 for each in told} - {row.author_id or 0, 0}
    key = row.portal_id, row.message_id
    return (
        *(ClaimRow(*key, "author", claimed) for claimed in sorted(authors)),
        *(ClaimRow(*key, "chat", claimed) for claimed in sorted(chats)),
    )


def _edited(chain: Sequence[Entry]) -> _Deed:
    """Tell of the last change. A text that was the first thing to be seen is none."""
    if not chain or chain[-1].rank != CHANGE or (len(chain) == 1 and chain[0].observed):
        return _NEVER
    last = chain[-1]
    return _Deed(last.at, last.after, last.basis, *_actor(report.detail for report in last.reports))


def _deleted(deletions: Sequence[_Told]) -> _Deed:
    """Tell of the deletion: a queue knows its time better than a webhook."""
    if not deletions:
        return _NEVER
    _, at, basis = min(
        (each.fact.sequence is None, each.fact.occurred_at, each.fact.basis) for each in deletions
    )
    return _Deed(at, None, basis, *_actor(each.detail for each in deletions))


def _missed(misses: Sequence[_Told], told: Iterable[_Told]) -> _Deed:
    """Tell of a deletion of which only the result was read: a notice, or nothing any more.

    A notice proves it. That the message was not found is refuted by anything that tells later
    that it was there.
    """
    notices = [each.fact.occurred_at for each in misses if each.detail.get("deleted")]
    seen = _sightings(told)
    last = max(seen, default=None)
    at = min(
        notices
        or (
            each.fact.occurred_at
            for each in misses
            if last is None or each.fact.occurred_at >= last
        ),
        default=None,
    )
    if at is None:
        return _NEVER
    after = max((moment for moment in seen if moment <= at), default=None)
    return _Deed(at, after, "rest_snapshot" if notices else "inferred", None, "unknown")


def _sightings(told: Iterable[_Told]) -> list[Instant]:
    """Give the moments at which the message was there."""
    moments: list[Instant] = []
    for each in told:
        if "posted_at" in each.detail:
            moments.append(each.detail["posted_at"])
        if not (each.detail.get("gone") or each.detail.get("deleted")):
            moments.append(each.fact.occurred_at)
    return moments


def _actor(details: Iterable[Mapping[str, Any]]) -> tuple[int | None, Basis]:
    """Say who did it, where all hints name one user: never the author for want of one (trap 4)."""
    hints = {detail["actor"] for detail in details if "actor" in detail}
    return (hints.pop(), "inferred") if len(hints) == 1 else (None, "unknown")


def _versions(
    chain: Sequence[Entry], posted: tuple[Instant | None, Basis], deleted: _Deed
) -> tuple[VersionRow, ...]:
    """Number the texts; each lasts until the next, the last one until the deletion."""
    if not chain:
        return ()
    closed = close_up(chain)
    starts = [(entry.at, entry.after, entry.basis) for entry in closed]
    if posted[0] is not None:
        first = closed[0]
        if first.rank == POSTING:
            # a posting is as old as the message, also where a slow witness told of it
            starts[0] = posted[0], None, posted[1]
        elif first.basis == "rest_snapshot":
            starts[0] = first.at, min(posted[0], first.at), first.basis
    ends = [*starts[1:], deleted[:3]]
    return tuple(
        VersionRow(
            entry.reports[0].fact.portal_id,
            entry.reports[0].fact.message_id or 0,
            number,
            _shown(entry.reports),
            *start,
            min([report.fact.position for report in entry.reports]),
            *end,
            names_of(frozenset([report.witness for report in entry.reports])),
        )
        for number, (entry, start, end) in enumerate(zip(closed, starts, ends, strict=True), 1)
    )


def _shown(reports: Sequence[Report]) -> str:
    """Choose among spellings of one text: a complete one, then a queue's, then the earliest."""
    if len(reports) == 1:
        return reports[0].fact.text or ""

    def worth(report: Report) -> tuple[bool, bool, Instant, int, str]:
        text = report.fact.text or ""
        worse = bool(report.detail.get("weak")) or cut(text)
        return worse, report.sequence is None, report.at, report.sequence or -1, text

    return min(map(worth, reports))[-1]


def _parts(told: Sequence[_Told], chain: Sequence[Entry]) -> tuple[str | None, str | None, str]:
    """Tell what the message replies to, what it forwards, and its files, as JSON."""
    details = [each.detail for each in told]
    if all(_PARTS.isdisjoint(detail) for detail in details):
        return None, None, "[]"
    groups = [[each.detail for each in told if each.fact.text is None]]
    groups += [[report.detail for report in entry.reports] for entry in chain]
    reply, forward = _latest(groups, "reply_to"), _latest(groups, "forward")
    replies = [detail["reply_to"] for detail in details if detail.get("reply_to")]
    files = [file for detail in details for file in detail.get("files") or ()]
    return (
        canonical_json(_filled(reply, replies, "message_id")) if reply else None,
        canonical_json(forward) if forward else None,
        canonical_json([_filled(file, files, "id") for file in _latest(groups, "files") or ()]),
    )


def _latest(groups: Sequence[Collection[Mapping[str, Any]]], part: str) -> Any:
    """Take the part from the latest change that has it: absent is not cleared (trap 19)."""
    for details in reversed(groups):
        given = [detail[part] for detail in details if part in detail]
        if given:
            return min(given, key=canonical_json)
    return None


def _filled(part: Mapping[str, Any], known: Iterable[Mapping[str, Any]], name: str) -> Any:
    """Fill what one witness left open from what another said of the same."""
    alike = [other for other in known if other.get(name) == part.get(name)]
    return {
        field: min(
            (other[field] for other in alike if other.get(field) is not None),
            key=canonical_json,
            default=None,
        )
        if value is None
        else value
        for field, value in part.items()
    }


@lru_cache(maxsize=4096)
def names_of(witnesses: Collection[str]) -> str:
    """Spell who witnessed something, as JSON."""
    return canonical_json(sorted(witnesses))
