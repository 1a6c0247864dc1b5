"""`chronicle export --format html`: the transcript of a chat, for people who must rely on it."""

import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import from_json, to_json

from tests import samples
from tests.engines import on_sqlite, postgresql_takes_long
from tests.pages import Element, check_it_is_by_itself, page
from tests.scripts.conftest import Command

WAR_ROOM = "2207"
HOSTILE = 2999
RIGHT_TO_LEFT = "\u202e"
INJECTED = f'</title></style><script>alert(1)</script><img src=x onerror=alert(2)>{RIGHT_TO_LEFT}"'


def posted(number: int, text: str, **message: Any) -> Any:
    """A message of somebody hostile in a chat of their own."""
    item = samples.tree("im_v2/onimv2messageadd.json") | {"eventId": 710_000 + number}
    data = item["data"]
    data["message"] |= {"id": 500_000 + number, "chatId": HOSTILE, "text": text, **message}
    data["chat"] |= {"id": HOSTILE, "dialogId": f"chat{HOSTILE}", "name": INJECTED}
    data["user"] |= {"id": 66, "name": INJECTED}
    data["message"]["authorId"] = 66
    return item


@pytest.fixture
def demo(chronicle: Command, acme: str, tmp_path: Path) -> Command:
    """The demo's queue, and a chat of somebody hostile."""
    queue = resources.files("scripts") / "samples" / "queue.ndjson"
    hostile = [
        posted(1, INJECTED),
        posted(2, f"[URL=javascript:alert(3)]here[/URL] [b]{INJECTED}", params={}),
        posted(3, "x", forward={"id": f"chat1/{INJECTED}", "chatId": "1", "userId": "7"}),
    ]
    told(chronicle, tmp_path, [*map(from_json, queue.read_bytes().splitlines()), *hostile])
    return chronicle


def told(chronicle: Command, folder: Path, items: Sequence[Any]) -> None:
    file = folder / "told.ndjson"
    file.write_bytes(b"\n".join(map(to_json, items)))
    assert chronicle("import", file, "--portal", "acme", "--receiver", "user:58").status == 0
    assert chronicle("rebuild").status == 0


def transcript(chronicle: Command, to: Path, *arguments: str, chat: str = WAR_ROOM) -> Element:
    asked = ("--portal", "acme", "--to", to, "--format", "html", "--chat", chat)
    made = chronicle("export", *asked, *arguments)
    assert made.status == 0, made.err
    found = page((to / f"chat-{chat}.html").read_text())
    check_it_is_by_itself(found)
    return found


def message(read: Element, message_id: int) -> Element:
    return read.one("article", id=f"m{message_id}")


def test_an_edited_and_deleted_message_shows_every_text_and_when(
    demo: Command, tmp_path: Path
) -> None:
    read = transcript(demo, tmp_path / "out")

    rollout = message(read, 190500)
    texts = [each.text for each in rollout.all("div", of_class="replaced")]
    assert texts == [
        "Rollout of 4.2: Tuesday 18:00, db migration first",
        "Rollout of 4.2: Wednesday 18:00, db migration first",
    ]
    assert rollout.one("del").text.startswith("Rollout of 4.2: Wednesday 20:00")
    said = rollout.text
    assert "Deleted 2026-09-14 07:52:30 UTC (event), by whom is not known" in said
    assert "Text 2 of 3, replaced from 2026-09-14 07:42:30 UTC (event)" in said
    assert "Reaction “like” of Hanna Lind user 63, from 2026-09-14 07:43:05 UTC (event)" in said
    assert "until 2026-09-14 07:47:20 UTC (event)" in said


@postgresql_takes_long
def test_messages_are_numbered_in_order_and_the_end_says_how_many(
    demo: Command, tmp_path: Path
) -> None:
    read = transcript(demo, tmp_path / "out")

    articles = read.one("main").all("article")
    numbers = [each.one("span", of_class="number").text for each in articles]
    ids = [int(each.attributes["id"][1:]) for each in articles]
    assert numbers == [f"{number}." for number in range(1, len(ids) + 1)]
    assert ids == sorted(ids)
    assert f"End of the transcript: {len(ids)} messages" in read.one("footer").text
    whole = json.loads((tmp_path / "out" / "complete.json").read_bytes())
    assert whole["rows"] == {"transcript": len(ids)}


def test_members_stand_there_with_what_is_known_of_their_coming_and_going(
    demo: Command, tmp_path: Path
) -> None:
    read = transcript(demo, tmp_path / "out")

    rows = [each.text for each in read.one("tbody").all("tr")]
    (hanna,) = [row for row in rows if row.startswith("Hanna Lind")]
    assert "2026-09-14 07:06:00 UTC (event)" in hanna
    assert hanna.endswith("2026-09-14 07:58:00 UTC (event)")
    (priya,) = [row for row in rows if row.startswith("Priya Nair")]
    assert "time not known (unknown)" in priya
    assert priya.endswith("not that anybody told")


@postgresql_takes_long
def test_the_head_says_of_what_log_it_is_made_and_what_was_not_seen(
    demo: Command, tmp_path: Path
) -> None:
    read = transcript(demo, tmp_path / "out", "--zone", "Europe/Moscow")

    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    cover = read.one("header", of_class="cover").text
    assert f"up to position {manifest['position']}" in cover
    assert manifest["head"] == manifest["position"]
    assert "in the zone Europe/Moscow" in cover
    assert "from 2026-09-14 10:05:01 +03:00, when it was seen first" in cover
    assert (
        "Not all that happened here was seen" in read.text
        or "It is not known how well" in read.text
    )
    legend = read.one("dl", of_class="legend").text
    assert all(f"({word})" in legend for word in ("event", "observed", "inferred", "unknown"))


def test_a_hole_is_told_of_at_the_head_and_where_it_lies(demo: Command, tmp_path: Path) -> None:
    watched = samples.tree("own_events/queue_watched.json")
    hole = {"from": "2026-09-14T07:43:00Z", "cause": "foreign_reader"}
    of_stretch = {"since": "2026-09-14T07:47:00Z", "until": "2026-09-14T08:40:00Z", "hole": hole}
    watched["data"] |= of_stretch
    told(demo, tmp_path, [watched])

    read = transcript(demo, tmp_path / "out")

    says = "until 2026-09-14 07:47:00 UTC: another program took events out of the queue (user:58)"
    assert says in read.one("section", **{"aria-labelledby": "seen"}).text
    parts = [each for each in read.one("main").parts if isinstance(each, Element)]
    (place,) = [at for at, each in enumerate(parts) if says in each.text]
    assert "Not everything was seen" in parts[place].text
    assert parts[place - 1].attributes["id"] == "m190501"  # of 07:41:39
    assert parts[place + 1].attributes["id"] == "m190502"  # of 07:44:10


@postgresql_takes_long
def test_the_digest_of_a_page_is_in_complete_json(demo: Command, tmp_path: Path) -> None:
    transcript(demo, tmp_path / "out")

    (part,) = json.loads((tmp_path / "out" / "complete.json").read_bytes())["parts"]
    written = (tmp_path / "out" / part["path"]).read_bytes()
    assert part["sha256"] == hashlib.sha256(written).hexdigest()
    assert part["bytes"] == len(written)


@postgresql_takes_long
def test_hostile_words_are_words(demo: Command, tmp_path: Path) -> None:
    read = transcript(demo, tmp_path / "out", chat=str(HOSTILE))

    words = " ".join(INJECTED.split())
    assert read.one("h1").text == words
    assert read.one("h1").attributes["dir"] == "auto"
    assert read.one("title").text == f"Transcript of chat {HOSTILE}: {words}"
    first = message(read, 500_001)
    assert first.one("div", of_class="text").text == words
    assert first.one("div", of_class="text").attributes["dir"] == "auto"
    assert first.one("bdi", of_class="who").text == words  # which isolates what turns around
    second = message(read, 500_002)
    assert second.all("a") == []
    assert read.all("script") == []


def test_as_of_a_moment_it_shows_what_was_so_then(demo: Command, tmp_path: Path) -> None:
    read = transcript(demo, tmp_path / "out", "--as-of", "2026-09-14T07:45:00Z")

    rollout = message(read, 190500)
    assert rollout.all("del") == []
    assert [each.text for each in rollout.all("div", of_class="stands")] == [
        "Rollout of 4.2: Wednesday 18:00, db migration first"
    ]
    assert "m190503" not in [each.attributes["id"] for each in read.all("article")]
    assert (
        "2026-09-14 07:45:00 UTC: nothing that happened later is shown"
        in read.one("header", of_class="cover").text
    )

    (hanna,) = [each.text for each in read.one("tbody").all("tr") if "Hanna" in each.text]
    assert hanna.endswith("not that anybody told")  # she left at 07:58


def test_a_window_holds_what_was_posted_in_it(demo: Command, tmp_path: Path) -> None:
    window = ("--since", "2026-09-14T07:41:39Z", "--until", "2026-09-14T07:48:00Z")
    read = transcript(demo, tmp_path / "out", *window)

    ids = [each.attributes["id"] for each in read.all("article")]
    assert ids == ["m190452", "m190501", "m190502"]
    assert "messages posted from 2026-09-14 07:41:39 UTC on before" in read.text


def test_what_came_since_is_not_in_a_page_that_is_gone_on_with(
    demo: Command, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    transcript(demo, out)
    before = {path.name: path.read_bytes() for path in out.glob("*.*")}
    (out / "complete.json").unlink()
    (out / f"chat-{WAR_ROOM}.html").unlink()
    item = samples.tree("im_v2/onimv2messageadd.json") | {"eventId": 720_000}
    item["data"]["message"] |= {"id": 600_000, "text": "later"}
    told(demo, tmp_path, [item])

    transcript(demo, out)

    assert {path.name: path.read_bytes() for path in out.glob("*.*")} == before
    assert "later" in transcript(demo, tmp_path / "anew").text


@on_sqlite
def test_of_many_messages_and_members_each_is_there_once(
    chronicle: Command, acme: str, tmp_path: Path
) -> None:
    """Reading page by page hardly knows of its engine, and is slow to set up."""
    many = 1_001
    items = [posted(number, f"number {number}") for number in range(1, many + 1)]
    for number, item in enumerate(items, 1):
        item["data"]["message"]["authorId"] = item["data"]["user"]["id"] = 1_000 + number
    told(chronicle, tmp_path, items)

    read = transcript(chronicle, tmp_path / "out", chat=str(HOSTILE))

    texts = [each.text for each in read.one("main").all("div", of_class="text")]
    assert texts == [f"number {number}" for number in range(1, many + 1)]
    assert len({each.text for each in read.one("tbody").all("tr")}) == many
    assert "1,001 messages" in read.one("footer").text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--chat"),
        (("--chat", "5", "--tables", "messages"), "html has no tables"),
        (("--chat", "5", "--from-position", "3"), "html is always of the whole chat"),
        (("--chat", "5", "--zone", "Mars/Olympus"), "no such zone"),
    ],
)
def test_what_makes_no_page_is_refused(
    anywhere: Command, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    asked = ("--portal", "acme", "--to", tmp_path / "out", "--format", "html")
    refused = anywhere("export", *asked, *arguments)

    assert refused.status == 2
    assert says in refused.err
    assert not (tmp_path / "out").exists()


@postgresql_takes_long
def test_a_chat_that_nobody_told_of_leaves_nothing(demo: Command, tmp_path: Path) -> None:
    asked = ("--portal", "acme", "--to", tmp_path / "out", "--format", "html", "--chat", "4711")
    refused = demo("export", *asked)

    assert (refused.status, refused.err.count("\n")) == (1, 1)
    assert "nothing was ever told of a chat 4711" in refused.err
    assert not (tmp_path / "out").exists()
