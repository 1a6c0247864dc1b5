"""A queue's reading: nothing that is not stored is ever acknowledged, whatever a portal answers."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.fetching.portal_client import Answer, Unreachable
from eventstore.fetching.queue import LAG, RETENTION, Item, Page, Queue, page_of

SECOND = 1_000_000
T = 1_789_400_000 * SECOND
OLD = T - 3_600 * SECOND


def page(*items: tuple[int, int], at: int = T, full: bool = False) -> Page:
    return Page([Item(number, date, {}) for number, date in items], full, at)


def read(*pages: Page) -> Queue:
    """Store pages, each asked for with what the ones before allow."""
    queue = Queue()
    at = None
    for each in pages:
        queue = queue.stored(each, queue.offset(at))
        at = each.at
    return queue


def test_nothing_is_acknowledged_before_something_is_stored() -> None:
    assert Queue().offset(None) is None
    assert Queue().offset(T) is None
    assert read(page()).offset(T) is None


def test_old_events_are_acknowledged_but_the_newest() -> None:
    assert read(page((5, OLD), (7, OLD), (9, OLD))).offset(T) == 9


def test_young_events_are_left_since_a_lower_id_may_still_come() -> None:
    queue = read(page((4, OLD), (5, OLD), (7, T - LAG + 1), (9, T)))

    assert queue.offset(T) == 5
    assert queue.offset(T + LAG) == 9


def test_a_low_id_that_comes_late_is_stored_and_not_acknowledged_before_its_time() -> None:
    queue = read(page((5, OLD), (9, T)), page((5, OLD), (8, T), (9, T), at=T + 2 * SECOND))

    assert queue.new(page((8, T), (9, T), (10, T))) == [Item(10, T, {})]
    assert queue.offset(T + 2 * SECOND) == 5
    assert queue.offset(T + LAG) == 9


def test_an_event_without_a_date_or_of_the_future_is_young_since_it_was_seen() -> None:
    undated = Page([Item(5, None, {}), Item(6, T + RETENTION, {})], full=False, at=T)
    queue = read(undated)

    assert queue.offset(T) is None
    assert queue.offset(T + LAG) == 6


def test_the_first_call_of_a_process_repeats_what_was_acknowledged() -> None:
    queue = Queue.known(9, T, 5)

    assert queue.offset(None) == 5
    assert queue.stored(page((7, OLD), (9, T)), 5).offset(T) == 7


def test_the_canary_is_missed_only_while_it_is_young_and_should_be_there() -> None:
    queue = read(page((7, OLD), (9, OLD)))

    assert queue.vanished(page((9, OLD)), 9) == []  # it is we who took 7
    assert queue.vanished(page((9, OLD)), None) == [7]
    queue = queue.stored(page((9, OLD)), 9)
    assert queue.vanished(page((9, OLD), (12, T)), 9) == []
    assert queue.vanished(page((12, T)), 9) == [9]
    assert queue.vanished(page(), 9) == [9]
    assert queue.vanished(page(at=OLD + RETENTION), 9) == []
    assert queue.vanished(page((4, OLD), full=True), None) == []  # it may be behind the end


def test_a_canary_that_is_gone_is_missed_once() -> None:
    queue = read(page((9, OLD)), page())

    assert queue.vanished(page(), 9) == []
    assert queue.offset(T) == 9  # again: there is nothing below it


def test_what_another_process_left_is_known_by_its_canary() -> None:
    assert Queue.known(9, OLD, 9).vanished(page(), 9) == [9]
    assert Queue.known(9, OLD, 12).vanished(page(), 12) == []  # 11 could not be read, and is sealed


@pytest.mark.parametrize(
    ("result", "ids", "full"),
    [
        ({"events": [], "nextOffset": 0, "hasMore": False}, [], False),
        ({"events": [], "nextOffset": None, "hasMore": True}, [], False),
        ({"events": [{"eventId": "7"}], "nextOffset": 1, "hasMore": True}, [7], True),
        ({"events": [{"eventId": 7}, {"eventId": 8}], "lastEventId": 8}, [7, 8], True),
        ({"events": [{"eventId": True}, 5, {"eventId": "x"}, {"eventId": 2**63}]}, [], True),
    ],
)
def test_a_page_is_read_in_either_form(result: Any, ids: list[int], *, full: bool) -> None:
    found = page_of("im.v2.Event.get", Answer(result, T), limit=2)

    assert (found.ids, found.full, found.at) == (ids, full, T)


@pytest.mark.parametrize("result", [None, [], True, {"events": None}, {}])
def test_an_answer_without_events_is_none(result: Any) -> None:
    with pytest.raises(Unreachable, match=r"im.v2.Event.get: an answer without events"):
        page_of("im.v2.Event.get", Answer(result, T))


def test_a_full_page_is_complete_only_up_to_its_last_event() -> None:
    assert page((5, OLD), full=True).complete_until == OLD - LAG
    assert page((5, OLD)).complete_until == T - LAG


def test_behind_the_end_of_a_full_page_nothing_is_acknowledged() -> None:
    """What was not looked at again may have been joined by a lower id meanwhile."""
    queue = read(page((5, T), (6, T), (9, T)))

    queue = queue.stored(page((5, T), (6, T), at=T + LAG, full=True), None)

    assert queue.offset(T + LAG) == 6


@given(st.data())
@settings(max_examples=300)
def test_nothing_is_lost_or_acknowledged_unstored_whatever_commits_late(
    data: st.DataObject,
) -> None:
    """Ids are given in order and committed up to LAG later; pages are small; polls come anywhen."""
    rows = data.draw(
        st.lists(st.tuples(st.integers(0, 200), st.integers(0, LAG // SECOND - 1)), max_size=30)
    )
    there = {
        number: (T + at * SECOND, T + (at + late) * SECOND)
        for number, (at, late) in enumerate(sorted(rows), 100)
    }
    queue, at, now, stored = Queue(), None, T, set[int]()
    for pause in [*data.draw(st.lists(st.integers(0, 90), max_size=20)), *[60] * 40]:
        now += pause * SECOND
        offset = queue.offset(at)
        assert offset is None or offset in stored
        gone = [each for each in there if each < (offset or 0) and there[each][1] <= now]
        assert stored.issuperset(gone)
        for each in gone:
            del there[each]
        visible = sorted((each, date) for each, (date, seen) in there.items() if seen <= now)
        limit = data.draw(st.integers(2, 5)) if pause < 60 else 5
        found = page(*visible[:limit], at=now, full=len(visible) >= limit)
        assert queue.vanished(found, offset) == []
        queue = queue.stored(found, offset)
        stored |= set(found.ids)
        at = now
    assert stored == set(range(100, 100 + len(rows)))


def test_who_takes_an_event_takes_all_below_it() -> None:
    assert page().whole_since == T + SECOND  # what happened in its second may be gone
    assert page((7, T), (9, T)).whole_since == T + SECOND
    assert page((7, OLD), (9, T)).whole_since == OLD + LAG  # 8 may be gone, if 7 came late
    undated = Page([Item(5, None, {}), Item(6, OLD, {})], full=False, at=T)
    assert undated.whole_since == OLD + LAG


def test_what_grew_too_old_unseen_tells_of_no_theft() -> None:
    queue = read(page((5, OLD), (9, OLD)))
    looked, too_old = OLD + RETENTION - SECOND, OLD + RETENTION + SECOND

    assert queue.vanished(page(at=too_old), 9) == []
    assert queue.outlived(page((12, T), at=too_old), looked)
    assert not queue.outlived(page((9, OLD), at=too_old), looked)
    assert not queue.outlived(page(at=too_old), too_old)  # somebody saw it go
    assert not Queue().outlived(page(), T)
