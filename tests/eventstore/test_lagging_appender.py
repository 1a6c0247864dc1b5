"""The lagging appender takes at once and writes soon, unless it knows that it cannot."""

import asyncio
from typing import cast

import pytest

from eventstore import lagging_appender as module
from eventstore.appender import Appender
from eventstore.errors import StoreUnavailable
from eventstore.lagging_appender import LaggingAppender
from eventstore.log import Pending
from tests.eventstore.factories import ORIGIN, new
from tests.eventstore.fake_log import FakeLog


class Fake:
    """An appender over a log in memory."""

    def __init__(self) -> None:
        self.log = FakeLog()
        self.append_all = self.log.append


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    monkeypatch.setattr(module, "_RETRY", 0.01)
    return Fake()


@pytest.fixture
def lagging(fake: Fake) -> LaggingAppender:
    return LaggingAppender(cast(Appender, fake))


def entry(key: str) -> Pending:
    return Pending(ORIGIN, new(key))


async def test_what_is_taken_is_written_soon_after(fake: Fake, lagging: LaggingAppender) -> None:
    for key in "abc":
        await lagging.append_all([entry(key)])
    before = list(fake.log.tried)

    await lagging.close()

    assert before == []
    assert fake.log.landed[1] == ["a", "b", "c"]


async def test_what_failed_is_kept_and_written_before_anything_new_is_taken(
    fake: Fake, lagging: LaggingAppender
) -> None:
    fake.log.always = "is away"
    await lagging.append_all([entry("a")])
    await asyncio.sleep(0.005)

    with pytest.raises(StoreUnavailable, match="what came before cannot be written"):
        await lagging.append_all([entry("b")])
    fake.log.always = "takes"
    await asyncio.sleep(0.05)
    await lagging.append_all([entry("c")])
    await lagging.close()

    assert fake.log.landed[1] == ["a", "c"]


async def test_an_answer_that_was_lost_adds_nothing_twice(
    fake: Fake, lagging: LaggingAppender
) -> None:
    fake.log.answers.append("loses its answer")
    await lagging.append_all([entry("a")])

    await lagging.close()

    assert fake.log.landed[1] == ["a"]


async def test_no_more_waits_than_there_is_room_for(
    fake: Fake, lagging: LaggingAppender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 2)

    await lagging.append_all([entry("a"), entry("b")])

    with pytest.raises(StoreUnavailable, match="wait to be written"):
        await lagging.append_all([entry("c")])
    await lagging.close()


async def test_to_close_it_takes_no_longer_than_it_may(
    fake: Fake, lagging: LaggingAppender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LAST", 0.02)
    fake.log.always = "is away"
    await lagging.append_all([entry("a")])

    await asyncio.wait_for(lagging.close(), 1)

    assert fake.log.landed == {}
