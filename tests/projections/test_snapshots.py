"""What was read over REST: versions, deletions and stays that nobody told of, and their bounds."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projections.changes import Before, Change, by_message, changes
from projections.facts import Fact
from projections.members import MemberRow, member_rows
from projections.messages import MessageRow, VersionRow, message_rows
from projections.renames import Names
from projections.spans import DAY, Span
from tests.projections.factories import fact, moment

LONG = "word " * 4_000


def posted(text: str | None, second: float = 0, **columns: Any) -> Fact:
    return fact("message_posted", second, text=text, **{"sequence": 1} | columns)


def edited(text: str, second: float, **columns: Any) -> Fact:
    return fact("message_edited", second, text=text, **{"sequence": 2} | columns)


def read(text: str | None, second: float, **columns: Any) -> Fact:
    """A message as it was read at a moment, which had been created at the beginning."""
    seen = {"posted_at": moment(0)} | columns.pop("seen", {})
    return observed(second, text=text, seen=seen, **columns)


def noticed(second: float) -> Fact:
    return read(None, second, seen={"deleted": True})


def missed(second: float, **columns: Any) -> Fact:
    return observed(second, user_id=None, seen={"gone": True}, **columns)


def observed(second: float, **columns: Any) -> Fact:
    known = {"basis": "rest_snapshot", "witness": "user:27"}
    return fact("message_observed", second, **known | columns)


def deleted(second: float, **columns: Any) -> Fact:
    return fact("message_deleted", second, **columns)


def reacted(second: float, text: str | None = None) -> Fact:
    return fact("reaction_added", second, text=text, user_id=8, code="like", position=1)


def message(*facts: Fact) -> MessageRow:
    row = message_rows(facts).message
    assert row is not None
    return row


def versions(*facts: Fact) -> tuple[VersionRow, ...]:
    return message_rows(facts).versions


def deletion(*facts: Fact) -> tuple[Any, ...]:
    row = message(*facts)
    return row.state, row.deleted_at, row.deleted_after, row.deleted_basis


GONE_AT = "deleted", moment(900)
LIVE = "live", None, None, None


def test_a_text_that_nobody_told_of_came_between_two_looks() -> None:
    told = [posted("A"), read("A", 500), read("B", 900, position=7)]

    first, second = versions(*told)
    row = message(*told)

    assert (first.until_at, first.until_after, first.until_basis) == (
        moment(900),
        moment(500),
        "rest_snapshot",
    )
    assert second[3:8] == ("B", moment(900), moment(500), "rest_snapshot", 7)
    assert row[10:15] == (moment(900), moment(500), "rest_snapshot", None, "unknown")


def test_nothing_is_bounded_by_what_came_later() -> None:
    assert versions(posted("A", 900), read("B", 800, seen={}))[1].from_after == moment(800)


def test_a_text_seen_on_a_reaction_narrows_when_the_next_one_came() -> None:
    assert versions(posted("A"), reacted(700, "A"), read("B", 900))[1].from_after == moment(700)


def test_a_late_report_of_the_edit_takes_the_place_of_the_guess() -> None:
    guess = [posted("A"), read("A", 500), read("B", 900, position=7)]

    first, second = versions(*guess, edited("B", 600, position=9))

    assert (first.until_at, first.until_after) == (moment(600), None)
    assert second[4:8] == (moment(600), None, "event", 7)


def test_what_is_read_again_and_again_is_one_version() -> None:
    told = [posted("A"), read("B", 500), read("B", 900), read("B", 5_000)]

    assert [(each.text, each.from_at) for each in versions(*told)] == [
        ("A", moment(0)),
        ("B", moment(500)),
    ]


def test_an_old_snapshot_that_comes_late_rolls_nothing_back() -> None:
    told = [posted("A"), edited("B", 500), read("B", 900)]

    assert versions(*told, read("A", 300)) == versions(*told)[:2]
    assert message(*told, read("A", 300)).text == "B"


def test_a_text_between_two_that_are_known_has_its_place_between_them() -> None:
    told = [posted("A"), edited("C", 900), read("B", 500)]

    assert [(each.text, each.from_after) for each in versions(*told)] == [
        ("A", None),
        ("B", moment(0)),
        ("C", None),
    ]


def test_a_text_that_the_portal_cut_is_no_edit() -> None:
    cut = LONG[:20_000] + " (...)"

    assert [each.text for each in versions(posted(LONG), read(cut, 900))] == [LONG]
    assert [each.text for each in versions(posted(cut), read(LONG, 900))] == [LONG]


def test_a_message_that_was_only_read_was_created_when_it_says() -> None:
    told = read("A", 900)
    row = message(told)

    assert (row.posted_at, row.posted_basis, row.edited_basis) == (moment(0), "observed", None)
    assert (row.chat_id, row.author_id, row.text) == (7, 41, "A")
    assert versions(told)[0][4:7] == (moment(900), moment(0), "rest_snapshot")


def test_a_text_that_was_read_before_its_posting_was_told_of_is_its_first() -> None:
    (version,) = versions(read("A", 900, position=2), posted("A", position=5))

    assert version[4:8] == (moment(0), None, "event", 2)


def test_a_notice_in_the_place_of_a_text_is_a_deletion_and_no_edit() -> None:
    told = [posted("A"), read("A", 500), noticed(900)]

    assert deletion(*told) == (*GONE_AT, moment(500), "rest_snapshot")
    assert [each[3:11:2] for each in versions(*told)] == [("A", None, 1, moment(500))]


def test_a_message_that_is_not_there_any_more_is_deleted_by_inference() -> None:
    told = [posted("A"), reacted(500), missed(900), missed(2_000)]

    assert deletion(*told) == (*GONE_AT, moment(500), "inferred")
    assert versions(*told)[0][8:11] == (moment(900), moment(500), "inferred")


def test_whatever_tells_later_that_it_was_there_refutes_that_it_is_gone() -> None:
    told = [posted("A"), missed(900)]

    assert deletion(*told, read("A", 901)) == LIVE
    assert deletion(*told, reacted(901)) == LIVE
    assert deletion(*told, edited("B", 901)) == LIVE
    assert deletion(*told, read("A", 900)) == (*GONE_AT, moment(900), "inferred")
    assert deletion(*told, read("A", 901), missed(2_000))[1:3] == (moment(2_000), moment(901))
    assert message(*told, read("A", 901)).disputed == 1


def test_what_tells_later_that_it_was_there_refutes_no_notice() -> None:
    assert deletion(posted("A"), noticed(900), reacted(901)) == (
        *GONE_AT,
        moment(0),
        "rest_snapshot",
    )
    assert deletion(posted("A"), missed(500), noticed(900))[1] == moment(900)


def test_a_deletion_that_was_told_of_is_better_than_any_guess() -> None:
    told = [posted("A"), missed(900), noticed(950)]

    assert deletion(*told, deleted(600)) == ("deleted", moment(600), None, "event")
    assert deletion(*told, deleted(2_000)) == ("deleted", moment(2_000), None, "event")


def told_at(position: int, told: Fact) -> Fact:
    return told._replace(position=position)


def changed(*facts: Fact) -> list[Change]:
    news = [told_at(position, each) for position, each in enumerate(facts, 1)]
    return [*changes(news, Before({}, {}, Names({}, {})))]


def test_what_was_found_is_a_change_where_it_was_found_and_never_again() -> None:
    found = changed(posted("A"), read("B", 900), edited("B", 600), missed(2_000), deleted(1_900))

    assert [(each.position, each.kind, each.at, each.after, each.basis) for each in found] == [
        (2, "edited", moment(900), moment(0), "rest_snapshot"),
        (4, "deleted", moment(2_000), moment(900), "inferred"),
    ]


def test_a_message_that_was_back_is_gone_again() -> None:
    found = changed(posted("A"), missed(900), reacted(1_000), missed(2_000))

    assert [(each.position, each.kind) for each in found if each.kind == "deleted"] == [
        (2, "deleted"),
        (4, "deleted"),
    ]


def joined(second: float) -> Fact:
    return fact("member_joined", second, sequence=1, message_id=None)


def left(second: float) -> Fact:
    return fact("member_left", second, sequence=2, message_id=None)


def listed(second: float, *, code: str = "present") -> Fact:
    known: dict[str, Any] = {"basis": "rest_snapshot", "message_id": None, "witness": "user:27"}
    return fact("member_observed", second, code=code, **known)


def absent(second: float) -> Fact:
    return listed(second, code="absent")


def active(second: float) -> Span:
    at = moment(second)
    return Span(1, "presence", 7, 41, 0, at // DAY, at, at, 1, 1)


def stays(*facts: Fact, spans: tuple[Span, ...] = ()) -> list[tuple[Any, ...]]:
    """When each stay began, was seen first, and ended, and the bounds of that."""
    return [
        (each.joined_at, each.first_seen_at, each.left_at, each.left_after, each.left_basis)
        for each in member_rows(facts, spans)
    ]


OPEN = None, None, None


def test_who_is_listed_is_a_member_since_an_unknown_time() -> None:
    assert member_rows([listed(300), listed(900)], []) == (
        MemberRow(1, 7, 41, 1, None, "unknown", moment(300), None, None, None),
    )


def test_who_joined_and_is_listed_is_there_since_they_joined() -> None:
    assert stays(joined(10), listed(900)) == [(moment(10), moment(10), *OPEN)]


def test_who_is_listed_no_more_has_left_since_they_were_seen_last() -> None:
    gone = moment(900), moment(500), "inferred"

    assert stays(joined(10), listed(500), absent(900), absent(2_000)) == [
        (moment(10), moment(10), *gone)
    ]
    assert stays(joined(10), absent(900), spans=(active(500),)) == [(moment(10), moment(10), *gone)]
    assert stays(absent(900), spans=(active(40), active(500))) == [(None, moment(40), *gone)]


def test_who_is_seen_again_after_having_been_missed_is_there_again() -> None:
    told = [joined(10), absent(900)]
    first = moment(10), moment(10), moment(900), moment(10), "inferred"

    assert stays(*told, listed(2_000)) == [first, (None, moment(2_000), *OPEN)]
    assert stays(*told, joined(2_000)) == [first, (moment(2_000), moment(2_000), *OPEN)]
    assert stays(*told, spans=(active(2_000),)) == [first, (None, moment(2_000), *OPEN)]
    assert stays(*told, absent(4_000), spans=(active(2_000),)) == [
        first,
        (None, moment(2_000), moment(4_000), moment(2_000), "inferred"),
    ]


def test_who_was_never_seen_there_did_not_leave() -> None:
    assert stays(absent(900)) == []
    assert stays(absent(900), joined(2_000)) == [(moment(2_000), moment(2_000), *OPEN)]


def test_a_leave_that_was_told_of_is_better_than_any_guess() -> None:
    for second in (600, 950, 5_000):
        assert stays(joined(10), absent(900), left(second)) == [
            (moment(10), moment(10), moment(second), None, "event")
        ]


def test_to_be_missed_is_to_have_left_where_one_was_seen() -> None:
    found = changed(joined(10), absent(900), absent(2_000))

    assert [(each.kind, each.at, each.basis) for each in found] == [
        ("joined", moment(10), "event"),
        ("left", moment(900), "inferred"),
    ]


facts_of_a_message = st.lists(
    st.builds(
        lambda kind, step, text, by, position: kind(step * 70, text)._replace(
            witness=by, position=position
        ),
        st.sampled_from(
            [
                lambda _, text: posted(text),
                lambda second, text: edited(text, second),
                lambda second, text: read(text, second),
                lambda second, text: read(text, second),
                reacted,
                lambda second, _: missed(second),
                lambda second, _: noticed(second),
            ]
        ),
        st.integers(0, 12),
        st.sampled_from("ABC"),
        st.sampled_from(("user:27", "bot:9")),
        st.integers(1, 30),
    ),
    max_size=9,
)


@given(facts_of_a_message, st.data())
def test_rows_never_depend_on_order_or_repetition(facts: list[Fact], data: st.DataObject) -> None:
    rows = message_rows(facts)

    again = data.draw(st.permutations(facts + facts[:3]))

    assert message_rows(again) == rows


@given(facts_of_a_message)
def test_bounds_are_bounds_and_versions_follow_one_another(facts: list[Fact]) -> None:
    row, found, _ = message_rows(facts)

    for version in found:
        assert version.from_after is None or version.from_after <= version.from_at
        assert version.from_after is None or version.from_basis == "rest_snapshot"
    for before, after in pairwise(found):
        assert before.text != after.text
        assert (before.until_at, before.until_after) == (after.from_at, after.from_after)
    if row and row.deleted_after is not None:
        assert row.deleted_at is not None
        assert row.deleted_after <= row.deleted_at
        assert row.deleted_basis in {"rest_snapshot", "inferred"}


@given(facts_of_a_message)
def test_what_is_known_in_the_end_was_a_change_once(facts: list[Fact]) -> None:
    ordered = [told_at(position, each) for position, each in enumerate(facts, 1)]
    row, found, _ = message_rows(each for each in ordered if by_message([each]))
    kinds = [each.kind for each in changed(*facts)]

    assert kinds.count("edited") >= len(found) - 1
    assert ("deleted" in kinds) >= (row is not None and row.state == "deleted")


@given(
    st.lists(
        st.builds(
            lambda kind, step, by: kind(step * 70)._replace(witness=by),
            st.sampled_from((joined, left, listed, absent, absent)),
            st.integers(0, 12),
            st.sampled_from(("user:27", "bot:9")),
        ),
        max_size=8,
    ),
    st.lists(st.integers(0, 900).map(active), max_size=3),
    st.data(),
)
def test_stays_never_depend_on_order_and_never_overlap(
    facts: list[Fact], spans: list[Span], data: st.DataObject
) -> None:
    rows = member_rows(facts, spans)

    again = data.draw(st.permutations(facts + facts[:3]))
    seen = data.draw(st.permutations(spans + spans[:1]))

    assert member_rows(again, seen) == rows
    for before, after in pairwise(rows):
        assert before.left_at is not None
        assert before.left_at <= after.first_seen_at
    for row in rows:
        if row.left_after is not None:
            assert row.left_at is not None
            assert row.first_seen_at <= row.left_after <= row.left_at
