"""Intervals of time: both ends belong to them. Lists of them are in order, and do not touch."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter

from eventstore.event import Instant

Interval = tuple[Instant, Instant]
"""From a moment until another, both included."""


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Put intervals in order, and those that touch together; one that ends too early is none."""
    found: list[Interval] = []
    for since, until in sorted(each for each in intervals if each[0] <= each[1]):
        if found and since <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], until)
        else:
            found.append((since, until))
    return found


def both(some: Iterable[Interval], others: Sequence[Interval]) -> list[Interval]:
    """Give what lies in both."""
    return union((max(one[0], other[0]), min(one[1], other[1])) for one in some for other in others)


def without(intervals: Iterable[Interval], begin: Instant, end: Instant) -> list[Interval]:
    """Take out what lies between two moments; these themselves stay."""
    return union(
        part
        for since, until in intervals
        for part in ((since, min(until, begin)), (max(since, end), until))
    )


def gaps(intervals: Iterable[Interval], begin: Instant, end: Instant) -> Iterator[Interval]:
    """Give what lies between a begin and an end, and in none of these."""
    for since, until in intervals:
        if begin < min(since, end):
            yield begin, min(since, end)
        begin = max(begin, until)
    if end > begin:
        yield begin, end


def covers(intervals: Sequence[Interval], part: Interval) -> bool:
    """Say whether a part lies in one of these."""
    place = bisect_right(intervals, part[0], key=itemgetter(0)) - 1
    return place >= 0 and part[1] <= intervals[place][1]
