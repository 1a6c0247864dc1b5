"""The walk through a chat, without a portal: what it asks, and what it takes for read."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from projections.reconcile.walk import Older, Page, PostedFrom, Readings, Target, Walk

SIZE = 5


@dataclass
class Chat:
    """A chat whose messages were posted at the moment that is their id."""

    ids: Sequence[int]
    asked: list[int | None] = field(default_factory=list)
    given: list[int] = field(default_factory=list)

    def walk(self, walk: Walk) -> None:
        """Answer what a walk asks, until it is done."""
        while (asked := walk.next()) is not None:
            if isinstance(asked, PostedFrom):
                walk.found([each for each in self.ids if each >= asked.at][:3])
                continue
            assert isinstance(asked, Older)
            self.asked.append(asked.than)
            assert len(self.asked) < 200
            walk.take(self.page(asked.than))

    def page(self, than: int | None) -> Page:
        if than is not None and than not in self.ids:
            return Page([], None, more=False)  # a message that is gone (reference, section 7)
        page = [each for each in self.ids if than is None or each < than][-SIZE:]
        self.given += page
        return Page(page, min(page, default=None), more=len(page) == SIZE)


def test_a_chat_is_read_to_its_beginning_once() -> None:
    chat, walk = Chat(range(1, 24)), Walk(Target(window=5), [])

    chat.walk(walk)

    assert sorted(chat.given) == [*range(1, 24)]
    assert (walk.read, walk.at_beginning, walk.oldest) == (23, True, 1)


def test_an_empty_chat_is_read() -> None:
    chat, walk = Chat([]), Walk(Target(), [])

    chat.walk(walk)

    assert (walk.read, walk.at_beginning, walk.oldest, chat.asked) == (0, True, None, [None])


def test_it_ends_behind_the_moment_that_was_asked_for() -> None:
    chat, walk = Chat(range(1, 100)), Walk(Target(80), [])

    chat.walk(walk)

    assert (min(chat.given), walk.oldest, walk.at_beginning) == (75, 75, False)


def test_what_was_read_before_is_not_read_again_but_for_the_newest() -> None:
    chat, walk = Chat(range(1, 100)), Walk(Target(window=10), [Readings(None, 80)])

    chat.walk(walk)

    assert min(chat.given) == 75  # what came since, and one that was read before
    assert (walk.at_beginning, walk.saw_beginning) == (True, False)

    chat, walk = Chat(range(1, 100)), Walk(Target(window=10), [Readings(None, 98)])
    chat.walk(walk)
    assert min(chat.given) == 90


def test_it_goes_on_behind_what_was_read_before() -> None:
    chat, walk = Chat(range(1, 100)), Walk(Target(window=10), [Readings(40, 98)])

    chat.walk(walk)

    assert sorted(chat.given) == [*range(1, 40), *range(90, 100)]
    assert (walk.at_beginning, walk.oldest) == (True, 1)


def test_nothing_is_read_twice_where_nothing_is_behind_what_was_read_before() -> None:
    chat, walk = Chat(range(1, 100)), Walk(Target(window=10), [Readings(1, 98)])

    chat.walk(walk)

    assert (walk.read, walk.at_beginning) == (10, True)


def test_it_asks_from_another_message_where_one_is_gone_meanwhile() -> None:
    chat, walk = Chat(range(1, 100)), Walk(Target(window=10), [])
    walk.take(chat.page(None))

    chat.ids = [each for each in range(1, 100) if each not in {95, 96}]
    chat.walk(walk)

    assert chat.asked[:3] == [95, 96, 97]
    assert {*chat.given} == {*range(1, 100)}
    assert walk.at_beginning


def test_a_page_that_stays_empty_is_no_beginning() -> None:
    walk = Walk(Target(window=10), [])
    walk.take(Page([6, 7, 8, 9, 10], 6, more=True))

    for _ in range(3):
        assert walk.next() is not None
        walk.take(Page([], None, more=False))

    assert (walk.next(), walk.at_beginning, walk.oldest) == (None, False, 6)


readings = st.builds(
    lambda since, length: Readings(since, (since or 0) + length),
    st.none() | st.integers(0, 60),
    st.integers(0, 60),
)


@given(
    st.lists(st.integers(1, 120), unique=True, max_size=60).map(sorted),
    st.none() | st.integers(0, 120),
    st.lists(readings, max_size=3),
    st.integers(1, 20),
)
def test_whatever_was_read_before_all_is_read_in_the_end(
    ids: list[int], since: int | None, before: list[Readings], window: int
) -> None:
    chat, walk = Chat(ids), Walk(Target(since, window), before)

    chat.walk(walk)

    read = {*chat.given} | {
        each
        for each in ids
        for readings in before
        if (readings.since or 0) <= each < readings.until
    }
    assert {each for each in ids if since is None or each >= since} <= read
    assert {*ids[-min(window, len(ids)) :]} <= {*chat.given} or since is not None
    if walk.at_beginning:
        assert {*ids} <= read
    elif walk.oldest is not None:
        assert {each for each in ids if each >= walk.oldest} <= read
