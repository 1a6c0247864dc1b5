"""Rebuild and verify: the same again, and the exact place of what is not."""

import asyncio
from pathlib import Path

import httpx
import pytest

from eventstore.store import Store
from tests.engines import damage
from tests.samples import ITEMS, sample, tree
from tests.scripts.conftest import Command, serving, settled
from tests.scripts.test_import import ndjson


@pytest.fixture
def fed(chronicle: Command, acme: str, tmp_path: Path) -> Path:
    """A store with the samples of the queues, not projected yet."""
    file = tmp_path / "events.ndjson"
    file.write_bytes(ndjson(*(tree(name) for name in ITEMS)))
    chronicle("import", file, "--portal", "acme", "--receiver", "user:58")
    return file


def test_status_shows_the_lag_that_an_import_leaves(chronicle: Command, fed: Path) -> None:
    before = chronicle("status", "--portal", "acme", "--json").json[0]
    chronicle("rebuild")
    after = chronicle("status", "--portal", "acme", "--json").json[0]

    assert before["lag"] == before["head"] == len(ITEMS)
    assert (after["lag"], after["projected"]) == (0, len(ITEMS))


def test_status_shows_sizes_to_people(chronicle: Command, fed: Path) -> None:
    out = chronicle("status").out

    assert [line.split()[0] for line in out.splitlines()[-3:]] == ["log", "access_log", "catalog"]
    assert "KiB" in out


def test_a_rebuild_says_what_it_did(chronicle: Command, fed: Path) -> None:
    all_of_them = chronicle("rebuild", "--json").json
    one = chronicle("rebuild", "--portal", "acme")

    assert all_of_them["events"] == len(ITEMS)
    assert one.status == 0
    assert f"{len(ITEMS)} events" in one.err


def test_nothing_differs_in_a_sound_store(chronicle: Command, fed: Path) -> None:
    chronicle("rebuild")

    verified = chronicle("verify", "--json")

    assert verified.status == 0
    assert verified.json == {"ok": True, "differences": []}
    assert chronicle("verify").err == "nothing differs\n"


def test_a_flipped_header_is_found_at_its_place(
    chronicle: Command, fed: Path, fresh: Store
) -> None:
    flip = "UPDATE event SET receiver = 'user:1' WHERE position = 3"
    asyncio.run(damage(fresh.log, flip))

    verified = chronicle("verify", "--portal", "acme", "--json")

    assert verified.status == 1
    assert verified.json["ok"] is False
    assert verified.json["differences"][0]["place"] == "event 3"
    assert verified.err.startswith("chronicle: acme: event 3: ")


def test_a_changed_read_model_is_found_at_its_place(
    chronicle: Command, fed: Path, fresh: Store
) -> None:
    number = chronicle("rebuild", "--json").json["generation"]
    forge = "UPDATE message SET text = 'forged' WHERE message_id = 190411"
    asyncio.run(damage(fresh.generation(number), forge))

    verified = chronicle("verify")

    assert verified.status == 1
    assert "message 190411" in verified.out
    assert "forged" not in verified.out + verified.err


def test_the_first_difference_is_enough_unless_all_are_asked_for(
    chronicle: Command, fed: Path, fresh: Store
) -> None:
    flip = "UPDATE event SET receiver = 'user:1' WHERE position IN (2, 4)"
    asyncio.run(damage(fresh.log, flip))

    first, every = chronicle("verify", "--json"), chronicle("verify", "--all", "--json")

    assert [each["place"] for each in first.json["differences"]] == ["event 2"]
    assert [each["place"] for each in every.json["differences"]][:2] == ["event 2", "event 4"]
    assert (first.status, every.status) == (1, 1)


def test_a_check_shows_what_is_stored_beside_what_should_be(
    chronicle: Command, fed: Path, fresh: Store
) -> None:
    number = chronicle("rebuild", "--json").json["generation"]
    sound = chronicle("rebuild", "--check", "--json")
    forge = "UPDATE message SET text = 'forged' WHERE message_id = 190411"
    asyncio.run(damage(fresh.generation(number), forge))

    checked = chronicle("rebuild", "--check", "--json")

    assert (sound.status, sound.json) == (0, {"ok": True, "differences": []})
    assert (checked.status, checked.json["ok"]) == (1, False)
    (difference,) = checked.json["differences"]
    assert difference["derived"].startswith("[USER=912]")
    assert {**difference, "derived": None} == {
        "portal": "acme",
        "table": "message",
        "key": [190411],
        "column": "text",
        "stored": "forged",
        "derived": None,
    }
    assert "forged" in chronicle("rebuild", "--check").out
    assert asyncio.run(fresh.generations()) == [number]


def test_facts_can_be_folded_again_as_they_are(chronicle: Command, fed: Path) -> None:
    too_early = chronicle("rebuild", "--from", "facts")
    chronicle("rebuild")

    again = chronicle("rebuild", "--from", "facts", "--json")

    assert too_early.status == 1
    assert "--from raw" in too_early.err
    assert again.json["events"] == len(ITEMS)
    assert chronicle("verify").err == "nothing differs\n"


def test_a_server_goes_on_with_what_was_rebuilt_beside_it(
    chronicle: Command, acme: str, fed: Path, fresh: Store
) -> None:
    made = chronicle("token", "create", "--portal", "acme", "--scope", "messages:read", "--json")
    bearer = {"Authorization": f"Bearer {made.json['token']}"}
    with serving() as (_, url):

        def answered(position: int) -> int:
            """Ask for a message as of a position."""
            asked = f"{url}/v1/portals/acme/messages/190411?min_position={position}"
            return httpx.get(asked, headers=bearer).status_code

        before = answered(len(ITEMS))
        rebuilt = chronicle("rebuild", "--json")
        sent = httpx.post(f"{url}{acme}", content=sample("legacy/onimbotmessageadd.form"))
        after = answered(sent.json()["position"])
        settled(chronicle)

    assert (before, after) == (200, 200)
    assert rebuilt.json["events"] == len(ITEMS)
    assert rebuilt.json["generation"] in asyncio.run(fresh.generations())
    assert chronicle("status", "--json").json[0]["projected"] == len(ITEMS) + 1
    assert chronicle("verify").err == "nothing differs\n"


def test_an_empty_store_verifies(chronicle: Command, acme: str) -> None:
    assert chronicle("verify").status == 0
