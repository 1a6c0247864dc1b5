"""What changed: once, at the position that told it first, whoever repeats it, and for ever."""

from collections.abc import Iterable
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eventstore.catalog import Catalog
from eventstore.database import Pool
from eventstore.envelope import Receiving, events_of
from eventstore.event import NewEvent
from eventstore.store import Store
from projections.changes import KINDS as KINDS_OF_CHANGE
from projections.changes import Before, Change, by_member, by_message, changes
from projections.facts import Fact, profile
from projections.members import member_rows
from projections.messages import message_rows
from projections.project import checkpoint_of
from projections.reactions import reaction_rows
from projections.read.changes import between, place_before
from projections.renames import Names, Rename
from projections.spans import gather
from tests import samples
from tests.projections.factories import fact, moment
from tests.projections.stored import append, portals, projecting
from tests.promises.received import FINGERPRINTS, KEY
from tests.promises.server import NOW

A, B, C = (profile("chat", 7, ("title", title)) for title in ("A", "B", "C"))
TITLES = {each.id: each.content for each in (A, B, C)}


def at(position: int, kind: Any, second: float = 0, **columns: Any) -> Fact:
    return fact(kind, second, position=position, **columns)


def found(*facts: Fact, after: int = 0) -> list[Change]:
    """What the positions behind one changed."""
    before = [each for each in facts if each.position <= after]
    news = [each for each in facts if each.position > after]
    spans = list(gather(before, dict.fromkeys(TITLES, 7)).values())
    named = [each for each in spans if each.subject == "chat"]
    names = Names({("chat", 7): named}, TITLES)
    return list(changes(news, Before(by_message(before), by_member(before), names)))


def told(*facts: Fact, after: int = 0) -> list[tuple[int, str]]:
    return [(each.position, each.kind) for each in found(*facts, after=after)]


def posted(position: int, text: str, second: float = 0, **columns: Any) -> Fact:
    return at(position, "message_posted", second, text=text, **columns)


def edited(position: int, text: str, second: float, **columns: Any) -> Fact:
    return at(position, "message_edited", second, text=text, **columns)


def test_a_posting_changes_nothing() -> None:
    assert told(posted(1, "a")) == []


def test_an_edit_of_many_witnesses_is_one_change_at_the_first() -> None:
    changed = found(
        posted(1, "a"),
        edited(2, "b", 60),
        edited(3, "b", 61, witness="bot:1"),
        edited(4, "b", 60, sequence=9),
    )

    assert [(each.position, each.kind, each.version) for each in changed] == [(2, "edited", 2)]
    assert (changed[0].at, changed[0].message_id, changed[0].chat_id) == (moment(60), 5, 7)


def test_an_edit_of_a_message_that_nobody_saw_before_is_one_and_stays_one() -> None:
    facts = [edited(1, "b", 60), posted(2, "a"), edited(3, "c", 120)]

    assert [(each.position, each.version) for each in found(*facts)] == [(1, 1), (3, 3)]


def test_a_text_that_is_only_seen_is_no_edit_until_another_was_before_it() -> None:
    seen = at(1, "reaction_added", 60, text="b", code="like")

    assert told(seen) == [(1, "reaction")]
    assert told(seen, posted(2, "a", 0)) == [(1, "reaction"), (2, "edited")]


def test_a_late_report_that_rewrites_the_chain_changes_at_its_own_position() -> None:
    late = edited(3, "b", 300)
    changed = found(posted(1, "a"), edited(2, "a", 900), late)

    assert [(each.position, each.version, each.at) for each in changed] == [
        (3, 2, moment(300)),
        (3, 3, moment(900)),  # to say "a" again changed nothing, until there was "b" between
    ]


def test_a_deletion_is_one_change_and_an_edit_to_nothing_is_one() -> None:
    gone = [at(2, "message_deleted", 60), at(3, "message_deleted", 61, witness="bot:1")]

    assert told(posted(1, "a"), *gone) == [(2, "deleted")]
    assert told(posted(1, "a"), edited(2, "", 60)) == [(2, "deleted")]


def test_who_did_it_is_said_where_it_is_known() -> None:
    facts = [posted(1, "a"), edited(2, "b", 60, seen={"actor": 9}), edited(3, "c", 120)]
    first, second = found(*facts)

    assert (first.by, first.by_basis) == (9, "inferred")
    assert (second.by, second.by_basis) == (None, "unknown")


def test_reactions_change_as_they_come_and_go_for_each_who_holds_them() -> None:
    def reacted(position: int, kind: Any, second: float, user_id: int = 41) -> Fact:
        return at(position, kind, second, user_id=user_id, code="like")

    changed = found(
        reacted(1, "reaction_added", 0),
        reacted(2, "reaction_added", 1),  # of which another witness told
        reacted(3, "reaction_added", 2, user_id=42),
        reacted(4, "reaction_removed", 600),
        reacted(5, "reaction_added", 1200),
    )

    assert [(each.position, each.user_id, each.action) for each in changed] == [
        (1, 41, "added"),
        (3, 42, "added"),
        (4, 41, "removed"),
        (5, 41, "added"),
    ]
    assert {(each.code, each.message_id, each.chat_id) for each in changed} == {("like", 5, 7)}


def test_members_join_and_leave() -> None:
    moves = [
        at(1, "member_joined", 0, message_id=None),
        at(2, "member_joined", 3, message_id=None, witness="bot:1"),
        at(3, "member_left", 600, message_id=None),
    ]

    assert [(each.position, each.kind, each.user_id, each.chat_id) for each in found(*moves)] == [
        (1, "joined", 41, 7),
        (3, "left", 41, 7),
    ]


def test_a_chat_is_renamed_when_it_is_first_seen_so() -> None:
    titles = [(1, A, 0), (2, A, 10), (3, B, 20), (4, B, 30), (5, A, 200_000)]
    facts = [posted(n, "x", second, chat_profile=seen.id) for n, seen, second in titles]

    renames = [each for each in found(*facts) if each.kind == "renamed"]

    assert [(each.position, each.rename) for each in renames] == [
        (3, Rename(("chat", 7), moment(20), "A", "B")),
        (5, Rename(("chat", 7), moment(200_000), "B", "A")),
    ]


def test_a_title_that_is_reported_late_is_a_rename_at_its_own_position() -> None:
    titles = [(1, A, 0), (2, C, 20), (3, B, 10), (4, B, 11)]
    facts = [posted(n, "x", second, chat_profile=seen.id) for n, seen, second in titles]

    renames = [each for each in found(*facts) if each.rename]

    assert [(each.position, each.rename.now) for each in renames if each.rename] == [
        (2, "C"),
        (3, "B"),
    ]


def test_a_title_that_came_back_later_is_known_wherever_one_begins_to_read() -> None:
    titles = [(1, C, 100), (2, A, 100), (3, A, 50), (4, A, 150), (5, A, 100), (6, B, 100)]
    facts = [posted(n, "x", second, chat_profile=seen.id) for n, seen, second in titles]

    assert found(*facts[:4]) + found(*facts, after=4) == found(*facts)


KINDS = ("message_posted", "message_edited", "message_deleted", "reaction_added")
told_of = st.builds(
    lambda kind, second, text, code, witness, seen: (kind, second, text, code, witness, seen),
    st.sampled_from([*KINDS, "reaction_removed", "member_joined", "member_left"]),
    st.integers(0, 20).map(lambda step: step * 50),
    st.sampled_from(["a", "b", "c", ""]),
    st.sampled_from(["like", "fire"]),
    st.sampled_from(["bot:1", "bot:2", "user:27"]),
    st.sampled_from([A.id, B.id, C.id, None]),
)


def facts_of(histories: Iterable[tuple[Any, ...]]) -> list[Fact]:
    return [
        at(
            position,
            kind,
            second,
            text=text if kind.startswith("message") and kind != "message_deleted" else None,
            code=code if kind.startswith("reaction") else None,
            witness=witness,
            sequence=position if witness == "user:27" else None,
            chat_profile=seen,
        )
        for position, (kind, second, text, code, witness, seen) in enumerate(histories, 1)
    ]


@given(st.lists(told_of, max_size=14), st.lists(st.integers(0, 14)))
def test_it_is_the_same_wherever_one_begins_to_read(
    history: list[tuple[Any, ...]], ends: list[int]
) -> None:
    facts = facts_of(history)
    whole = found(*facts)

    places = sorted({0, *ends, len(facts)})
    parts = [
        each
        for after, upto in pairwise(places)
        for each in found(*[each for each in facts if each.position <= upto], after=after)
    ]

    assert parts == whole


@given(st.lists(told_of, max_size=14))
def test_whatever_is_known_in_the_end_was_a_change_once(history: list[tuple[Any, ...]]) -> None:
    facts = facts_of(history)
    changed = found(*facts)

    known = message_rows(each for each in facts if by_message([each]))
    held = reaction_rows(facts)
    stays = member_rows([each for each in facts if by_member([each])], [])

    def count(*kinds: str) -> int:
        return sum(each.kind in kinds for each in changed)

    assert count("edited") >= len(known.versions) - 1
    assert bool(count("deleted")) >= bool(known.message and known.message.state == "deleted")
    assert count("reaction") >= sum(
        (each.from_at is not None) + (each.until_at is not None) for each in held
    )
    assert count("joined", "left") >= sum(
        (each.joined_at is not None) + (each.left_at is not None) for each in stays
    )


async def test_what_is_stored_changes_the_same_in_any_pages(catalog: Catalog, fresh: Store) -> None:
    """Also where a page begins within a day, of which only the whole is kept."""
    one, _ = await portals(catalog)
    random = Random(3)  # noqa: S311 - the same pages again
    pool = Pool(fresh.generation(1), 1)
    async with pool.reading() as session:
        newest = await checkpoint_of(session, one.id)
        whole = await between(session, one.id, after=0, upto=newest)
        ends = sorted({0, newest, *(random.randrange(newest) for _ in range(9))})
        pages = [await between(session, one.id, after=a, upto=b) for a, b in pairwise(ends)]
        steps = [await between(session, one.id, after=n, upto=n + 1) for n in range(newest)]
    await pool.close()

    assert {each.kind for each in whole} == {*KINDS_OF_CHANGE}
    assert [each for page in pages for each in page] == whole
    assert [each for step in steps for each in step] == whole


def told_by(sample: str) -> list[NewEvent]:
    """What a user's queue tells of a message that nobody else tells of."""
    tree = samples.tree(sample)
    tree["data"]["message"]["id"] = 999_002
    how = Receiving(NOW, FINGERPRINTS, KEY, source="fetch", receiver="user:58")
    return [event for event in events_of(tree, how) if isinstance(event, NewEvent)]


async def test_what_was_told_at_the_place_where_one_begins_to_read_is_known(
    catalog: Catalog, fresh: Store
) -> None:
    one, _ = await portals(catalog)
    names = "im_v2/onimv2messageadd.json", "im_v2/onimv2messageupdate.json"
    upto = await append(fresh, one, [event for name in names for event in told_by(name)])
    async with projecting(fresh, one) as projector:
        await projector.catch_up()
    pool = Pool(fresh.generation(1), 1)
    async with pool.reading() as session:
        (changed,) = await between(session, one.id, after=upto - 1, upto=upto)
    await pool.close()

    assert (changed.kind, changed.version) == ("edited", 2)


async def test_no_change_is_passed_by_who_looks_for_the_next_of_its_kind_or_of_its_chat(
    catalog: Catalog, fresh: Store
) -> None:
    one, _ = await portals(catalog)
    pool = Pool(fresh.generation(1), 1)
    async with pool.reading() as session:
        newest = await checkpoint_of(session, one.id)
        whole = await between(session, one.id, after=0, upto=newest)
        of_chats = {(None, each.chat_id) for each in whole if each.chat_id}
        for kinds, chat_id in {((each.kind,), None) for each in whole} | of_chats:
            found: list[int] = []
            place = 0
            while place < newest:
                among = range(place + 1, newest + 1)
                place = 1 + await place_before(
                    session, one.id, among=among, kinds=kinds, chat_id=chat_id
                )
                found.append(place)
            wanted = {
                each.position
                for each in whole
                if (chat_id is None or each.chat_id == chat_id)
                and (kinds is None or each.kind in kinds)
            }

            assert wanted <= set(found)
    await pool.close()
