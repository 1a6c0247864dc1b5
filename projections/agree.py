"""Several witnesses, one truth: all reports about one thing, made one chain of what happened."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import accumulate, pairwise
from operator import attrgetter
from typing import Any, Final, NamedTuple

from eventstore.event import Instant
from projections.facts import Basis, Fact

WINDOW: Final = 120_000_000
"""How far apart, in microseconds, two witnesses may place one change (reference, section 4)."""

POSTING: Final = 0
CHANGE: Final = 1


class Report(NamedTuple):
    """What one witness says of one change, once.

    `rank` is POSTING or CHANGE: whatever the clocks say, a posting comes first. `text` is what is
    compared: a canonical text, or an action. A report with a `sequence` came by a queue. `detail`
    is the fact's, read.
    """

    rank: int
    at: Instant
    sequence: int | None
    witness: str
    text: str
    fact: Fact
    detail: Mapping[str, Any]


class Entry(NamedTuple):
    """One change, and the reports that tell of it; the first of them gave it its place and time.

    `observed`: nobody reported the change, its text was seen on something else. Where it was `read`
    over REST, the change was made at `at` or before, and `after` the last moment at which the
    text before it was seen.
    """

    rank: int
    at: Instant
    text: str
    reports: tuple[Report, ...]
    observed: bool
    read: bool = False
    after: Instant | None = None

    @property
    def basis(self) -> Basis:
        """How well the time is known."""
        if self.observed:
            return "rest_snapshot" if self.read else "observed"
        if len(self.reports) == 1:
            return self.reports[0].fact.basis
        # the alphabet happens to put the better knowledge first
        return min(report.fact.basis for report in self.reports if report.at == self.at)


def agree(reports: Sequence[Report], observations: Sequence[Report] = ()) -> list[Entry]:
    """Give the chain of changes that the reports about one thing tell of, in its order.

    Never depends on the order or the repetition of the reports, and is right whenever the queues
    together saw every change; webhooks alone stay fallible. Neighbours may be equal: `close_up`.
    What was read over REST is an observation that joins what it confirms: so a report that comes
    late takes the place of the guess that was made without it.
    """
    if len(reports) == 1 and not observations:
        only = reports[0]
        return [Entry(only.rank, only.at, only.text, (only,), observed=False)]
    if len(observations) == 1 and not reports:  # a message that was only read: most of a backfill
        only = observations[0]
        read = _read(observations)
        return [Entry(only.rank, only.at, only.text, (only,), observed=True, read=read)]
    deliveries = _deliveries(reports)
    chain = _from_queues(told for told in deliveries if told[0].sequence is not None)
    queued = bool(chain)
    for told in _by_webhook(told for told in deliveries if told[0].sequence is None):
        _add_webhook(chain, told, queued=queued)
    for seen in _deliveries(observations):
        _observe(chain, seen)
    return [change.entry() for change in chain]


def close_up(chain: Iterable[Entry]) -> list[Entry]:
    """Make one of neighbours that say the same: it began with the first of them."""
    closed: list[Entry] = []
    for entry in chain:
        if closed and closed[-1].text == entry.text:
            last = closed[-1]
            closed[-1] = last._replace(reports=last.reports + entry.reports)
        else:
            closed.append(entry)
    return closed


class _Change:
    """An entry that is still gathering its reports.

    Queues told of it from `at` until `last`; its text was `seen` last at that moment.
    """

    __slots__ = (
        "after",
        "at",
        "last",
        "observed",
        "rank",
        "read",
        "reports",
        "seen",
        "text",
        "witnesses",
    )

    def __init__(self, told: list[Report], *, observed: bool = False, read: bool = False) -> None:
        self.rank = told[0].rank
        self.at = self.last = self.seen = told[0].at
        self.after: Instant | None = None
        self.text = told[0].text
        self.reports = [*told]
        self.witnesses = {told[0].witness}
        self.observed = observed
        self.read = read

    def join(self, told: list[Report]) -> None:
        self.reports += told
        self.witnesses.add(told[0].witness)

    def entry(self) -> Entry:
        return Entry(
            self.rank,
            self.at,
            self.text,
            tuple(self.reports),
            self.observed,
            self.read,
            self.after,
        )


_last = attrgetter("last")

_Delivery = tuple[int, Instant, int, str, str]
"""The rank, the time, the sequence (-1 is none), the text and the witness of a report."""

_Step = tuple[int, list[int], list[int]]
"""Where a row of scores begins, and the row before and after one more was told."""


def _deliveries(reports: Sequence[Report]) -> list[list[Report]]:
    """Put redeliveries together, and all in order: the text breaks ties, never the position."""
    if len(reports) < 2:  # noqa: PLR2004  nothing to order
        return [[report] for report in reports]
    same: defaultdict[_Delivery, list[Report]] = defaultdict(list)
    for report in reports:
        sequence = -1 if report.sequence is None else report.sequence
        key = report.rank, report.at, sequence, report.text, report.witness
        same[key].append(report)
    moments = {key[:3] for key in same}
    ordered = sorted(same) if len(moments) == len(same) else sorted(same, key=_by_digest)
    return [same[key] for key in ordered]


def _by_digest(delivery: _Delivery) -> tuple[int, Instant, int, bytes, str]:
    rank, at, sequence, text, witness = delivery
    return rank, at, sequence, _digest(text), witness


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def _from_queues(deliveries: Iterable[list[Report]]) -> list[_Change]:
    """Queues share one clock and one sequence: what they tell is in its true order."""
    chain: list[_Change] = []
    for told in deliveries:
        report = told[0]
        for change in chain if report.rank == POSTING else chain[-1:]:
            if (
                change.rank == report.rank
                and change.text == report.text
                and report.witness not in change.witnesses
                and (report.rank == POSTING or report.at - change.at <= WINDOW)
            ):
                change.join(told)
                change.last = report.at
                break
        else:
            chain.append(_Change(told))
    return chain


def _by_webhook(deliveries: Iterable[list[Report]]) -> list[list[list[Report]]]:
    """Part the deliveries by witness: who saw the text change most comes first, then by name."""
    witnesses: defaultdict[str, list[list[Report]]] = defaultdict(list)
    for told in deliveries:
        witnesses[told[0].witness].append(told)

    def rank(witness: str) -> tuple[int, str]:
        texts = (told[0].text for told in witnesses[witness])
        return -sum(before != after for before, after in pairwise(texts)), witness

    return [witnesses[witness] for witness in sorted(witnesses, key=rank)]


def _add_webhook(chain: list[_Change], deliveries: list[list[Report]], *, queued: bool) -> None:
    """Lay what one webhook witness tells beside the chain; put in what the chain has not."""
    if not chain:  # they are in its order
        chain += map(_Change, deliveries)
        return
    told_of: defaultdict[tuple[int, str], list[list[Report]]] = defaultdict(list)
    for told in deliveries:
        told_of[told[0].rank, told[0].text].append(told)
    known: defaultdict[tuple[int, str], list[_Change]] = defaultdict(list)
    for change in chain:
        known[change.rank, change.text].append(change)
    fresh: list[_Change] = []
    for key, alike in told_of.items():
        changes = known[key]
        pairs = _pair([told[0].at for told in alike], changes, key[0])
        for here, there in pairs.items():
            changes[there].join(alike[here])
        paired = [changes[there] for there in pairs.values()]
        fresh += [
            _Change(told)
            for here, told in enumerate(alike)
            if here not in pairs and not (queued and _near(paired, told[0].at))
        ]
    if fresh:
        _insert(chain, fresh)


def _near(changes: Sequence[_Change], at: Instant) -> bool:
    """Say whether queues told of one of these, which are in order, within the window."""
    place = bisect_left(changes, at - WINDOW, key=_last)
    return place < len(changes) and changes[place].at <= at + WINDOW


def _insert(chain: list[_Change], fresh: list[_Change]) -> None:
    """Put each behind the last that is not later: the sort is stable."""
    fresh.sort(key=lambda change: (change.at, _digest(change.text)))
    chain += fresh
    chain.sort(key=lambda change: (change.rank, change.at))


def _observe(chain: list[_Change], seen: list[Report]) -> None:
    """Put in a change that nobody reported, where one must have been. Call it in order of time."""
    first, read = seen[0], _read(seen)
    change = _in_force(chain, first)
    if change is None:
        change = _Change(seen, observed=True, read=read)
        _insert(chain, [change])
        place = chain.index(change)
        if read and place:
            change.after = min(chain[place - 1].seen, change.at)
        return
    change.seen = max(change.seen, first.at)
    if read:
        change.join(seen)


def _in_force(chain: Sequence[_Change], seen: Report) -> _Change | None:
    """Return what gave the message this text at any moment within the window, the newest of it."""
    until: Instant | None = None
    for change in reversed(chain):
        if (
            change.text == seen.text
            and change.at <= seen.at + WINDOW
            and (until is None or until >= seen.at - WINDOW)
        ):
            return change
        until = change.at
    return None


def _read(seen: Iterable[Report]) -> bool:
    """Say whether all of it was read over REST."""
    return all(report.fact.basis == "rest_snapshot" for report in seen)


def _pair(told: Sequence[Instant], changes: Sequence[_Change], rank: int) -> dict[int, int]:
    """Pair ascending moments with changes, one to one and in order, by their places.

    As many pairs as possible; of these the pairing with the least total difference in time. Two
    edits pair within the window, two postings always. Costs the number of pairs that could be.
    """
    if not changes:
        return {}
    if len(told) == len(changes) == 1:
        near = rank == POSTING or _near(changes, told[0])
        return {0: 0} if near else {}
    starts, ends = [change.at for change in changes], [change.last for change in changes]
    spread = max(told[-1], ends[-1]) - min(told[0], starts[0])
    reach = spread if rank == POSTING else min(WINDOW, spread)
    prize = reach * min(len(told), len(changes)) + 1  # one more pair outweighs all difference
    best = [0]  # best[n]: the best score with the first n changes, and what was told so far
    steps: list[_Step] = []
    for at in told:
        low, high = bisect_left(ends, at - reach), bisect_right(starts, at + reach)
        best += [best[-1]] * (high + 1 - len(best))
        before = best[low : high + 1]
        pairing = [
            score + prize - (start - at if start > at else at - end if end < at else 0)
            for score, start, end in zip(before, starts[low:high], ends[low:high], strict=False)
        ]
        after = [*accumulate(map(max, before[1:], pairing), max, initial=before[0])]
        best[low : high + 1] = after
        steps.append((low, before, after))
    return _walk_back(steps, len(changes))


def _walk_back(steps: Sequence[_Step], end: int) -> dict[int, int]:
    """Find the pairs that made the best score, from the last told to the first."""
    pairs: dict[int, int] = {}
    for here in range(len(steps) - 1, -1, -1):
        low, before, after = steps[here]
        place = min(end - low, len(after) - 1)
        if place < 0:
            continue
        while place > 0 and after[place] == after[place - 1]:
            place -= 1
        if after[place] > before[place]:
            place -= 1
            pairs[here] = low + place
        end = low + place
    return dict(sorted(pairs.items()))
