"""Messages across chats: what narrows the list, its order, and in whose time it is asked."""

from typing import Any

import pytest

from tests.api.talk import Talk
from tests.conftest import Reader


async def ids(reader: Reader, **query: Any) -> list[str]:
    return [each["id"] for each in (await reader.read("/messages", **query))["data"]]


@pytest.mark.parametrize("has", ["file", "forward", "reply", "edit"])
async def test_what_a_message_has_is_what_it_shows(reader: Reader, has: str) -> None:
    everything = (await reader.read("/messages"))["data"]
    part = {"file": "files", "reply": "reply_to", "edit": "edited"}

    kept = await ids(reader, has=has)

    assert kept
    assert kept == [each["id"] for each in everything if each[part.get(has, has)]]


async def test_a_message_must_have_all_that_is_asked_for(reader: Reader) -> None:
    both = await ids(reader, has="reply,file")

    assert both
    assert both == [
        each for each in await ids(reader, has="file") if each in await ids(reader, has="reply")
    ]


@pytest.mark.parametrize("has", ["", "files", "file,", "file;reply", "FILE"])
async def test_a_message_has_nothing_else(reader: Reader, has: str) -> None:
    response = await reader.get("/portals/acme/messages", has=has)

    assert response.status_code == 400
    assert response.json()["parameter"] == "has"


async def test_a_list_can_go_down(reader: Reader) -> None:
    up = await ids(reader)
    pages = await reader.walk("/messages", order="desc", limit=3)

    assert [each["id"] for page in pages for each in page] == up[::-1]


async def test_messages_are_counted_when_asked(reader: Reader) -> None:
    page = (await reader.read("/messages", has="edit", count="capped", limit=1))["page"]

    assert page["count"] == {"value": len(await ids(reader, has="edit")), "capped": False}


async def test_a_count_goes_no_further_than_it_says(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.across_chats.MOST_COUNTED", 2)

    page = (await reader.read("/messages", count="capped"))["page"]

    assert page["count"] == {"value": 2, "capped": True}


async def test_a_day_is_a_day_of_the_zone(own_reader: Reader) -> None:
    """It was posted on 1 October at 00:01 UTC: 03:01 in Riga, still 30 September in New York."""
    (message,) = await Talk.at(own_reader).post("needle")

    async def kept(**window: str) -> bool:
        return message in await ids(own_reader, chat=7001, **window)

    assert await kept(from_="2026-10-01", to="2026-10-02", tz="Europe/Riga")
    assert await kept(from_="2026-09-30", to="2026-10-01", tz="America/New_York")
    assert not await kept(from_="2026-10-01", tz="America/New_York")
    assert await kept(from_="2026-10-01T03:01:00", to="2026-10-01T03:02:00", tz="Europe/Riga")
    assert await kept(from_="2026-10-01T00:01:00Z", tz="Europe/Riga")


@pytest.mark.parametrize("moment", ["2026-10-25T03:30:00", "2026-03-29T03:30:00"])
async def test_a_local_time_that_is_twice_or_never_there_is_refused(
    reader: Reader, moment: str
) -> None:
    response = await reader.get("/portals/acme/messages", from_=moment, tz="Europe/Riga")

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_parameter"
    assert response.json()["parameter"] == "from"
    assert "twice" in response.json()["detail"]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "Europe/Riga\0", "UTC+3"])
async def test_a_zone_that_nobody_knows_is_refused(reader: Reader, zone: str) -> None:
    response = await reader.get("/portals/acme/messages", tz=zone)

    assert response.status_code == 400
    assert response.json()["parameter"] == "tz"


async def test_without_a_zone_a_local_time_stays_nobodys(reader: Reader) -> None:
    response = await reader.get("/portals/acme/messages", from_="2026-10-01T00:00:00")

    assert response.json()["code"] == "naive_timestamp"
