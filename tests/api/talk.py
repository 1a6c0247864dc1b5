"""What people say in chats of the samples' portal, for tests that look for it."""

from typing import Any

from pydantic_core import to_json

from tests import samples
from tests.conftest import Reader
from tests.promises.server import Served

FIRST_MESSAGE = 500_000


class Talk:
    """Delivers postings, edits and deletions to a portal, each a minute after the one before."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._told = 0
        self._posted: dict[int, str] = {}

    @classmethod
    def at(cls, reader: Reader) -> "Talk":
        """Talk where somebody reads."""
        return cls(reader.served)

    async def post(self, *texts: str, chat: int = 7001, author: int = 58) -> list[str]:
        """Post texts, one message each; return the messages' ids."""
        ids = []
        for text in texts:
            message = FIRST_MESSAGE + self._told
            await self._tell("messageadd_private_own", message, text, chat, author)
            ids.append(str(message))
        await self.settle()
        return ids

    async def edit(self, message: str, text: str, *, chat: int = 7001, author: int = 58) -> None:
        """Change the text of a message."""
        await self._tell("messageupdate", int(message), text, chat, author)
        await self.settle()

    async def delete(self, message: str, *, chat: int = 7001) -> None:
        """Delete a message."""
        item = self._item("messagedelete", chat)
        item["data"]["messageId"] = int(message)
        await self._deliver(item)
        await self.settle()

    async def settle(self) -> None:
        """Let what was told be read."""
        await self._served.state.live.catch_up()

    async def _tell(self, kind: str, message: int, text: str, chat: int, author: int) -> None:
        item = self._item(kind, chat)
        item["data"]["message"] |= {
            "id": message,
            "chatId": chat,
            "authorId": author,
            "text": text,
            "date": self._posted.setdefault(message, item["date"]),
        }
        await self._deliver(item)

    def _item(self, kind: str, chat: int) -> Any:
        self._told += 1
        item = samples.tree(f"im_v2/onimv2{kind}.json")
        hour, minute = divmod(self._told, 60)
        item |= {
            "eventId": 900_000 + self._told,
            "date": f"2026-10-0{1 + hour // 24}T{hour % 24:02}:{minute:02}:00+00:00",
        }
        item["data"]["chat"] |= {
            "id": chat,
            "dialogId": f"chat{chat}",
            "name": f"Chat {chat}",
            "type": "chat",
            "messageType": "C",
        }
        return item

    async def _deliver(self, item: Any) -> None:
        response = await self._served.feed(to_json(item))
        assert response.status_code == 200, response.text
        assert {each["outcome"] for each in response.json()["results"]} == {"appended"}
