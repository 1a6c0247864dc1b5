"""What changed: at each position, what is known since then and was not before.

A change stands at the position that told of it first, however many witnesses repeat it. What was
found at a position is found there for ever: only what was told by then counts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from operator import attrgetter
from typing import Final, Literal, NamedTuple, cast, get_args

from eventstore.event import Instant
from projections.agree import Entry
from projections.facts import Basis, Fact
from projections.members import left_basis, member_chain
from projections.messages import MessageRows, VersionRow, chat_of, message_rows
from projections.reactions import reaction_chains
from projections.renames import Names, Rename
from projections.tables import MEMBER_KINDS

Kind = Literal["edited", "deleted", "reaction", "joined", "left", "renamed"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

Pair = tuple[int, int]
"""A chat and a user."""

OF_TEXTS: Final = ("message_posted", "message_edited", "message_deleted", "message_observed")
"""The kinds of facts that tell of a text or of its end."""

OF_REACTIONS: Final = ("reaction_added", "reaction_removed")
"""The kinds of facts that tell of a reaction."""


_ALTERING: Final = ("message_edited", "message_deleted", "message_observed")
"""The kinds of facts that may tell of an edit or of an end, whatever text they show."""


class Change(NamedTuple):
    """Something that became known. `at` is when it was so, as far as that is known.

    Where it was only found to have happened, that is not later than `at`, nor before `after`.
    The ids say what it is about; who did it is `by`. `version` is the number of an edit's text as
    it was then: a late report may number texts anew.
    """

    position: int
    kind: Kind
    at: Instant | None
    after: Instant | None
    basis: Basis
    chat_id: int | None
    message_id: int | None = None
    user_id: int | None = None
    version: int | None = None
    by: int | None = None
    by_basis: Basis | None = None
    code: str | None = None
    action: str | None = None
    rename: Rename | None = None


class Before(NamedTuple):
    """What was told before some news, of each message, member and name that they may change."""

    messages: Mapping[int, Sequence[Fact]]
    members: Mapping[Pair, Sequence[Fact]]
    names: Names


def changes(news: Iterable[Fact], before: Before) -> Iterator[Change]:
    """Give what news changed, position by position. They must come in the order of positions."""
    messages = {key: _Message(facts) for key, facts in before.messages.items()}
    members = {key: [*facts] for key, facts in before.members.items()}
    for position, told in groupby(news, attrgetter("position")):
        facts = list(told)
        for message_id, of_message in sorted(by_message(facts).items()):
            known = messages.setdefault(message_id, _Message(()))
            yield from known.learn(position, of_message)
        for pair, moves in sorted(by_member(facts).items()):
            yield from _moved(position, pair, members.setdefault(pair, []), moves)
        for rename in before.names.learn(facts):
            yield _renamed(position, rename)


def by_message(facts: Iterable[Fact]) -> dict[int, list[Fact]]:
    """Part facts that may change a message by the message that they name."""
    found: defaultdict[int, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.message_id is not None and (fact.kind in OF_REACTIONS or _tells_of_text(fact)):
            found[fact.message_id].append(fact)
    return found


def by_member(facts: Iterable[Fact]) -> dict[Pair, list[Fact]]:
    """Part joins and leaves by who joined or left what."""
    found: defaultdict[Pair, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.kind in MEMBER_KINDS and fact.chat_id is not None and fact.user_id is not None:
            found[fact.chat_id, fact.user_id].append(fact)
    return found


def _tells_of_text(fact: Fact) -> bool:
    return fact.kind in OF_TEXTS or fact.text is not None


class _Message:
    """One message, as one position after the other tells of it."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._facts = [*facts]
        self._texts: set[str] = set()
        self._plain = True
        self._see(self._facts)
        # Nothing of a plain message was gained that could be gained again.
        self._rows = MessageRows(None, ()) if self._plain else message_rows(self._facts)

    def learn(self, position: int, news: Sequence[Fact]) -> Iterator[Change]:
        """Learn what one position tells, and give what that changed."""
        self._see(news)
        before = self._before(news)
        self._facts += news
        message_id = news[0].message_id
        if before is not None:
            self._rows = now = message_rows(self._facts)
            for version in self._gained_edits(before, now):
                by, by_basis = _by(now, version)
                yield Change(
                    position,
                    "edited",
                    version.from_at,
                    version.from_after,
                    version.from_basis,
                    chat_of(self._facts),
                    message_id,
                    version=version.version,
                    by=by,
                    by_basis=by_basis,
                )
            row = now.message
            if row and row.deleted_basis and not (before.message and before.message.deleted_basis):
                yield Change(
                    position,
                    "deleted",
                    row.deleted_at,
                    row.deleted_after,
                    row.deleted_basis,
                    chat_of(self._facts),
                    message_id,
                    by=row.deleted_by,
                    by_basis=row.deleted_by_basis,
                )
        for fact, act in self._gained_acts(news):
            yield Change(
                position,
                "reaction",
                act.at,
                None,
                act.basis,
                chat_of(self._facts),
                message_id,
                fact.user_id,
                code=fact.code,
                action=act.text,
            )

    def _see(self, news: Iterable[Fact]) -> None:
        """Look whether it is still plain: told of with one text at most, and with no end."""
        for fact in news:
            if fact.text is not None:
                self._texts.add(fact.text)
            if fact.kind in _ALTERING:
                self._plain = False
        self._plain = self._plain and len(self._texts) <= 1

    def _before(self, news: Iterable[Fact]) -> MessageRows | None:
        """Return the rows before news that may change the text or the state; None of any other.

        Whoever reacts may do that to one that is gone: who did not find it was wrong.
        """
        if self._plain:  # most of them, which need not be folded
            return None
        known = self._rows.message
        doubtful = known is not None and known.deleted_basis == "inferred"
        return self._rows if doubtful or any(map(_tells_of_text, news)) else None

    def _gained_edits(self, before: MessageRows, now: MessageRows) -> Iterator[VersionRow]:
        known = {version.from_position for version in self._edits(before)}
        return (version for version in self._edits(now) if version.from_position not in known)

    def _edits(self, rows: MessageRows) -> Iterator[VersionRow]:
        """Leave out the first text, unless it was an edit that told of it first."""
        edits = {fact.position for fact in self._facts if fact.kind == "message_edited"}
        return (
            version
            for version in rows.versions
            if version.version > 1 or version.from_position in edits
        )

    def _gained_acts(self, news: Iterable[Fact]) -> Iterator[tuple[Fact, Entry]]:
        by_act = {_act(fact): fact for fact in news if fact.kind in OF_REACTIONS}
        for key, fact in sorted(by_act.items()):
            alike = [each for each in self._facts if _act(each) == key]
            before = [each for each in alike if each.position < fact.position]
            for act in _gained(*(_chain(facts) for facts in (before, alike))):
                yield fact, act


def _act(fact: Fact) -> tuple[int, str]:
    return fact.user_id or 0, fact.code or ""


def _chain(facts: Iterable[Fact]) -> list[Entry]:
    return [*chain.from_iterable(reaction_chains(facts).values())]


def _by(rows: MessageRows, version: VersionRow) -> tuple[int | None, Basis | None]:
    if rows.message and version is rows.versions[-1] and rows.message.edited_by_basis:
        return rows.message.edited_by, rows.message.edited_by_basis
    return None, "unknown"


def _moved(position: int, pair: Pair, known: list[Fact], news: Sequence[Fact]) -> Iterator[Change]:
    before = member_chain(known)
    known += news
    for move in _gained(before, member_chain(known)):
        kind = cast(Kind, move.text)  # joined, or left
        basis = left_basis(move) if kind == "left" else move.basis
        yield Change(position, kind, move.at, move.after, basis, pair[0], user_id=pair[1])


def _gained(before: Iterable[Entry], after: Iterable[Entry]) -> Iterator[Entry]:
    """Give the entries of a chain that are new: whose first report made none before."""
    known = set(map(_told_at, before))
    return (entry for entry in after if _told_at(entry) not in known)


def _told_at(entry: Entry) -> int:
    return min(report.fact.position for report in entry.reports)


def _renamed(position: int, rename: Rename) -> Change:
    subject, subject_id = rename.subject
    return Change(
        position,
        "renamed",
        rename.at,
        None,
        "observed",
        subject_id if subject == "chat" else None,
        user_id=subject_id if subject == "user" else None,
        rename=rename,
    )
