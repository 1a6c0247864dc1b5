"""Coverage: from when until when all that happened in a chat was seen, and what was not.

A moment is covered by a receiver that sees everything of the chat (its own dialogs even a bot that
elsewhere sees mentions only), where three things hold:

- Its queue was watched. What a stretch tells up to `until` is all that had been written `LAG`
  earlier. A hole wins over what an earlier stretch told; what was written within `LAG` before the
  hole may have been lost in it too.
- It had the chat. What came by its queue shows that, and to have joined, and to be among its
  members. Between two such sightings it had it all the while, unless it joined or left between
  them, or was refused, or there was a hole in its watch: to be removed sends it nothing, to be
  added again does, and that may have been lost.
- It was seen to have the chat later. After the last sighting nothing is said to be covered, nor
  for sure what followed it within its second: a portal's times are of whole seconds.

Webhooks prove nothing: a chat that only they saw is unknown.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Final, Literal, NamedTuple

from eventstore.event import Instant
from projections.intervals import Interval, both, covers, gaps, union, without
from projections.stretches import UNTOLD

LAG: Final = 30_000_000
"""Microseconds that an event may take into the queue: a smaller id may show after a larger one."""

SETTLED: Final = 120_000_000
"""Microseconds within which two witnesses tell of the same joining or leaving."""

SECOND: Final = 1_000_000
"""The resolution of the portal's times, in microseconds."""

ALWAYS: Final = -(2**62)
"""Before every moment."""

NEVER: Final = 2**62
"""Behind every moment."""

Status = Literal["complete", "partial", "unknown"]


class Watched(NamedTuple):
    """A stretch in which a receiver's queue was watched, and the hole right before it."""

    receiver: str
    since: Instant
    until: Instant
    sees: str
    hole_from: Instant | None
    cause: str | None


class Move(NamedTuple):
    """That a receiver itself joined or left the chat, or was `present` or `absent` in a list."""

    receiver: str
    at: Instant
    action: str
    witness: str


class Look(NamedTuple):
    """That a receiver read the chat over REST: `access` is `read`, `limited` or `lost`.

    `since` is when the oldest message that it read was posted, null where it read the whole chat.
    """

    receiver: str
    at: Instant
    access: str
    since: Instant | None


class Evidence(NamedTuple):
    """All that tells of how a chat was seen.

    `sightings` are moments at which something of the chat came by a receiver's queue. Not all are
    needed: the nearest on either side of each move, of each look, of both ends of each stretch, and
    of the beginning of each hole; and the last.
    """

    watched: Sequence[Watched] = ()
    moves: Collection[Move] = ()
    looks: Collection[Look] = ()
    sightings: Collection[tuple[str, Instant]] = ()
    private: bool = False


class Window(NamedTuple):
    """What is asked about: both ends included.

    `lived` is when something of it is known to have happened last. What the queues had nothing of
    until long after that has passed them by.
    """

    begin: Instant = ALWAYS
    end: Instant = NEVER
    lived: Instant = ALWAYS


EVER: Final = Window()


class Hole(NamedTuple):
    """What was not seen, and why. It has no beginning, or no end, where that is null.

    `repaired` says that the chat was read over REST afterwards, as far back as the hole: what
    stood there then is known, what had come and gone is not.
    """

    begin: Instant | None
    until: Instant | None
    cause: str
    receiver: str | None
    repaired: bool


class Coverage(NamedTuple):
    """What was seen of a window: `since` and `until` are the ends of what is covered of it.

    `complete`: all of it, up to `until`. `partial`: there are holes. `unknown`: nothing of it is
    covered, nor was it read over REST. `reactions` is the same of reactions: a bot's queue tells
    nothing of those to other people's messages (reference, trap 42).
    """

    status: Status
    since: Instant | None
    until: Instant | None
    holes: tuple[Hole, ...]
    reactions: Status


class Seen(NamedTuple):
    """How one receiver saw a chat, all in order of time.

    `watched` is when its queue was watched and saw everything of the chat, `glanced` when it saw
    mentions only; `stays` is when it is known to have had the chat; `gone`: it has it no more.
    """

    receiver: str
    watched: list[Interval]
    glanced: list[Interval]
    holes: list[tuple[Instant, Instant, str]]
    stays: list[Interval]
    gone: bool

    @property
    def covered(self) -> list[Interval]:
        """When it saw all of the chat."""
        return both(self.watched, self.stays)


def coverage(evidence: Evidence, window: Window = EVER) -> Coverage:
    """Say what was seen of a chat in a window.

    A pure function of what the evidence says, in whatever order, however often it says it.
    """
    return judged(seen_by(evidence), evidence.looks, window)


def summary(watched: Iterable[Watched], window: Window = EVER) -> Coverage:
    """Say how the queues of a portal were watched: every hole in the watch of any of them.

    Never `complete`: of the chats that no receiver has, nothing is known.
    """
    of_receiver: defaultdict[str, list[Watched]] = defaultdict(list)
    for each in set(watched):
        of_receiver[each.receiver].append(each)
    covered: list[Interval] = []
    holes: list[Hole] = []
    for receiver, stretches in sorted(of_receiver.items()):
        seen = _seen(receiver, stretches, Evidence(), ())._replace(stays=[(ALWAYS, NEVER)])
        parts = both(seen.covered, [window[:2]])
        covered += parts
        holes += _holes([seen], (), parts, window)
    if not covered:
        return Coverage("unknown", None, None, tuple(holes), "unknown")
    since, until = min(covered)[0], max(until for _, until in covered)
    return Coverage("partial", since, until, tuple(holes), "partial")


def seen_by(evidence: Evidence) -> list[Seen]:
    """Say how each watched receiver that is known to have had the chat saw it, by name."""
    there: defaultdict[str, set[Instant]] = defaultdict(set)
    for receiver, at in evidence.sightings:
        there[receiver].add(at)
    for move in evidence.moves:
        if move.action != "absent":  # to have left is to have been there
            there[move.receiver] |= {move.at} if move.action == "present" else set()
    for look in evidence.looks:
        if look.access != "lost":  # to read it is no proof of being told of it
            there[look.receiver] |= set()
    stretches: defaultdict[str, list[Watched]] = defaultdict(list)
    for each in set(evidence.watched):
        stretches[each.receiver].append(each)
    return [
        _seen(receiver, stretches[receiver], evidence, sorted(there[receiver]))
        for receiver in sorted(there.keys() & stretches.keys())
    ]


def _seen(
    receiver: str, stretches: Sequence[Watched], evidence: Evidence, sightings: Sequence[Instant]
) -> Seen:
    holes = sorted(
        (ALWAYS if each.hole_from is None else each.hole_from - LAG, each.since, each.cause)
        for each in stretches
        if each.cause is not None
    )
    edges = {(each.since, "watched") for each in stretches}
    edges |= {(each.until, "told") for each in stretches}  # of a hole behind it nothing may be told
    edges |= {(each.hole_from, "hole") for each in stretches if each.hole_from is not None}
    edges |= {
        (look.at, "lost")
        for look in evidence.looks
        if look.receiver == receiver and look.access == "lost"
    }
    moves = [move for move in evidence.moves if move.receiver == receiver]
    edges |= {(move.at, "lost") for move in moves if move.action == "absent"}
    edges |= set(_settled(move for move in moves if move.action in {"joined", "left"}))
    stays, gone = _stays(sorted(edges), sightings)
    return Seen(
        receiver,
        _watched((each for each in stretches if _all(each, evidence)), holes),
        _watched((each for each in stretches if not _all(each, evidence)), holes),
        holes,
        stays,
        gone,
    )


def _all(stretch: Watched, evidence: Evidence) -> bool:
    return evidence.private or stretch.sees == "everything"


def _watched(
    stretches: Iterable[Watched], holes: Iterable[tuple[Instant, Instant, str]]
) -> list[Interval]:
    watched = union((each.since, each.until - LAG) for each in stretches)
    for begin, end, _ in holes:
        watched = without(watched, begin, end)
    return watched


def _settled(moves: Iterable[Move]) -> Iterator[tuple[Instant, str]]:
    """Give each joining and each leaving once, when it was told of first.

    Who tells of the same twice tells of two: of a removal between them nothing was told.
    """
    last, witnesses = (ALWAYS, ""), set[str]()
    for _, at, action, witness in sorted(set(moves)):
        if last[1] != action or at > last[0] + SETTLED or witness in witnesses:
            last, witnesses = (at, action), set()
            yield last
        witnesses.add(witness)


def _stays(
    edges: Sequence[tuple[Instant, str]], sightings: Sequence[Instant]
) -> tuple[list[Interval], bool]:
    """Give when a receiver had the chat, between edges; and whether it is known to be gone."""
    stays: list[Interval] = []
    begins: list[tuple[Instant, str]] = [(ALWAYS, ""), *edges]
    ends: list[tuple[Instant, str]] = [*edges, (NEVER, "")]
    gone = False
    for (begin, opening), (end, closing) in zip(begins, ends, strict=True):
        first = begin + SETTLED + 1 if opening == "left" else begin
        seen = [*sightings[bisect_left(sightings, first) : bisect_left(sightings, end)]]
        # what was written before it joined, in the same second, bears the same time
        since = [begin + SECOND] if opening == "joined" else seen[:1]
        until = [end] if closing == "left" else seen[-1:]
        stays += zip(since, until, strict=False)
        gone = not seen and (gone or opening in {"left", "lost"})
    return union(stays), gone


def judged(seen: Sequence[Seen], looks: Collection[Look], window: Window = EVER) -> Coverage:
    """Say what these receivers together saw of a window, and what was read over REST."""
    looks = [look for look in looks if look.access == "read" and look.at <= window.end]
    covered = both(union(part for each in seen for part in each.covered), [window[:2]])
    holes = tuple(_holes(seen, looks, covered, window))
    status: Status = "partial" if holes else "complete"
    if not covered and not any(hole.repaired for hole in holes):
        status = "unknown"
    reactions = status
    if status == "complete":
        people = [each for each in seen if not each.receiver.startswith("bot:")]
        of_people = both(union(part for each in people for part in each.covered), covered)
        if of_people != covered:
            reactions = "partial" if of_people else "unknown"
    if not covered:
        return Coverage(status, None, None, holes, reactions)
    return Coverage(status, covered[0][0], covered[-1][1], holes, reactions)


def _holes(
    seen: Sequence[Seen], looks: Sequence[Look], covered: Sequence[Interval], window: Window
) -> Iterator[Hole]:
    """Give what is not covered of a window, as far as anything is told of it, in its parts."""
    ends = [part[1] for each in seen for part in (*each.watched, *each.glanced)]
    ends += [hole[1] for each in seen for hole in each.holes]
    upto = min(max(ends, default=ALWAYS), window.end)
    if covered:
        upto = max(covered[-1][1], min(upto, window.lived))
    for since, until in gaps(covered, window.begin, upto):
        parts = [*_parts(seen, looks, since, until)]
        ahead = covered and since == covered[-1][1] and until - since <= SETTLED
        if not ahead or any(part.cause != "access_lost" for part in parts):
            yield from parts  # else another clock may be a little ahead
    listening = [each for each in seen if each.watched]
    if window.end == NEVER and listening and all(each.gone for each in listening):
        begin = max(upto, window.begin)
        told = None if begin == ALWAYS else begin
        yield Hole(told, None, "access_lost", listening[-1].receiver, repaired=False)


def _parts(
    seen: Sequence[Seen], looks: Sequence[Look], begin: Instant, end: Instant
) -> Iterator[Hole]:
    """Give a gap in parts, each with its cause; neighbours of one cause are one."""
    edges = {begin, end}
    for each in seen:
        for part in (*each.watched, *each.glanced, *each.stays, *(hole[:2] for hole in each.holes)):
            edges |= {edge for edge in part if begin < edge < end}
    parts = [(_why(seen, *part), *part) for part in pairwise(sorted(edges))]
    for (cause, receiver), group in groupby(parts, itemgetter(0)):
        of_cause = [*group]
        since = None if of_cause[0][1] == ALWAYS else of_cause[0][1]
        until = of_cause[-1][2]
        yield Hole(since, until, cause, receiver, _repaired(looks, since, until))


def _why(seen: Sequence[Seen], since: Instant, until: Instant) -> tuple[str, str | None]:
    """Say why nobody saw all of a part, within which nothing changes, and who came nearest."""
    part = since, until
    listening = [each for each in seen if each.watched]
    if found := _told(listening, part):
        return found
    for each in listening:
        if covers(each.watched, part):
            was_there = bool(each.stays) and each.stays[0][0] <= since
            return "access_lost" if was_there else "before_subscription", each.receiver
    for each in seen:
        if covers(each.glanced, part):
            return "receiver_sees_mentions_only", each.receiver
    if found := _told(seen, part):
        return found
    for each in seen:
        if any(first <= since for first, _ in (*each.watched[:1], *each.glanced[:1])):
            return UNTOLD, each.receiver
    return "before_subscription", seen[0].receiver


def _told(seen: Iterable[Seen], part: Interval) -> tuple[str, str] | None:
    """Give what was told of a part by whose watch went on last."""
    since, until = part
    holes = [
        (end, each.receiver, cause)
        for each in seen
        for begin, end, cause in each.holes
        if begin <= since and until <= end
    ]
    if not holes:
        return None
    _, receiver, cause = max(holes)
    return cause, receiver


def _repaired(looks: Iterable[Look], since: Instant | None, until: Instant) -> bool:
    return any(
        look.at >= until and (look.since is None or (since is not None and look.since <= since))
        for look in looks
    )
