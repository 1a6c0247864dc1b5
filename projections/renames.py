"""What chats and users were called, and when that became something else."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from pydantic_core import from_json

from eventstore.event import Instant
from projections.facts import Fact
from projections.profiles import chat_rows, user_rows
from projections.spans import Span, SpanKey, gather, merge

_FIELD: Final = {"chat": "title", "user": "name"}

Kind = Literal["chat", "user"]
Subject = tuple[Kind, int]
"""What has a title or a name, and its id."""


class Rename(NamedTuple):
    """A chat or a user who is called otherwise from a moment on."""

    subject: Subject
    at: Instant
    was: str
    now: str


class Names:
    """What some chats and users are called, as one position after the other tells it.

    `spans` are those that were known before, of all who may have been renamed; `contents` is that
    of every profile of theirs that names them, also of those that are yet to be seen.
    """

    def __init__(
        self, spans: Mapping[Subject, Sequence[Span]], contents: Mapping[int, str]
    ) -> None:
        about = {named: _about(content) for named, content in contents.items()}
        self._about = defaultdict(int, about)
        self._contents = contents
        self._names = {each: _Name(each, merge(seen), contents) for each, seen in spans.items()}

    def learn(self, facts: Sequence[Fact]) -> Iterator[Rename]:
        """Learn what one position tells, and give what was renamed."""
        if not self._names:
            return
        seen: defaultdict[tuple[str, int], list[Span]] = defaultdict(list)
        for span in gather(facts, self._about).values():
            if span.profile in self._contents:
                seen[span.subject, span.subject_id].append(span)
        for subject in sorted(self._names.keys() & seen.keys()):
            yield from self._names[subject].learn(seen[subject])


def name_in(kind: Kind, content: str) -> str | None:
    """Return the title or the name that was seen, None where none was."""
    name: str | None = from_json(content).get(_FIELD[kind])
    return name


class _Name:
    """What one chat or user is called: from when it was seen as what."""

    def __init__(
        self, subject: Subject, spans: dict[SpanKey, Span], contents: Mapping[int, str]
    ) -> None:
        self._subject = subject
        self._spans = spans
        self._contents = contents
        self._called = self._fold()
        self._stale = False

    def learn(self, seen: Sequence[Span]) -> Iterator[Rename]:
        newest = max((span.last_at for span in self._spans.values()), default=0)
        if all(self._is_as_before(span, newest) for span in seen):
            merge(seen, into=self._spans)
            self._stale = True  # no name is new, but one that came back may have done so later
            return
        before = self._fold() if self._stale else self._called
        merge(seen, into=self._spans)
        self._called, self._stale = self._fold(), False
        yield from _gained(self._renames(before), self._renames(self._called))

    def _is_as_before(self, span: Span, newest: Instant) -> bool:
        """Say whether it was seen as it was seen last: then it need not be folded again."""
        last = self._called[-1][1] if self._called else None
        name = name_in(self._subject[0], self._contents[span.profile])
        return span.first_at >= newest and name in {None, last}

    def _fold(self) -> list[tuple[Instant, str]]:
        spans = self._spans.values()
        shown: Iterable[tuple[Instant, str | None]]
        if self._subject[0] == "chat":
            versions = chat_rows(spans, self._contents).versions
            shown = ((row.from_at, row.title) for row in versions)
        else:
            profiles = user_rows(spans, self._contents).versions
            shown = ((row.from_at, row.name) for row in profiles)
        return [(at, name) for at, name in shown if name is not None]

    def _renames(self, called: Iterable[tuple[Instant, str]]) -> list[Rename]:
        return [
            Rename(self._subject, at, was, now)
            for (_, was), (at, now) in pairwise(called)
            if was != now
        ]


def _gained(before: Sequence[Rename], after: Sequence[Rename]) -> Iterator[Rename]:
    """Give the renames that were not there before; that one was at another moment is none."""
    there = {(each.at, each.now) for each in before}
    new = [each for each in after if (each.at, each.now) not in there]
    still = {(each.at, each.now) for each in after}
    moved = Counter(each.now for each in before if (each.at, each.now) not in still)
    for each in new:
        if moved[each.now]:
            moved[each.now] -= 1
        else:
            yield each


def _about(content: str) -> int:
    seen = from_json(content)
    return int(seen.get("user", seen.get("chat")))
