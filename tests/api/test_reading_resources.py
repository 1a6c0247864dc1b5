"""What is read of chats, members, users, the log, and of what could not be read."""

from pydantic_core import to_json

from tests import samples
from tests.conftest import Reader


async def test_chats_come_with_the_most_recent_activity_first(reader: Reader) -> None:
    chats = (await reader.read("/chats"))["data"]
    threads = (await reader.read("/chats", type="thread"))["data"]

    moments = [chat["last_activity_at"] for chat in chats]
    assert moments == sorted(moments, reverse=True)
    assert [chat["id"] for chat in threads] == ["2260"]


async def test_a_chat_tells_its_title_its_messages_and_what_it_showed_before(
    reader: Reader,
) -> None:
    chat = (await reader.read("/chats/2207"))["data"]
    timeline = (await reader.read("/chats/2207/messages"))["data"]

    assert (chat["title"], chat["type"], chat["owner_id"]) == ("Release 4.2 war room", "chat", "41")
    assert chat["messages"] == len(timeline)
    assert chat["history"][-1]["title"] == chat["title"]
    assert chat["history"][-1]["until"] is None
    assert chat["history"][-1]["from"]["basis"] == "observed"


async def test_an_entity_is_null_where_a_chat_is_bound_to_nothing(reader: Reader) -> None:
    bound = (await reader.read("/chats/2405"))["data"]["entity"]

    assert bound == {"type": "LINES", "id": "livechat|3|2404|77"}
    assert (await reader.read("/chats/2207"))["data"]["entity"] is None


async def test_of_a_member_whose_coming_nobody_saw_the_first_sight_is_known(
    reader: Reader,
) -> None:
    members = {
        member["user"]["id"]: member
        for member in (await reader.read("/chats/2207/members"))["data"]
    }

    assert members["41"]["joined"] == {"at": None, "basis": "unknown"}
    assert members["41"]["first_seen_at"] == "2026-09-14T07:15:00.000000Z"
    assert members["63"]["joined"] == {"at": "2026-09-14T07:06:00.000000Z", "basis": "event"}
    assert members["912"]["user"]["kind"] == "bot"
    assert all(member["left"] is None for member in members.values())


async def test_who_left_is_a_member_no_more_but_has_been_one(own_reader: Reader) -> None:
    left = samples.tree("im_v2/onimv2messageadd_system.json") | {"eventId": 799200}
    left["date"] = "2026-09-14T23:00:00+03:00"
    left["data"]["message"] |= {
        "id": 190480,
        "date": "2026-09-14T23:00:00+03:00",
        "text": "[USER=63]Hanna Lind[/USER] left the chat",
        "params": {"CODE": "CHAT_LEAVE"},
    }
    await own_reader.served.feed(to_json(left))
    await own_reader.served.state.live.catch_up()

    current = (await own_reader.read("/chats/2207/members"))["data"]
    intervals = (await own_reader.read("/chats/2207/members", view="intervals"))["data"]

    assert "63" not in {member["user"]["id"] for member in current}
    assert [each["left"] for each in intervals if each["user"]["id"] == "63"] == [
        {"at": "2026-09-14T20:00:00.000000Z", "basis": "event"}
    ]


async def test_a_user_has_a_name_and_a_history(reader: Reader) -> None:
    user = (await reader.read("/users/41"))["data"]

    assert (user["name"], user["work_position"], user["kind"]) == (
        "Priya Nair",
        "Release manager",
        "user",
    )
    assert user["history"][-1]["until"] is None


async def test_a_system_message_is_nobodys(reader: Reader) -> None:
    message = (await reader.read("/messages/190402"))["data"]

    assert message["author"] == {"id": "0", "name": None, "kind": "system"}
    assert message["system"] is True


async def test_the_log_is_read_as_it_was_written(reader: Reader) -> None:
    events = (await reader.read("/events", limit=500))["data"]
    behind = (await reader.read("/events", after=3, limit=2))["data"]
    one = (await reader.read("/events/5"))["data"]

    assert [event["position"] for event in events] == list(range(1, len(events) + 1))
    assert behind == events[3:5]
    assert one == events[4]
    item = samples.tree("im_v2/onimv2messageadd.json")
    kept = next(event for event in events if event["key"] == f"fetch:{item['eventId']}")
    assert kept["payload"]["data"]["message"] == item["data"]["message"]


async def test_the_log_shows_what_is_not_yet_projected(own_reader: Reader) -> None:
    await own_reader.served.hook(samples.sample("legacy/onimbotmessageadd.form"))

    answer = await own_reader.read("/events", limit=500)

    assert answer["data"][-1]["position"] == answer["meta"]["head"]
    assert answer["meta"]["position"] == answer["meta"]["head"] - 1


async def test_no_secret_of_a_sample_is_in_any_answer(reader: Reader) -> None:
    answer = await reader.get("/portals/acme/events", limit=500)

    assert "FAKE_ACCESS_TOKEN" not in answer.text
    assert "FAKE_APPLICATION_TOKEN" not in answer.text
    assert "redacted:" in answer.text


async def test_what_could_not_be_read_says_why(reader: Reader) -> None:
    undecoded = (await reader.read("/undecoded"))["data"]
    sealed = (await reader.read("/quarantine"))["data"]

    assert [each["event_type"] for each in undecoded] == ["ONSOMETHINGNEW"]
    assert undecoded[0]["reason"] == "no decoder for this event type"
    assert [(each["number"], each["source"], each["size"]) for each in sealed] == [
        (1, "webhook", 1)
    ]


async def test_a_portal_says_how_much_is_known_of_it(reader: Reader) -> None:
    portal = (await reader.read(""))["data"]

    events = (await reader.read("/events", limit=500))["data"]
    assert portal["head"] == portal["projected"] == portal["counts"]["events"] == len(events)
    assert portal["lag"] == 0
    assert portal["counts"]["messages"] == len((await reader.read("/messages"))["data"])
    assert portal["counts"]["chats"] == len((await reader.read("/chats"))["data"])
    assert (portal["counts"]["undecoded"], portal["counts"]["quarantined"]) == (1, 1)


async def test_the_tag_of_an_event_outlives_later_events(own_reader: Reader) -> None:
    address = "/v1/portals/acme/events/1"
    token = {"Authorization": f"Bearer {own_reader.tokens['everything']}"}
    first = await own_reader.served.client.get(address, headers=token)
    state, portal = own_reader.served.state, own_reader.served.portal
    state.heads[portal.id] = state.head(portal) + 5

    again = await own_reader.served.client.get(
        address, headers={**token, "If-None-Match": first.headers["ETag"]}
    )

    assert again.status_code == 304


async def test_who_has_these_very_bytes_gets_none(reader: Reader) -> None:
    address = "/v1/portals/acme/messages/190411"
    token = {"Authorization": f"Bearer {reader.tokens['everything']}"}
    first = await reader.served.client.get(address, headers=token)
    tag = first.headers["ETag"]

    again = await reader.served.client.get(address, headers={**token, "If-None-Match": tag})
    listed = await reader.served.client.get(
        address, headers={**token, "If-None-Match": f'"x", W/{tag}'}
    )
    other = await reader.served.client.get(address, headers={**token, "If-None-Match": '"x"'})

    assert first.headers["Cache-Control"] == "private, no-cache"
    assert not tag.startswith("W/")
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert listed.status_code == 304
    assert (other.status_code, other.content) == (200, first.content)


async def test_who_may_not_see_a_text_has_another_tag(reader: Reader) -> None:
    full = await reader.get("/portals/acme/messages/190411")
    less = await reader.get("/portals/acme/messages/190411", token="messages")  # noqa: S106 - a name

    assert full.headers["ETag"] != less.headers["ETag"]
