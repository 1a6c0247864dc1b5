"""Rebuild and verify: the same again, and the exact place of what is not."""

from pathlib import Path

import pytest

from eventstore.database import connect
from tests.samples import ITEMS, tree
from tests.scripts.conftest import Command, serving
from tests.scripts.test_import import ndjson


@pytest.fixture
def fed(chronicle: Command, acme: str, tmp_path: Path) -> Path:
    """A store with the samples of the queues, not projected yet."""
    file = tmp_path / "events.ndjson"
    file.write_bytes(ndjson(*(tree(name) for name in ITEMS)))
    chronicle("import", file, "--portal", "acme", "--receiver", "user:58")
    return file


def change(path: Path, *statements: str) -> None:
    connection = connect(path, journal="WAL", synchronous="FULL")
    for statement in statements:
        connection.execute(statement)
    connection.close()


def test_status_shows_the_lag_that_an_import_leaves(chronicle: Command, fed: Path) -> None:
    before = chronicle("status", "--portal", "acme", "--json").json[0]
    chronicle("rebuild")
    after = chronicle("status", "--portal", "acme", "--json").json[0]

    assert before["lag"] == before["head"] == len(ITEMS)
    assert (after["lag"], after["projected"]) == (0, len(ITEMS))


def test_status_shows_sizes_to_people(chronicle: Command, fed: Path) -> None:
    out = chronicle("status").out

    assert "log.db" in out
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


def test_a_flipped_header_is_found_at_its_place(chronicle: Command, fed: Path, data: Path) -> None:
    change(
        data / "log.db",
        "DROP TRIGGER event_header_stays",
        "UPDATE event SET receiver = 'user:1' WHERE position = 3",
    )

    verified = chronicle("verify", "--portal", "acme", "--json")

    assert verified.status == 1
    assert verified.json["ok"] is False
    assert verified.json["differences"][0]["place"] == "event 3"
    assert verified.err.startswith("chronicle: acme: event 3: ")


def test_a_changed_read_model_is_found_at_its_place(
    chronicle: Command, fed: Path, data: Path
) -> None:
    chronicle("rebuild")
    generation = next(data.glob("read-*.db"))
    change(generation, "UPDATE message SET text = 'forged' WHERE message_id = 190411")

    verified = chronicle("verify")

    assert verified.status == 1
    assert "message 190411" in verified.out
    assert "forged" not in verified.out + verified.err


def test_a_rebuild_is_refused_while_a_server_runs(chronicle: Command, fed: Path) -> None:
    with serving():
        refused = chronicle("rebuild")

    assert refused.status == 1
    assert refused.err.count("\n") == 1
    assert "in use" in refused.err


def test_an_empty_store_verifies(chronicle: Command, acme: str) -> None:
    assert chronicle("verify").status == 0
