"""People do as the seed says, and what is told of their deeds is in the queues."""

from random import Random

from tests.portal.people import READER, People
from tests.portal.portal import Portal


def lived(seed: int, deeds: int) -> Portal:
    portal = Portal(seed=seed)
    portal.queues.subscribe(READER)
    people = People(portal, Random(seed))  # noqa: S311 - the same again is what we want
    for _ in range(deeds):
        portal.clock.advance(5)
        people.do()
    return portal


def test_the_same_seed_is_the_same_life() -> None:
    one, other = lived(3, 200), lived(3, 200)

    assert one.world.messages == other.world.messages
    assert one.queues.fates == other.queues.fates


def test_all_that_people_do_is_told() -> None:
    portal = lived(5, 300)
    page = portal.queues.read(["user:58"], "me", offset=None, limit=1_000)

    types = {item["type"] for item in page.items}

    assert {kind.removeprefix("ONIMV2") for kind in types} == {
        "MESSAGEADD",
        "MESSAGEUPDATE",
        "MESSAGEDELETE",
        "REACTIONCHANGE",
        "JOINCHAT",
    }
