"""What is read of messages: one truth of many witnesses, and no text to who may not see it."""

from typing import Any

import pytest
from pydantic_core import to_json

from tests import samples
from tests.conftest import Reader

TEXT = "[USER=912]Archivist[/USER], please log the rollout plan"


async def test_many_witnesses_of_every_family_tell_of_one_message(reader: Reader) -> None:
    message = (await reader.read("/messages/190411"))["data"]

    assert message | {"provenance": None} == {
        "id": "190411",
        "chat_id": "2207",
        "author": {"id": "41", "name": "Priya Nair", "kind": "user"},
        "text": f"{TEXT} v2 ✅",
        "withheld": None,
        "state": "deleted",
        "version": 2,
        "versions": 2,
        "system": False,
        "posted": {"at": "2026-09-14T07:15:00.000000Z", "basis": "event"},
        "edited": deed("2026-09-14T07:17:31.000000Z"),
        "deleted": deed("2026-09-14T07:20:11.000000Z"),
        "reply_to": None,
        "forward": None,
        "thread": None,
        "files": [],
        "reactions": [],
        "provenance": None,
    }
    assert message["provenance"]["witnesses"] == ["bot:912", "bot:931", "bot:940", "user:58"]


async def test_a_message_has_its_versions_oldest_to_newest(reader: Reader) -> None:
    versions = (await reader.read("/messages/190411/versions"))["data"]

    assert [(each["version"], each["text"]) for each in versions] == [
        (1, TEXT),
        (2, f"{TEXT} v2 ✅"),
    ]
    assert versions[0]["until"] == {"at": versions[1]["from"]["at"], "basis": "event"}
    assert versions[1]["until"] == {"at": "2026-09-14T07:20:11.000000Z", "basis": "event"}
    assert versions[0]["witnesses"] == ["bot:912", "bot:931", "bot:940", "user:58"]


async def test_a_text_that_is_gone_needs_its_own_scope(reader: Reader) -> None:
    message = (await reader.read("/messages/190411", token="messages"))["data"]  # noqa: S106 - a name
    versions = (await reader.read("/messages/190411/versions", token="messages"))["data"]  # noqa: S106 - a name

    assert (message["text"], message["withheld"], message["state"]) == (None, "scope", "deleted")
    assert [(each["text"], each["withheld"]) for each in versions] == [(None, "scope")] * 2


async def test_of_a_live_message_only_what_was_before_is_withheld(own_reader: Reader) -> None:
    await edit(own_reader, samples.tree("im_v2/onimv2messageadd_private_own.json"), "as it is now")

    message = (await own_reader.read("/messages/190450", token="messages"))["data"]  # noqa: S106 - a name
    versions = (await own_reader.read("/messages/190450/versions", token="messages"))["data"]  # noqa: S106 - a name

    assert (message["text"], message["withheld"]) == ("as it is now", None)
    assert [each["text"] for each in versions] == [None, "as it is now"]


async def test_no_list_tells_what_one_message_withholds(reader: Reader) -> None:
    gone = {
        version["text"]
        for message in (await reader.read("/messages", state="deleted"))["data"]
        for version in (await reader.read(f"/messages/{message['id']}/versions"))["data"]
    }
    assert gone

    paths = ["/messages", "/chats/2207/messages", "/chats/2301/messages"]
    for path in paths:
        said = strings(await reader.read(path, token="messages"))  # noqa: S106 - a name
        assert not gone & said


async def test_a_quote_tells_nothing_that_its_message_withholds(reader: Reader) -> None:
    reply = await reply_of(reader)
    withheld = await reply_of(reader, token="messages")  # noqa: S106 - a name

    assert reply["reply_to"]["message_id"] == "190420"
    assert reply["reply_to"]["text"]
    assert withheld["reply_to"] == {**reply["reply_to"], "text": None}


@pytest.mark.parametrize(
    ("now", "shown"),
    [("I asked: what did we decide? Nobody knew.", True), ("Something else.", False)],
)
async def test_a_quote_of_a_live_message_is_shown_if_it_still_says_so(
    own_reader: Reader, now: str, *, shown: bool
) -> None:
    original = samples.tree("im_v2/onimv2messageadd_private_own.json")
    await edit(own_reader, original, now)
    await reply_to(own_reader, quote="what did we decide?", of=original["data"]["message"]["id"])

    reply = (await own_reader.read("/messages/190470", token="messages"))["data"]["reply_to"]  # noqa: S106 - a name

    assert reply["text"] == ("what did we decide?" if shown else None)


async def test_a_quote_of_a_message_that_nobody_saw_is_shown(own_reader: Reader) -> None:
    await reply_to(own_reader, quote="before our time", of=1)

    reply = (await own_reader.read("/messages/190470", token="messages"))["data"]["reply_to"]  # noqa: S106 - a name

    assert reply["text"] == "before our time"


async def test_payloads_of_a_messages_events_need_their_scope(reader: Reader) -> None:
    readable = (await reader.read("/messages/190411/events"))["data"]
    headers = (await reader.read("/messages/190411/events", token="messages"))["data"]  # noqa: S106 - a name

    assert all(each["payload"] and each["withheld"] is None for each in readable)
    assert headers == [{**each, "payload": None, "withheld": "scope"} for each in readable]
    assert all("190411" in str(each["payload"]) for each in readable)
    positions = [each["position"] for each in readable]
    assert positions == sorted(set(positions))


async def test_reactions_are_held_until_they_are_removed(reader: Reader) -> None:
    current = (await reader.read("/messages/190411/reactions"))["data"]
    intervals = (await reader.read("/messages/190411/reactions", view="intervals"))["data"]

    assert current == []
    assert intervals == [
        {
            "code": "fire",
            "user_id": "63",
            "from": {"at": "2026-09-14T07:18:06.000000Z", "basis": "event"},
            "until": {"at": "2026-09-14T07:19:01.000000Z", "basis": "event"},
        }
    ]


async def test_held_reactions_are_counted_by_code(own_reader: Reader) -> None:
    for number, (user, code) in enumerate([(100, "like"), (20, "like"), (3, "fire")]):
        item = samples.tree("im_v2/onimv2reactionchange.json") | {"eventId": 799000 + number}
        item["data"]["user"]["id"], item["data"]["reaction"] = user, code
        item["data"]["message"]["id"] = 190412
        await own_reader.served.feed(to_json(item))
    await own_reader.served.state.live.catch_up()

    message = (await own_reader.read("/messages/190412"))["data"]

    assert message["reactions"] == [
        {"code": "fire", "count": 1, "user_ids": ["3"]},
        {"code": "like", "count": 2, "user_ids": ["20", "100"]},
    ]


async def test_comments_name_their_chat_on_both_sides(own_reader: Reader) -> None:
    comments = (await own_reader.read("/chats/2260/messages"))["data"]
    post = samples.tree("im_v2/onimv2messageadd.json") | {"eventId": 799001}
    post["data"]["message"]["id"] = 190388
    await own_reader.served.feed(to_json(post))
    await own_reader.served.state.live.catch_up()

    commented = (await own_reader.read("/messages/190388"))["data"]

    assert [each["thread"] for each in comments] == [{"chat_id": "2260"}]
    assert commented["thread"] == {"chat_id": "2260"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"chat": "2260"}, lambda each: each["chat_id"] == "2260"),
        ({"author": "41"}, lambda each: each["author"]["id"] == "41"),
        ({"state": "deleted"}, lambda each: each["state"] == "deleted"),
        ({"chat": "2207", "state": "live"}, lambda each: each["chat_id"] == "2207"),
        (
            {"from_": "2026-09-14T10:15:00+03:00", "to": "2026-09-14T07:30:01Z"},
            lambda each: "2026-09-14T07:15" <= each["posted"]["at"] < "2026-09-14T07:30:01.",
        ),
        ({"to": "2026-09-14T07:15:00Z"}, lambda each: each["posted"]["at"] < "2026-09-14T07:15"),
    ],
)
async def test_filters_narrow_and_windows_are_half_open(
    reader: Reader, query: dict[str, str], expected: Any
) -> None:
    whole = (await reader.read("/messages"))["data"]

    found = (await reader.read("/messages", **query))["data"]

    wanted = [each for each in whole if each["posted"]["at"] and expected(each)]
    if "state" in query:
        wanted = [each for each in wanted if each["state"] == query["state"]]
    assert found == wanted
    assert 0 < len(found) < len(whole)


async def edit(reader: Reader, posting: Any, text: str) -> None:
    """Tell of a posting, and of its change to another text."""
    change = samples.tree("im_v2/onimv2messageupdate.json") | {"eventId": 799101}
    change["data"]["message"] |= posting["data"]["message"] | {"text": text}
    change["data"]["chat"] = posting["data"]["chat"]
    change["date"] = "2026-09-14T23:00:00+03:00"
    for item in (posting | {"eventId": 799100}, change):
        assert (await reader.served.feed(to_json(item))).status_code == 200
    await reader.served.state.live.catch_up()


async def reply_to(reader: Reader, *, quote: str, of: int) -> None:
    """Tell of message 190470, which quotes another."""
    sent = samples.tree("legacy/onimbotmessageadd_reply_file.json")
    sent["data"]["PARAMS"]["MESSAGE_ID"] = "190470"
    sent["data"]["PARAMS"]["PARAMS"]["REPLY_ID"] = str(of)
    sent["data"]["PARAMS"]["REPLY_MESSAGE"] |= {"ID": str(of), "MESSAGE": quote}
    assert (await reader.served.hook(to_json(sent), "application/json")).status_code == 200
    await reader.served.state.live.catch_up()


async def reply_of(reader: Reader, *, token: str = "everything") -> Any:  # noqa: S107 - a name
    """The one sample that quotes 190420, which was deleted."""
    found = (await reader.read("/messages", token=token))["data"]
    return next(each for each in found if each["reply_to"])


def deed(at: str) -> dict[str, str]:
    return {"at": at, "basis": "event", "by": "41", "by_basis": "inferred"}


def strings(body: Any) -> set[str]:
    """Every string of an answer."""
    if isinstance(body, dict):
        return set().union(*map(strings, body.values()))
    if isinstance(body, list):
        return set().union(*map(strings, body))
    return {body} if isinstance(body, str) else set()
