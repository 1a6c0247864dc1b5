"""What changed, as it is answered: each change once, in pages, and of what was asked for only."""

from typing import Any

import pytest
from pydantic_core import to_json

from api import changes
from tests import samples
from tests.conftest import Reader
from tests.promises.server import SLUG


async def test_every_kind_is_told_with_what_belongs_to_it(reader: Reader) -> None:
    found = (await reader.read("/changes", chat="2207"))["data"]

    first = {each["kind"]: each for each in reversed(found) if each["message_id"] in ABOUT}
    assert first["edited"] | {"position": 0} == {
        "position": 0,
        "kind": "edited",
        "at": "2026-09-14T07:17:32.000000Z",  # as the webhook says that came first
        "basis": "event",
        "chat_id": "2207",
        "message_id": "190411",
        "user_id": None,
        "version": 2,
        "by": "41",
        "by_basis": "inferred",
    }
    assert (first["deleted"]["by"], first["deleted"]["message_id"]) == ("41", "190411")
    assert {name: first["reaction"][name] for name in ("code", "action", "user_id")} == {
        "code": "fire",
        "action": "added",
        "user_id": "63",
    }


ABOUT = {"190411", None}


async def test_what_many_witnesses_tell_is_one_change(reader: Reader) -> None:
    found = (await reader.read("/changes", kinds="edited,deleted"))["data"]

    about = [(each["kind"], each["message_id"]) for each in found]
    assert about.count(("edited", "190411")) == about.count(("deleted", "190411")) == 1


async def test_positions_ascend_and_pages_say_the_same_as_the_whole(reader: Reader) -> None:
    whole = (await reader.read("/changes"))["data"]

    pages = await reader.walk("/changes", limit=3)

    assert [each for page in pages for each in page] == whole
    assert [each["position"] for each in whole] == sorted(each["position"] for each in whole)
    assert {each["kind"] for each in whole} >= {"edited", "deleted", "reaction", "joined"}


@pytest.mark.parametrize("kind", ["edited", "deleted", "reaction", "joined", "left", "renamed"])
async def test_kinds_and_chats_narrow(reader: Reader, kind: str) -> None:
    whole = (await reader.read("/changes"))["data"]

    assert (await reader.read("/changes", kinds=kind))["data"] == [
        each for each in whole if each["kind"] == kind
    ]
    assert (await reader.read("/changes", kinds=kind, chat="2207"))["data"] == [
        each for each in whole if each["kind"] == kind and each["chat_id"] == "2207"
    ]


async def test_what_is_behind_a_position_follows_it(reader: Reader) -> None:
    whole = (await reader.read("/changes"))["data"]
    position = whole[len(whole) // 2]["position"]

    behind = (await reader.read("/changes", after=position))["data"]

    assert behind == [each for each in whole if each["position"] > position]


async def test_what_was_known_at_a_position_is_answered_with_the_same_bytes(
    own_reader: Reader,
) -> None:
    async def asked() -> bytes:
        path = f"/portals/{SLUG}/changes"
        return (await own_reader.get(path, as_of_position=12, limit=4)).content

    before = await asked()
    await rename(own_reader)

    assert await asked() == before


async def test_as_of_a_moment_only_what_had_occurred_is_told(reader: Reader) -> None:
    whole = (await reader.read("/changes"))["data"]

    then = (await reader.read("/changes", as_of="2026-09-14T07:18:00Z"))["data"]

    assert then == [each for each in whole if each["at"] <= "2026-09-14T07:18:00.000000Z"]
    assert 0 < len(then) < len(whole)


@pytest.mark.parametrize("chat", [None, "2207", "2340", "2301"])
@pytest.mark.parametrize("kinds", ["left,renamed,deleted", "joined", "renamed", "edited", None])
async def test_what_is_rare_is_found_wherever_it_is(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, kinds: str | None, chat: str | None
) -> None:
    whole = (await reader.read("/changes"))["data"]
    monkeypatch.setattr(changes, "_WINDOW", 1)

    narrowed = {"kinds": kinds, "chat": chat}
    asked = {name: value for name, value in narrowed.items() if value}
    pages = await reader.walk("/changes", limit=2, **asked)

    assert [each for page in pages for each in page] == [
        each
        for each in whole
        if (kinds is None or each["kind"] in kinds.split(","))
        and (chat is None or each["chat_id"] == chat)
    ]


async def test_no_text_is_told(reader: Reader) -> None:
    texts = {each["text"] for each in (await reader.read("/messages"))["data"]} - {None, ""}

    said = (await reader.get("/portals/acme/changes")).text

    assert not [text for text in texts if text in said]


async def test_a_late_report_changes_no_answer_that_was_given(own_reader: Reader) -> None:
    before = await own_reader.read("/changes")
    change = samples.tree("im_v2/onimv2messageupdate.json") | {"eventId": 799300}
    change["data"]["message"]["text"] = "what it said in between"
    change["data"]["message"]["params"] = {"IS_EDITED": "Y"}
    change["date"] = "2026-09-14T10:16:00+03:00"
    await own_reader.served.feed(to_json(change))
    await own_reader.served.state.live.catch_up()

    after = await own_reader.read("/changes")

    known = len(before["data"])
    assert after["data"][:known] == before["data"]
    assert [(each["kind"], each["version"], each["at"]) for each in after["data"][known:]] == [
        ("edited", 2, "2026-09-14T07:16:00.000000Z")
    ]


async def rename(reader: Reader) -> str:
    """Tell of another title of chat 2207; give the one before."""
    sent = samples.tree("im_v2/onimv2messageadd.json") | {"eventId": 799301}
    sent["data"]["message"] |= {"id": 199100, "date": "2026-09-15T10:15:00+03:00"}
    was: str = sent["data"]["chat"]["name"]
    sent["data"]["chat"]["name"] = "Launch room"
    sent["date"] = "2026-09-15T10:15:00+03:00"
    await reader.served.feed(to_json(sent))
    await reader.served.state.live.catch_up()
    return was


async def test_a_rename_says_from_what_to_what(own_reader: Reader) -> None:
    was = await rename(own_reader)

    renamed = (await own_reader.read("/changes", kinds="renamed"))["data"][-1]

    assert renamed | {"position": 0} == {
        "position": 0,
        "kind": "renamed",
        "at": "2026-09-15T07:15:00.000000Z",
        "basis": "observed",
        "chat_id": "2207",
        "message_id": None,
        "user_id": None,
        "subject": "chat",
        "from": was,
        "to": "Launch room",
    }


@pytest.mark.parametrize("kinds", ["posted", "edited,posted", "", "edited,"])
async def test_a_kind_that_is_none_is_400(reader: Reader, kinds: str) -> None:
    refused = await reader.get("/portals/acme/changes", kinds=kinds)

    assert refused.status_code == 400
    detail: Any = refused.json()["detail"]
    assert detail == "`kinds` must be some of edited, deleted, reaction, joined, left, renamed."
