"""The client without a network answers and refuses as Chronicle's own does."""

from typing import Any

import pytest

from eventstore.fetching.portal_client import (
    AuthFailed,
    BotNotFound,
    NotSubscribed,
    PortalError,
    RateLimited,
    Refused,
    Unreachable,
)
from tests.portal.bots import Bot
from tests.portal.client import DirectClient
from tests.portal.portal import Portal, Webhook


@pytest.fixture
def portal() -> Portal:
    portal = Portal()
    portal.add_bot(Bot(931, "FAKE_BOT_TOKEN"))
    return portal


async def test_an_answer_has_the_clock_of_the_portal(portal: Portal) -> None:
    client = DirectClient(portal, portal.add_webhook(58))

    answer = await client.call("im.v2.Event.subscribe", {})

    assert answer.result is True
    assert answer.at == int(portal.clock.now * 1_000_000)


@pytest.mark.parametrize(
    ("method", "params", "error"),
    [
        ("im.dialog.get", {"DIALOG_ID": "chat1"}, Refused),
        ("imbot.v2.Event.get", {"botId": 931}, AuthFailed),
        ("imbot.v2.Event.get", {"botId": 1, "botToken": "x"}, BotNotFound),
        (
            "imbot.v2.Event.get",
            {"botId": 931, "botToken": "FAKE_BOT_TOKEN", "withUserEvents": True},
            NotSubscribed,
        ),
    ],
)
async def test_a_refusal_is_understood(
    portal: Portal, method: str, params: dict[str, Any], error: type[PortalError]
) -> None:
    client = DirectClient(portal, portal.add_webhook(58))

    with pytest.raises(error):
        await client.call(method, params)


async def test_who_asks_too_often_is_told_so(portal: Portal) -> None:
    portal.limits.per_second, portal.limits.burst = 2.0, 1
    client = DirectClient(portal, portal.add_webhook(58))
    await client.call("im.recent.list", {})

    with pytest.raises(RateLimited):
        await client.call("im.recent.list", {})


async def test_a_lost_network_and_a_wrong_code_are_told_apart(portal: Portal) -> None:
    with pytest.raises(AuthFailed):
        await DirectClient(portal, Webhook(58, "guessed")).call("im.recent.list", {})

    portal.switches.network = "cut_before"
    with pytest.raises(Unreachable):
        await DirectClient(portal, portal.add_webhook(58)).call("im.recent.list", {})


async def test_the_token_of_a_bot_is_added(portal: Portal) -> None:
    client = DirectClient(portal, portal.add_webhook(58), "FAKE_BOT_TOKEN")

    assert (await client.call("imbot.v2.Event.get", {"botId": 931})).result["events"] == []
