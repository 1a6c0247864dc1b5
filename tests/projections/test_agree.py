"""Several witnesses, one truth: each step of the rule, and what a chain never depends on."""

from functools import cache
from random import Random
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.agree import POSTING, Entry, Report, agree, close_up
from tests.projections.factories import QUEUE, WEBHOOK, moment, report


def told(chain: list[Entry]) -> list[tuple[str, list[str]]]:
    """Each entry's text, and who witnessed it."""
    return [(entry.text, sorted({r.witness for r in entry.reports})) for entry in chain]


def texts(chain: list[Entry]) -> list[str]:
    return [entry.text for entry in chain]


def test_nothing_told_is_no_chain() -> None:
    assert agree([]) == []


def test_one_report_is_the_chain() -> None:
    (entry,) = agree([report("A", 3, 8)])

    assert (entry.at, entry.text, entry.basis) == (moment(3), "A", "event")


def test_a_redelivery_adds_nothing_but_a_report() -> None:
    again = report("A", 3, 8)

    (entry,) = agree([again, again, again])

    assert len(entry.reports) == 3


def test_two_queues_tell_of_one_edit() -> None:
    chain = agree([report("A", 3, 8), report("A", 4, 9, by="bot:9")])

    assert told(chain) == [("A", ["bot:9", QUEUE])]
    assert chain[0].at == moment(3)


def test_one_queue_that_tells_an_edit_twice_tells_of_two() -> None:
    assert texts(agree([report("A", 3, 8), report("A", 3, 9)])) == ["A", "A"]


def test_queues_that_are_more_than_the_window_apart_tell_of_two_edits() -> None:
    assert texts(agree([report("A", 0, 8), report("A", 120, 9, by="bot:9")])) == ["A"]
    assert texts(agree([report("A", 0, 8), report("A", 120.1, 9, by="bot:9")])) == ["A", "A"]


def test_queues_only_join_the_entry_just_before() -> None:
    chain = agree([report("A", 1, 1), report("B", 2, 2), report("A", 3, 3, by="bot:9")])

    assert texts(chain) == ["A", "B", "A"]


def test_a_posting_comes_first_whatever_the_clocks_say() -> None:
    chain = agree([report("B", 1, 2), report("A", 60, rank=POSTING)])

    assert texts(chain) == ["A", "B"]


def test_a_posting_joins_the_posting_of_the_same_text_however_late() -> None:
    chain = agree(
        [
            report("A", 0, 1, rank=POSTING),
            report("B", 0, 2, rank=POSTING, by="bot:9"),
            report("A", 0, 3, rank=POSTING, by="bot:571"),
            report("A", 900, rank=POSTING),
        ]
    )

    assert told(chain) == [("A", ["bot:571", WEBHOOK, QUEUE]), ("B", ["bot:9"])]


def test_trap_11_edits_within_one_second_keep_the_order_of_their_queue_items() -> None:
    chain = agree([report("C", 5, 30), report("A", 5, 10), report("B", 5, 20)])

    assert texts(chain) == ["A", "B", "C"]


def test_trap_12_a_tie_without_a_sequence_is_broken_by_the_text_alone() -> None:
    tied = [report(text, 5, by=by) for text, by in (("A", "x"), ("B", "y"), ("C", "z"))]
    expected = texts(agree(tied))

    for seed in range(20):
        shuffled = Random(seed).sample(tied, 3)  # noqa: S311  (no secret is made)
        assert texts(agree(shuffled)) == expected


def test_trap_26_every_edit_of_a_message_counts_and_going_back_and_forth_stays_four() -> None:
    by_queue = [report(text, n * 10, n + 1) for n, text in enumerate("ABAB")]
    by_webhook = [report(text, n * 10 + 2) for n, text in enumerate("ABAB")]

    chain = agree(by_queue + by_webhook)

    assert told(chain) == [(text, [WEBHOOK, QUEUE]) for text in "ABAB"]
    assert [entry.at for entry in chain] == [moment(n * 10) for n in range(4)]


def test_a_webhook_pairs_the_kth_with_the_kth_not_with_the_nearest() -> None:
    queue = [report("B", 0, 1), report("A", 10, 2), report("B", 20, 3)]

    chain = agree([*queue, report("B", 19), report("B", 39)])

    assert told(chain) == [("B", [WEBHOOK, QUEUE]), ("A", [QUEUE]), ("B", [WEBHOOK, QUEUE])]


def test_of_the_largest_pairings_the_nearest_wins() -> None:
    queue = [report("B", 0, 1), report("A", 50, 2), report("B", 100, 3)]

    chain = agree([*queue, report("B", 60)])

    assert told(chain) == [("B", [QUEUE]), ("A", [QUEUE]), ("B", [WEBHOOK, QUEUE])]


def test_a_webhook_that_tells_again_what_it_told_already_is_a_repetition() -> None:
    chain = agree([report("A", 0, 1), report("A", 2), report("A", 62)])

    assert told(chain) == [("A", [WEBHOOK, QUEUE])]


def test_a_webhook_that_tells_of_it_again_after_the_window_tells_of_another_edit() -> None:
    assert texts(agree([report("A", 0, 1), report("A", 2), report("A", 121)])) == ["A", "A"]


def test_a_webhook_puts_in_what_no_queue_saw() -> None:
    chain = agree([report("A", 0, 1), report("C", 60, 2), report("B", 30), report("C", 61)])

    assert told(chain) == [("A", [QUEUE]), ("B", [WEBHOOK]), ("C", [WEBHOOK, QUEUE])]


def test_what_is_put_in_goes_behind_the_last_that_is_not_later() -> None:
    assert texts(agree([report("A", 30, 1), report("B", 30)])) == ["A", "B"]


def test_an_edit_that_two_queues_saw_apart_is_near_to_each_of_them() -> None:
    # two edits to one text, each in one queue only: they cannot be told from one that came late
    queues = [report("A", 0, 1), report("A", 100, 2, by="bot:9"), report("B", 110, 3)]

    chain = agree([*queues, report("A", 150)])

    assert told(chain) == [("A", ["bot:9", WEBHOOK, QUEUE]), ("B", [QUEUE])]


def test_without_queues_the_webhook_that_saw_most_changes_is_the_chain() -> None:
    partly = [report("B", 9, by="a"), report("C", 19, by="a")]
    wholly = [report(text, n * 10, by="b") for n, text in enumerate("ABC")]

    chain = agree(partly + wholly)

    assert told(chain) == [("A", ["b"]), ("B", ["a", "b"]), ("C", ["a", "b"])]
    assert [entry.at for entry in chain] == [moment(0), moment(10), moment(20)]


def test_without_queues_a_webhook_that_tells_twice_is_believed() -> None:
    assert texts(agree([report("A", 0), report("A", 3)])) == ["A", "A"]


def test_without_queues_a_webhook_that_tells_of_more_is_believed() -> None:
    first = [report("A", 0, by="b"), report("B", 30, by="b")]

    assert texts(agree([*first, report("A", 1, by="a"), report("A", 61, by="a")])) == [
        "A",
        "B",
        "A",
    ]


def test_what_one_witness_told_at_once_is_in_the_order_of_digests() -> None:
    at_once = [report(text, 5) for text in "ABCD"]

    assert texts(agree(at_once)) == ["D", "A", "C", "B"]  # 3f…, 55…, 6b…, df…


def test_of_two_texts_told_at_once_the_digest_decides() -> None:
    def tied(text: str) -> list[str]:
        return texts(agree([report(text, 0), report("A", 5), report("B", 5)]))[1:]

    assert tied("A") == tied("B") == tied("C")


def test_a_text_in_force_within_the_window_is_no_news() -> None:
    edits = [report("A", 0, 1), report("B", 200, 2)]

    assert texts(agree(edits, [report("A", 320, 3)])) == ["A", "B"]
    assert texts(agree(edits, [report("B", 80, 3)])) == ["A", "B"]
    assert texts(agree(edits, [report("A", 321, 3)])) == ["A", "B", "A"]
    assert texts(agree(edits, [report("B", 79, 3)])) == ["A", "B", "B"]


def test_a_text_that_was_only_seen_is_an_entry_that_says_so() -> None:
    chain = agree([report("A", 0, 1)], [report("B", 500, 2), report("B", 510, 3)])

    assert [(entry.text, entry.basis, len(entry.reports)) for entry in chain] == [
        ("A", "event", 1),
        ("B", "observed", 1),
    ]


def test_closing_up_makes_one_of_neighbours_and_keeps_who_witnessed_them() -> None:
    chain = agree([report("A", 0, 1), report("A", 0, 2), report("B", 9, 3), report("A", 20, 4)])

    closed = close_up(chain)

    assert [(entry.text, entry.at, len(entry.reports)) for entry in closed] == [
        ("A", moment(0), 2),
        ("B", moment(9), 1),
        ("A", moment(20), 1),
    ]


reports = st.builds(
    report,
    st.sampled_from("ABC"),
    st.integers(0, 8).map(lambda step: step * 35),
    st.none() | st.integers(1, 9),
    by=st.sampled_from(("bot:9", "user:27", "app")),
    rank=st.sampled_from((0, 1, 1, 1)),
)


@given(st.lists(reports, max_size=9), st.lists(reports, max_size=3), st.randoms())
def test_a_chain_does_not_depend_on_order_or_repetition(
    given_reports: list[Report], sights: list[Report], random: Random
) -> None:
    seen = [sight._replace(rank=1) for sight in sights]
    expected = [(e.rank, e.at, e.observed, e.basis) for e in agree(given_reports, seen)]
    witnessed = told(agree(given_reports, seen))

    again = given_reports + random.choices(given_reports, k=2) if given_reports else []
    random.shuffle(again)
    chain = agree(again, random.sample(seen, len(seen)) + seen[:1])

    assert [(e.rank, e.at, e.observed, e.basis) for e in chain] == expected
    assert told(chain) == witnessed


@given(
    st.lists(st.integers(0, 500), max_size=7).map(sorted),
    st.lists(st.integers(0, 500), max_size=7, unique=True).map(sorted),
)
def test_pairs_are_as_many_and_then_as_near_as_can_be(known: list[int], heard: list[int]) -> None:
    @cache
    def best(here: int, there: int) -> tuple[int, int]:
        """The best score of what is left: the number of pairs, and less the difference."""
        if here == len(known) or there == len(heard):
            return 0, 0
        scores = [best(here + 1, there), best(here, there + 1)]
        apart = abs(known[here] - heard[there])
        if apart <= 120:
            pairs, nearness = best(here + 1, there + 1)
            scores.append((pairs + 1, nearness - apart))
        return max(scores)

    chain = agree(
        [report("A", second, number) for number, second in enumerate(known)]
        + [report("A", second) for second in heard]
    )

    pairs = [
        abs(entry.reports[0].at - entry.reports[1].at) // 1_000_000
        for entry in chain
        if len(entry.reports) == 2
    ]
    assert (len(pairs), -sum(pairs)) == best(0, 0)


@pytest.mark.parametrize("seconds_apart", [0.01, 1, 60])
def test_five_thousand_equal_edits_of_one_message_are_fast(seconds_apart: float) -> None:
    queue = [report("A", int(n * seconds_apart), n) for n in range(5_000)]
    webhook = [report("A", int(n * seconds_apart) + n % 3) for n in range(5_000)]

    started = perf_counter()
    chain = agree(queue + webhook)

    assert perf_counter() - started < 20  # measured: 0.5 s; unbanded: minutes
    assert len(chain) == 5_000
