"""The forms of a text: every read that shows texts gives the one that is asked for."""

from typing import Any

import pytest
from pydantic import TypeAdapter
from pydantic_core import to_json

from api import models
from tests import samples
from tests.conftest import Reader

RAW = "[USER=912]Archivist[/USER], please log the rollout plan v2 ✅"
PLAIN = "Archivist, please log the rollout plan v2 ✅"
HTML = (
    '<span class="mention" data-user-id="912">Archivist</span>, please log the rollout plan v2 ✅'
)
READS = ["/messages", "/chats/2207/messages", "/messages/190411", "/messages/190411/versions"]


@pytest.mark.parametrize(("form", "text"), [("raw", RAW), ("plain", PLAIN), ("html", HTML)])
@pytest.mark.parametrize("path", READS)
async def test_every_read_of_texts_gives_the_form_that_is_asked_for(
    reader: Reader, path: str, form: str, text: str
) -> None:
    found = (await reader.read(path, render=form))["data"]
    shown = found if isinstance(found, list) else [found]

    assert {each["text_form"] for each in shown} == {form}
    assert text in [each["text"] for each in shown]


@pytest.mark.parametrize("path", READS)
async def test_raw_is_what_is_given_unasked(reader: Reader, path: str) -> None:
    unasked = await reader.read(path)
    raw = await reader.read(path, render="raw")

    assert without_form(raw) == unasked


@pytest.mark.parametrize("form", ["raw", "plain", "html"])
async def test_answers_in_every_form_are_of_the_described_shape(reader: Reader, form: str) -> None:
    for path, shape in zip(
        READS,
        [models.Listed[models.Message]] * 2
        + [models.One[models.Message], models.Listed[models.Version]],
        strict=True,
    ):
        response = await reader.get(f"/portals/acme{path}", render=form)
        TypeAdapter(shape).validate_json(response.content, strict=True, extra="forbid")


async def test_a_text_that_is_withheld_is_so_in_every_form(reader: Reader) -> None:
    for form in ("plain", "html"):
        message = (await reader.read("/messages/190411", render=form, token="messages"))["data"]  # noqa: S106 - a name

        assert (message["text"], message["withheld"]) == (None, "scope")


async def test_what_is_replied_to_is_in_the_same_form(own_reader: Reader) -> None:
    reply = samples.tree("legacy/onimbotmessageadd_reply_file.json")
    reply["data"]["PARAMS"]["MESSAGE_ID"] = "190470"
    reply["data"]["PARAMS"]["REPLY_MESSAGE"]["MESSAGE"] = "[b]a < b[/b]"
    await own_reader.served.hook(to_json(reply), "application/json")
    await own_reader.served.state.live.catch_up()

    message = (await own_reader.read("/messages/190470", render="html"))["data"]

    assert message["reply_to"]["text"] == "<b>a &lt; b</b>"


async def test_who_is_mentioned_is_called_what_they_were_called_then(own_reader: Reader) -> None:
    await say(own_reader, 1, "2026-09-15T10:00:00+03:00", author="Old Name")
    await say(own_reader, 2, "2026-09-16T10:00:00+03:00", text="[user=41]Forged[/user]")
    await say(own_reader, 3, "2026-09-17T10:00:00+03:00", author="New Name")
    await say(own_reader, 4, "2026-09-18T10:00:00+03:00", text="[user=41][/user] [user=9][/user]")

    async def text(number: int) -> Any:
        return (await own_reader.read(f"/messages/19900{number}", render="plain"))["data"]["text"]

    assert await text(2) == "Old Name"
    assert await text(4) == "New Name #9"


async def test_a_cursor_is_good_for_every_form(reader: Reader) -> None:
    first = await reader.read("/messages", limit=1, render="html")

    second = await reader.read("/messages", limit=1, render="plain", cursor=first["page"]["next"])

    assert second["data"][0]["text_form"] == "plain"


async def test_there_is_no_other_form(reader: Reader) -> None:
    refused = await reader.get("/portals/acme/messages", render="markdown")

    assert refused.json()["code"] == "invalid_parameter"
    assert "`raw`, `plain` or `html`" in refused.json()["detail"]


async def say(
    reader: Reader, number: int, date: str, *, text: str = "hello", author: str | None = None
) -> None:
    """Tell of a message of user 41, or of somebody else where the author has no name."""
    sent = samples.tree("im_v2/onimv2messageadd.json") | {"eventId": 799200 + number, "date": date}
    sent["data"]["message"] |= {"id": 199000 + number, "text": text, "date": date}
    if author is None:
        sent["data"]["message"]["authorId"] = sent["data"]["user"]["id"] = 58
        sent["data"]["user"]["name"] = "Somebody Else"
    else:
        sent["data"]["user"]["name"] = author
    assert (await reader.served.feed(to_json(sent))).status_code == 200
    await reader.served.state.live.catch_up()


def without_form(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {name: without_form(each) for name, each in answer.items() if name != "text_form"}
    return [without_form(each) for each in answer] if isinstance(answer, list) else answer
