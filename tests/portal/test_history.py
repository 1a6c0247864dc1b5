"""The simulated portal answers for its history as the reference tells (section 7)."""

from typing import Any

import pytest

from tests.portal.bots import Bot
from tests.portal.errors import PortalError
from tests.portal.portal import Portal
from tests.portal.truth import Chat

BOT = Bot(931, "FAKE_BOT_TOKEN")


class Written:
    """A portal with one chat of seven messages, and one reader."""

    def __init__(self) -> None:
        self.portal = Portal()
        self.portal.add_bot(BOT)
        self.webhook = self.portal.add_webhook(58)
        self.chat: Chat = self.portal.world.open_chat("Kitchen", [41, 58, 931])
        self.ids = [self.portal.world.post(self.chat.id, 41, f"word {n}").id for n in range(7)]

    async def get(self, method: str, **params: Any) -> Any:
        return (await self.portal.call(self.webhook, method, params))["result"]

    async def page(self, **params: Any) -> list[int]:
        said = await self.get("im.dialog.messages.get", DIALOG_ID=self.dialog, **params)
        return [message["id"] for message in said["messages"]]

    @property
    def dialog(self) -> str:
        return f"chat{self.chat.id}"


@pytest.fixture
def written() -> Written:
    return Written()


async def test_history_is_walked_backward_and_forward(written: Written) -> None:
    ids = written.ids

    assert await written.page(LIMIT=3) == ids[:3:-1]
    assert await written.page(LIMIT=3, LAST_ID=ids[4]) == [ids[3], ids[2], ids[1]]
    assert await written.page(LIMIT=3, FIRST_ID=ids[1]) == [ids[4], ids[3], ids[2]]
    assert await written.page(FIRST_ID=ids[6]) == []


async def test_no_page_has_more_than_fifty(written: Written) -> None:
    for number in range(60):
        written.portal.world.post(written.chat.id, 41, f"more {number}")

    assert len(await written.page(LIMIT=100)) == 50
    assert len(await written.page()) == 20


async def test_a_soft_deletion_leaves_a_notice_and_a_full_one_nothing(written: Written) -> None:
    soft, full = written.ids[2], written.ids[3]
    written.portal.world.delete(soft)
    written.portal.world.delete(full, complete=True)

    said = await written.get("im.dialog.messages.get", DIALOG_ID=written.dialog)
    texts = {message["id"]: message["text"] for message in said["messages"]}

    assert texts[soft] == "Message from 09/14/2026 10:15:00 has been deleted"
    assert full not in texts


async def test_a_deletion_may_be_marked(written: Written) -> None:
    written.portal.switches.deletion_marked = True
    written.portal.world.delete(written.ids[6])

    said = await written.get("im.dialog.messages.get", DIALOG_ID=written.dialog, LIMIT=1)

    assert said["messages"][0]["params"] == {"IS_DELETED": "Y"}


@pytest.mark.parametrize(
    "method", ["im.dialog.messages.get", "im.dialog.get", "im.dialog.users.list"]
)
async def test_who_is_not_in_a_chat_is_refused(written: Written, method: str) -> None:
    written.portal.world.remove(written.chat.id, 58, by=41)

    with pytest.raises(PortalError, match="ACCESS_ERROR"):
        await written.get(method, DIALOG_ID=written.dialog)


async def test_who_is_not_in_a_chat_gets_an_empty_list_of_members(written: Written) -> None:
    assert await written.get("im.chat.user.list", CHAT_ID=written.chat.id) == [41, 58, 931]

    written.portal.world.remove(written.chat.id, 58, by=41)

    assert await written.get("im.chat.user.list", CHAT_ID=written.chat.id) == []


async def test_members_are_paged(written: Written) -> None:
    answer = await written.portal.call(
        written.webhook, "im.dialog.users.list", {"DIALOG_ID": written.dialog, "LIMIT": 2}
    )

    assert [user["id"] for user in answer["result"]] == [41, 58]
    assert (answer["total"], answer["next"]) == (3, 2)


async def test_a_plan_may_hide_what_is_older(written: Written) -> None:
    written.portal.clock.advance(40 * 86_400)
    new = written.portal.world.post(written.chat.id, 41, "new").id
    written.portal.switches.history_days = 30

    found = await written.get("im.dialog.messages.search", CHAT_ID=written.chat.id)

    assert [message["id"] for message in found["messages"]] == [new]
    assert found["tariffRestrictions"] == {"isHistoryLimitExceeded": True}
    assert await written.page() == [new]


async def test_a_chat_says_how_much_there_is_to_read(written: Written) -> None:
    bot = {"botId": 931, "botToken": BOT.token}
    old = await written.get("im.dialog.get", DIALOG_ID=written.dialog)
    new = await written.get("imbot.v2.Chat.get", dialogId=written.dialog, **bot)

    assert (old["message_count"], old["last_message_id"]) == (7, written.ids[-1])
    assert (new["chat"]["messageCount"], new["chat"]["userCounter"]) == (7, 3)


async def test_recent_chats_come_newest_first(written: Written) -> None:
    private = written.portal.world.open_private(58, 63)
    written.portal.world.post(private.id, 63, "psst")

    page = await written.get("im.recent.list", LIMIT=1)
    rest = await written.get("im.recent.list", LIMIT=1, OFFSET=1)

    assert [item["chat_id"] for item in page["items"]] == [private.id]
    assert [item["id"] for item in rest["items"]] == [written.dialog]
    assert (page["hasMore"], rest["hasMore"]) == (True, False)


async def test_a_bot_reads_around_a_message(written: Written) -> None:
    bot = {"botId": 931, "botToken": BOT.token}
    method = "imbot.v2.Chat.Message.getContext"

    said = await written.get(method, messageId=written.ids[3], range=2, **bot)

    assert [message["id"] for message in said["messages"]] == written.ids[1:6]
    assert (said["hasPrevPage"], said["hasNextPage"]) == (True, True)


async def test_a_plain_bot_may_read_no_history(written: Written) -> None:
    written.portal.add_bot(BOT._replace(type="bot"))

    with pytest.raises(PortalError, match="BOT_TYPE_NOT_ALLOWED"):
        await written.get(
            "imbot.v2.Chat.Message.get", botId=931, botToken=BOT.token, messageId=written.ids[0]
        )
