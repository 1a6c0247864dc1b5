"""The simulated queues behave as the reference tells of Bitrix24's (section 2.3)."""

from typing import Any

import pytest

from tests.portal.bots import Bot
from tests.portal.errors import PortalError
from tests.portal.portal import FOREIGN, AccessToken, Credentials, Portal, Webhook
from tests.portal.queues import RETENTION

USER = "user:58"
BOT = Bot(931, "FAKE_BOT_TOKEN")


class Watched:
    """A portal with one chat, of which user 58 and bot 931 hear everything."""

    def __init__(self) -> None:
        self.portal = Portal(seed=7)
        self.portal.add_bot(BOT)
        self.webhook = self.portal.add_webhook(58)
        self.portal.queues.subscribe(58)
        self.chat = self.portal.world.open_chat("Kitchen", [41, 58, 63, 931])

    def post(self, text: str = "a word", author: int = 41) -> int:
        return self.portal.world.post(self.chat.id, author, text).id

    async def events(self, **params: Any) -> dict[str, Any]:
        return await self.get("im.v2.Event.get", **params)

    async def bot_events(self, **params: Any) -> dict[str, Any]:
        return await self.get("imbot.v2.Event.get", botId=931, botToken=BOT.token, **params)

    async def get(
        self, method: str, credentials: Credentials | None = None, **params: Any
    ) -> dict[str, Any]:
        answer = await self.portal.call(credentials or self.webhook, method, params)
        result: dict[str, Any] = answer["result"]
        return result


@pytest.fixture
def watched() -> Watched:
    return Watched()


def ids(page: dict[str, Any]) -> list[int]:
    return [item["eventId"] for item in page["events"]]


async def test_one_thing_that_happens_is_a_row_for_every_receiver(watched: Watched) -> None:
    watched.post()

    (one,) = (await watched.events())["events"]
    (other,) = (await watched.bot_events())["events"]

    assert (one["type"], other["type"]) == ("ONIMV2MESSAGEADD", "ONIMBOTV2MESSAGEADD")
    assert one["data"]["message"] == other["data"]["message"]
    assert one["eventId"] != other["eventId"]


async def test_without_an_offset_the_same_events_come_again(watched: Watched) -> None:
    watched.post()
    watched.post()

    assert ids(await watched.events()) == ids(await watched.events())


async def test_an_offset_deletes_all_below_it_for_every_reader(watched: Watched) -> None:
    for _ in range(3):
        watched.post()
    first, second, third = ids(await watched.events())

    page = await watched.events(offset=second)

    assert ids(page) == [second, third]
    other = watched.portal.add_webhook(58)
    assert ids(await watched.get("im.v2.Event.get", other)) == [second, third]
    assert watched.portal.queues.fates[USER].acknowledged[watched.webhook.code] == {first}


async def test_an_offset_leaves_other_queues_alone(watched: Watched) -> None:
    watched.post()

    await watched.events(offset=10**9)

    assert len((await watched.bot_events())["events"]) == 1


async def test_a_full_page_says_that_there_is_more_and_the_next_may_be_empty(
    watched: Watched,
) -> None:
    watched.post()
    watched.post()

    full = await watched.events(limit=2)
    empty = await watched.events(limit=2, offset=full["nextOffset"])

    assert (full["hasMore"], empty["hasMore"], empty["events"]) == (True, False, [])
    assert full["nextOffset"] == ids(full)[-1] + 1


@pytest.mark.parametrize(("offset", "said"), [(None, 0), (700_112, 700_112)])
async def test_an_empty_page_repeats_the_offset(
    watched: Watched, offset: int | None, said: int
) -> None:
    assert (await watched.events(offset=offset))["nextOffset"] == said


async def test_an_empty_page_may_have_no_offset_at_all(watched: Watched) -> None:
    watched.portal.switches.empty_offset = "null"

    assert (await watched.events(offset=5))["nextOffset"] is None


async def test_the_older_form_tells_the_last_id(watched: Watched) -> None:
    watched.portal.switches.answers = "lastEventId"
    watched.post()

    page = await watched.events()

    assert page["lastEventId"] == ids(page)[-1]
    assert "nextOffset" not in page


async def test_events_are_forgotten_after_a_day(watched: Watched) -> None:
    watched.post()
    watched.portal.clock.advance(RETENTION)
    watched.post()
    watched.portal.clock.advance(1)

    page = await watched.events()

    assert len(page["events"]) == 1
    assert len(watched.portal.queues.fates[USER].expired) == 1


async def test_an_id_can_come_after_a_larger_one(watched: Watched) -> None:
    watched.portal.switches.late_by, watched.portal.switches.late_share = 8.0, 1.0
    watched.post("late")
    watched.portal.switches.late_share = 0.0
    watched.post("in time")

    before = await watched.events()
    watched.portal.clock.advance(8)
    after = await watched.events()

    assert ids(after)[1:] == ids(before)
    assert ids(after)[0] < ids(before)[0]


async def test_an_id_that_is_late_cannot_be_deleted_before_it_is_there(watched: Watched) -> None:
    watched.portal.switches.late_by, watched.portal.switches.late_share = 8.0, 1.0
    watched.post()

    await watched.events(offset=10**9)
    watched.portal.clock.advance(8)

    assert len((await watched.events())["events"]) == 1
    assert (await watched.events(offset=10**9))["events"] == []


async def test_one_offset_confirms_the_queues_of_bot_and_user(watched: Watched) -> None:
    watched.post()
    watched.post()

    page = await watched.bot_events(withUserEvents=True)
    await watched.bot_events(withUserEvents=True, offset=page["nextOffset"])

    assert ids(page) == sorted(ids(page))
    assert {item["type"] for item in page["events"]} == {"ONIMV2MESSAGEADD", "ONIMBOTV2MESSAGEADD"}
    assert watched.portal.queues.waiting(USER) == watched.portal.queues.waiting("bot:931") == 0


async def test_who_does_not_subscribe_has_an_empty_list(watched: Watched) -> None:
    watched.post()
    await watched.portal.call(watched.webhook, "im.v2.Event.unsubscribe")
    watched.post()

    assert (await watched.events())["events"] == []
    with pytest.raises(PortalError, match="USER_NOT_SUBSCRIBED"):
        await watched.bot_events(withUserEvents=True)


@pytest.mark.parametrize("wipes", [True, False])
async def test_unsubscribing_may_delete_what_waits(watched: Watched, wipes: bool) -> None:  # noqa: FBT001
    watched.portal.switches.unsubscribing_wipes = wipes
    watched.post()

    await watched.portal.call(watched.webhook, "im.v2.Event.unsubscribe")
    await watched.portal.call(watched.webhook, "im.v2.Event.subscribe")

    assert len((await watched.events())["events"]) == (0 if wipes else 1)


async def test_a_bot_in_webhook_mode_has_no_queue(watched: Watched) -> None:
    watched.portal.add_bot(BOT._replace(event_mode="webhook"))
    watched.post()

    assert (await watched.bot_events())["events"] == []


async def test_a_plain_bot_hears_of_what_mentions_it_only(watched: Watched) -> None:
    watched.portal.add_bot(BOT._replace(type="bot"))
    watched.post("hello everybody")
    watched.post("[USER=931]Ledger[/USER], hello")

    assert len((await watched.bot_events())["events"]) == 1


async def test_leaving_is_told_to_those_who_stay(watched: Watched) -> None:
    watched.portal.world.leave(watched.chat.id, 63)

    (item,) = (await watched.events())["events"]

    assert item["data"]["message"]["params"] == {"CODE": "CHAT_LEAVE"}
    assert item["data"]["user"] == []


async def test_who_was_removed_hears_nothing_more(watched: Watched) -> None:
    watched.portal.world.remove(watched.chat.id, 58, by=41)
    watched.post()

    assert (await watched.events())["events"] == []
    assert len((await watched.bot_events())["events"]) == 2


async def test_an_edit_over_rest_is_not_told_to_users(watched: Watched) -> None:
    message = watched.post()
    watched.portal.world.edit(message, "another word", over_rest=True)

    assert len((await watched.events())["events"]) == 1
    assert len((await watched.bot_events())["events"]) == 2


async def test_a_bot_hears_that_it_joined_and_a_user_that_anybody_did(watched: Watched) -> None:
    chat = watched.portal.world.open_chat("Attic", [41, 58])
    watched.portal.world.join(chat.id, 931, by=41)
    watched.portal.world.join(chat.id, 63, by=41)

    users = [item for item in (await watched.events())["events"] if "JOIN" in item["type"]]
    bots = [item for item in (await watched.bot_events())["events"] if "JOIN" in item["type"]]

    assert [item["data"]["user"]["id"] for item in users] == [931, 63]
    assert [item["data"]["user"]["id"] for item in bots] == [41]


async def test_a_private_chat_is_named_by_the_other_one(watched: Watched) -> None:
    chat = watched.portal.world.open_private(58, 41)
    watched.portal.world.post(chat.id, 58, "psst")

    (item,) = (await watched.events())["events"]

    assert item["data"]["chat"]["dialogId"] == "41"
    assert item["data"]["chat"]["messageType"] == "P"


async def test_a_long_text_is_cut(watched: Watched) -> None:
    watched.post("a" * 20_001)

    (item,) = (await watched.events())["events"]

    assert item["data"]["message"]["text"] == "a" * 20_000 + " (...)"


async def test_somebody_else_takes_what_waits(watched: Watched) -> None:
    watched.post()

    assert watched.portal.steal(USER) == 1
    assert (await watched.events())["events"] == []
    fate = watched.portal.queues.fates[USER]
    assert fate.acknowledged[FOREIGN] == fate.written
    assert fate.within_reach_of(watched.webhook.code) == set()


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "BOT_ID_REQUIRED"),
        ({"botId": 931}, "BOT_TOKEN_NOT_SPECIFIED"),
        ({"botId": 1, "botToken": "x"}, "BOT_NOT_FOUND"),
        ({"botId": 931, "botToken": "x"}, "BOT_OWNERSHIP_ERROR"),
    ],
)
async def test_a_bots_queue_is_its_owners(
    watched: Watched, params: dict[str, Any], code: str
) -> None:
    with pytest.raises(PortalError, match=code):
        await watched.get("imbot.v2.Event.get", **params)


async def test_an_application_needs_no_bot_token(watched: Watched) -> None:
    application = watched.portal.oauth.install()
    watched.portal.add_bot(BOT._replace(application=application.client_id))
    token = AccessToken(watched.portal.oauth.grant(application, 58)["access_token"])
    watched.post()

    assert len((await watched.get("imbot.v2.Event.get", token, botId=931))["events"]) == 1


async def test_a_code_that_nobody_gave_out_is_refused(watched: Watched) -> None:
    with pytest.raises(PortalError, match="INVALID_CREDENTIALS"):
        await watched.get("im.v2.Event.get", Webhook(58, "guessed"))
