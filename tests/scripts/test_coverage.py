"""`chronicle coverage`: what was seen of each chat, for a person and for a program."""

from pathlib import Path

import pytest
from pydantic_core import to_json

from tests import samples
from tests.scripts.conftest import Command


@pytest.fixture
def watched(chronicle: Command, acme: str, tmp_path: Path) -> Command:
    """A chat that a queue saw, with a hole; the read models are there."""
    item = samples.tree("im_v2/onimv2messageadd.json")
    deletion = samples.tree("im_v2/onimv2messagedelete.json") | {"eventId": 799_999}
    deletion["data"]["messageId"] = 1
    told = [
        item,
        deletion,
        samples.tree("own_events/queue_watched.json"),
        samples.tree("own_events/chat_read.json"),
    ]
    file = tmp_path / "told.ndjson"
    file.write_bytes(b"\n".join(map(to_json, told)))
    assert chronicle("import", file, "--portal", "acme", "--receiver", "user:58").status == 0
    assert chronicle("rebuild").status == 0
    return chronicle


def test_a_person_reads_how_well_each_chat_was_seen(watched: Command) -> None:
    said = watched("coverage", "--portal", "acme").out

    assert "queues: partial, seen from 2026-09-14 07:20:00Z until 2026-09-14 08:26:10Z" in said
    assert "poll outage over retention" in said
    (row,) = [line.split() for line in said.splitlines() if line.startswith("2207 ")]
    assert row[-1] == "1"  # orphan


def test_of_one_chat_they_read_every_hole_and_what_is_missing(watched: Command) -> None:
    said = watched("coverage", "--portal", "acme", "--chat", "2207").out

    assert "Release 4.2 war room: " in said
    assert "messages never seen as created (1): 1" in said
    assert "user:58" in said


def test_a_program_reads_what_the_api_answers(watched: Command) -> None:
    told = watched("coverage", "--portal", "acme", "--chat", "2207", "--json").json

    (chat,) = told["chats"]
    assert (told["portal"], chat["chat_id"]) == ("acme", "2207")
    assert {hole["receiver"] for hole in chat["holes"]} == {"user:58"}
    assert told["coverage"]["orphans"]["messages"]["ids"] == ["1"]


def test_what_is_not_there_is_one_line(watched: Command) -> None:
    for arguments, says in (
        (("--portal", "acme", "--chat", "4711"), "nothing was ever told of a chat 4711"),
        (("--portal", "initech"), "initech"),
    ):
        refused = watched("coverage", *arguments)
        assert (refused.status, refused.err.count("\n")) == (1, 1)
        assert says in refused.err


def test_before_anything_is_projected_it_says_what_to_do(chronicle: Command, acme: str) -> None:
    refused = chronicle("coverage", "--portal", "acme")

    assert (refused.status, "chronicle serve" in refused.err) == (1, True)
