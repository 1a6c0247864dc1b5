"""What is read again and again comes to be the truth, and what is said of when it was so holds."""

from random import Random

import pytest

from eventstore.store import Store
from projections.messages import MessageRow, VersionRow
from projections.read import messages
from tests.portal.people import People
from tests.portal.truth import Message
from tests.projections.reconcile.reconciled import SECOND, Reconciled, reconciled
from tests.projections.stored import differences, portal


@pytest.mark.parametrize("seed", range(2))
async def test_readings_alone_find_the_truth_and_bound_its_times(fresh: Store, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - the same life again
    async with reconciled(fresh) as here:
        people = People(here.simulated, random)
        here.simulated.queues.subscribe(58)
        for _ in range(4):
            for _ in range(30):
                here.wait(random.choice((1, 40, 600, 7_200)))
                people.do()
            here.wait(300)
            if random.random() < 0.5:
                await here.fetch()  # else these events are lost to us, or come late
            await here.read(window=20)
        for chat in (*people.groups, people.private):
            here.world.post(chat.id, 58, "the last word")
        here.wait(300)
        await here.read(again=True)

        for message in here.world.messages.values():
            await _check(here, message)
        for chat in (*people.groups, people.private):
            found = await here.members(chat)
            current = {user for user, row in found.items() if row.left_basis is None}
            assert current == {*chat.members}, chat
        assert await differences(here.store, portal()) == []


async def _check(here: Reconciled, message: Message) -> None:
    async with here.pool.reading() as session:
        row = await messages.one(session, 1, message.id)
        found = await messages.versions(
            session, 1, message.id, began_at=1_000_000, skip=0, limit=1_000
        )
    if row is None:  # written and deleted between two readings
        assert message.deletion == "full", message
        return
    assert (row.state == "deleted") == (message.deletion is not None), message
    if message.deletion is None:
        assert row.text == message.text
    _check_deletion(row, message)
    for version in found:
        _check_bounds(version, message)


def _check_deletion(row: MessageRow, message: Message) -> None:
    if row.deleted_at is None or row.deleted_basis == "event":
        return
    assert message.deleted_at is not None
    assert row.deleted_after is not None
    assert row.deleted_after <= message.deleted_at * SECOND <= row.deleted_at


def _check_bounds(version: VersionRow, message: Message) -> None:
    """Somewhen between its bounds the message truly came to say this."""
    begun = [at * SECOND for at, text in message.texts if text == version.text]
    assert begun, version
    if version.from_basis == "rest_snapshot":
        assert version.from_after is not None
        assert any(version.from_after <= at <= version.from_at for at in begun), version
