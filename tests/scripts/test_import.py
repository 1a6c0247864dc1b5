"""Import: everything that can be read, once; nothing of another portal; no secret on disk."""

import asyncio
import gzip
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventstore.database import Row
from eventstore.store import Store
from tests.engines import damage, on_postgresql, on_sqlite, query, stored_bytes
from tests.samples import ITEMS, PAGES, WEBHOOKS, tree
from tests.scripts.conftest import Command, serving, started, together

CANARY = "FAKE_CANARY_a8f35d1c09b24e77"
EVERYTHING = [tree(name) for name in (*WEBHOOKS, *ITEMS, *PAGES)]


def ndjson(*trees: Any) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in trees)


def item(number: int, **said: Any) -> dict[str, Any]:
    return {"eventId": number, "type": "ONIMV2MESSAGEADD", "data": {}, **said}


def foreign(member_id: str = "another") -> dict[str, Any]:
    return {"event": "ONIMBOTMESSAGEADD", "data": {}, "auth": {"member_id": member_id}}


def stored(store: Store) -> list[Row]:
    """Position, key, source, receiver and payload of all that the log has."""
    statement = "SELECT position, key, source, receiver, payload FROM event ORDER BY position"
    return asyncio.run(query(store.log, statement))


def counts(appended: int = 0, duplicates: int = 0, quarantined: int = 0) -> dict[str, int]:
    return {
        "appended": appended,
        "duplicates": duplicates,
        "conflicts": 0,
        "quarantined": quarantined,
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "events.ndjson"
    path.write_bytes(ndjson(*(item(number) for number in range(1, 4))))
    return path


def test_a_large_file_is_read_by_several_processes_in_the_order_of_its_lines(
    chronicle: Command, acme: str, fresh: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.imports._SMALL", 0)
    monkeypatch.setattr("scripts.imports.default_jobs", lambda: 2)
    path = tmp_path / "large.ndjson"
    path.write_bytes(b"".join([ndjson(*map(item, range(1_200))), b"{\n", ndjson(item(1_200))]))

    imported = chronicle("import", path, "--portal", "acme", "--json")

    assert imported.json == counts(appended=1_201, quarantined=1)
    assert "line 1201" in imported.err
    assert [row[:2] for row in stored(fresh)] == [(n + 1, f"fetch:{n}") for n in range(1_201)]


def test_repeating_an_import_changes_nothing(
    chronicle: Command, acme: str, fresh: Store, file: Path
) -> None:
    file.write_bytes(ndjson(*EVERYTHING))

    first = chronicle("import", file, "--portal", "acme", "--receiver", "user:58", "--json")
    rows = stored(fresh)
    again = chronicle("import", file, "--portal", "acme", "--receiver", "user:58", "--json")

    assert first.json["appended"] == len(rows) > 40
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert again.json["appended"] == again.json["conflicts"] == 0
    assert stored(fresh) == rows
    assert {row[2] for row in rows} == {"import"}
    assert "user:58" in {row[3] for row in rows}


def test_beside_a_server_the_same_is_stored(
    chronicle: Command, acme: str, fresh: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # has no part in it
    file.write_bytes(ndjson(*EVERYTHING))
    chronicle("import", file, "--portal", "acme", "--receiver", "user:58")
    alone = stored(fresh)

    asyncio.run(damage(fresh.log, "DELETE FROM event", "DELETE FROM log_head"))
    with serving():
        beside = chronicle("import", file, "--portal", "acme", "--receiver", "user:58", "--json")

    assert beside.json["appended"] == len(alone)
    assert stored(fresh) == alone


def test_repeating_an_import_keeps_a_bad_line_once(
    chronicle: Command, acme: str, file: Path
) -> None:
    file.write_bytes(b"not readable\n")

    imported = [chronicle("import", file, "--portal", "acme", "--json").json for _ in range(2)]

    assert imported == [counts(quarantined=1)] * 2
    assert chronicle("status", "--json").json[0]["quarantined"] == 1


def test_secrets_get_the_markers_that_the_server_gives_them(
    chronicle: Command, acme: str, server: str, file: Path
) -> None:
    file.write_bytes(ndjson(*(tree(name) for name in WEBHOOKS)))
    made = chronicle("token", "create", "--portal", "acme", "--scope", "events:write", "--json")
    sent = httpx.post(
        f"{server}/v1/portals/acme/events",
        content=file.read_bytes(),
        headers={
            "Authorization": f"Bearer {made.json['token']}",
            "Content-Type": "application/x-ndjson",
        },
    )

    imported = chronicle("import", file, "--portal", "acme", "--json")

    assert len(sent.json()["results"]) == len(WEBHOOKS)
    assert imported.json == counts(duplicates=len(WEBHOOKS))


def test_what_was_imported_directly_is_known_to_the_server(
    chronicle: Command, acme: str, file: Path
) -> None:
    chronicle("import", file, "--portal", "acme")

    with serving() as (_, url):
        again = chronicle("import", file, "--portal", "acme", "--json")
        ready = httpx.get(f"{url}/readyz").status_code

    assert again.json == counts(duplicates=3)
    assert ready == 200


@on_sqlite
def test_many_lines_go_to_the_server_in_many_requests(
    chronicle: Command, acme: str, fresh: Store, server: str, file: Path
) -> None:
    """An embedded store has one writer; with PostgreSQL an import writes by itself."""
    short = [item(number) for number in range(2_500)]
    long = [item(number, note="x" * 100_000) for number in range(5_000, 5_025)]
    file.write_bytes(ndjson(*short, *long))

    imported = chronicle("import", file, "--portal", "acme", "--json")

    assert imported.json == counts(appended=2_525)
    assert [row[0] for row in stored(fresh)] == list(range(1, 2_526))


@pytest.mark.parametrize("ending", [".ndjson", ".gz"])
def test_gzip_is_known_by_its_bytes(chronicle: Command, acme: str, file: Path, ending: str) -> None:
    packed = file.with_suffix(ending)
    packed.write_bytes(gzip.compress(file.read_bytes()))

    assert chronicle("import", packed, "--portal", "acme", "--json").json == counts(appended=3)


def test_stdin_may_be_gzip_too(chronicle: Command, acme: str, file: Path) -> None:
    packed = gzip.compress(file.read_bytes())

    imported = chronicle("import", "-", "--portal", "acme", "--json", stdin=packed)

    assert imported.json == counts(appended=3)


def test_a_gzip_file_that_is_cut_off_is_refused_whole(
    chronicle: Command, acme: str, fresh: Store, file: Path
) -> None:
    random = ndjson(*(item(number, note=os.urandom(900).hex()) for number in range(200)))
    file.write_bytes(gzip.compress(random)[:-20_000])

    refused = chronicle("import", file, "--portal", "acme")

    assert refused.status == 1
    assert "cut off" in refused.err
    assert stored(fresh) == []


def test_a_bad_line_is_reported_and_kept_and_the_rest_goes_on(
    chronicle: Command, acme: str, fresh: Store, file: Path
) -> None:
    file.write_bytes(
        ndjson(item(1))
        + b'\n  \r\n{"broken": "'
        + CANARY.encode()
        + b"\n"
        + ndjson(item(2), {"result": {"events": [item(3), {"eventId": CANARY}]}})
    )

    imported = chronicle("import", file, "--portal", "acme", "--json")

    assert imported.status == 0
    assert imported.json == counts(appended=3, quarantined=2)
    assert [row[1] for row in stored(fresh)] == ["fetch:1", "fetch:2", "fetch:3"]
    assert [line.split(":")[0] for line in imported.err.splitlines()] == ["line 4", "line 6"]
    assert CANARY not in imported.err
    body = chronicle("quarantine", "show", "1", "--portal", "acme", "--body")
    assert body.out == '{"broken": "' + CANARY


def test_a_line_beyond_the_bound_is_bad(
    chronicle: Command, acme: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHRONICLE_MAX_BODY", "1 KiB")
    for module in ("lines", "source"):
        monkeypatch.setattr(f"scripts.{module}.KEPT", 4_096)
    monkeypatch.setattr("scripts.source._BLOCK", 1_024)
    file.write_bytes(ndjson(item(1, note="x" * 2_000), item(2, note="x" * 9_000), item(3)))

    imported = chronicle("import", file, "--portal", "acme", "--json")

    assert imported.json == counts(appended=1, quarantined=2)
    assert "line 1: 2,0" in imported.err
    assert "(quarantine 1)" in imported.err
    assert "line 2: 9,0" in imported.err
    assert "(not kept)" in imported.err


@pytest.mark.parametrize("way", ["file", "gzip", "stdin"])
def test_another_portals_line_anywhere_is_refused_before_anything_is_written(
    chronicle: Command, acme: str, fresh: Store, file: Path, way: str
) -> None:
    content = ndjson(*(item(number) for number in range(5_000)), foreign(), item(9_999))
    file.write_bytes(gzip.compress(content) if way == "gzip" else content)
    named = "-" if way == "stdin" else file

    refused = chronicle("import", named, "--portal", "acme", stdin=content)

    assert refused.status == 1
    assert "line 5001 belongs to another portal" in refused.err
    assert "another" not in refused.err.replace("another portal", "")
    assert stored(fresh) == []
    assert chronicle("status", "--json").json[0]["quarantined"] == 0


def test_another_portals_line_is_known_however_its_key_is_spelled(
    chronicle: Command, acme: str, fresh: Store, file: Path
) -> None:
    spelled = json.dumps(foreign()).replace("member_id", r"m\u0065mber\u005fid")
    file.write_bytes(ndjson(item(1)) + spelled.encode() + b"\n")

    assert chronicle("import", file, "--portal", "acme").status == 1
    assert stored(fresh) == []


def test_what_comes_by_a_pipe_is_never_on_disk_in_clear(
    chronicle: Command, acme: str, fresh: Store
) -> None:
    """Stop the import while it reads, and look into its open files."""
    secret = {"event": "ONIMBOTDELETE", "auth": {"access_token": CANARY}, "data": {}}
    with started("import", "-", "--portal", "acme", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(ndjson(*[secret] * 20_000).decode())
        process.stdin.flush()
        opened = [
            path
            for path in Path(f"/proc/{process.pid}/fd").iterdir()
            if "(deleted)" in str(path.readlink())
        ]
        spooled = b"".join(path.read_bytes() for path in opened)
        process.stdin.close()
        status = process.wait(timeout=60)

    assert len(spooled) > 2**20
    assert CANARY.encode() not in spooled
    assert status == 0
    assert CANARY.encode() not in asyncio.run(stored_bytes(fresh))


def test_a_file_of_secrets_leaves_none_in_the_store(
    chronicle: Command, acme: str, fresh: Store, file: Path
) -> None:
    file.write_bytes(
        ndjson(foreign("fakememberid00000000000000000001") | {"auth": {"access_token": CANARY}})
    )

    chronicle("import", file, "--portal", "acme")

    assert len(stored(fresh)) == 1
    assert CANARY.encode() not in asyncio.run(stored_bytes(fresh))


@on_sqlite
def test_another_command_that_writes_is_waited_for_by_nobody(
    chronicle: Command, acme: str, fresh: Store, file: Path
) -> None:
    """An embedded store has one writer; PostgreSQL takes several, as the next test says."""
    with fresh.hold():
        refused = chronicle("import", file, "--portal", "acme")

    assert refused.status == 1
    assert "in use" in refused.err


@on_postgresql
def test_imports_at_the_same_time_are_all_taken_once(
    chronicle: Command, acme: str, fresh: Store, tmp_path: Path
) -> None:
    """Each writes by itself, beside a server; the head's row makes them take turns."""
    files = {tmp_path / f"{first}.ndjson": range(first, first + 4_000) for first in (0, 2_000)}
    for path, numbers in files.items():
        path.write_bytes(ndjson(*map(item, numbers)))

    with serving():
        ended = together(*(("import", str(path), "--portal", "acme", "--json") for path in files))

    assert sum(one["appended"] for one in ended) == 6_000
    assert sum(one["duplicates"] for one in ended) == 2_000
    rows = stored(fresh)
    assert [row[0] for row in rows] == list(range(1, 6_001))
    assert {row[1] for row in rows} == {f"fetch:{number}" for number in range(6_000)}


def test_a_missing_file_and_an_unknown_portal_are_one_line(
    chronicle: Command, acme: str, file: Path
) -> None:
    missing = chronicle("import", "no-such-file", "--portal", "acme")
    unknown = chronicle("import", file, "--portal", "other")

    assert missing.err == "chronicle: no-such-file: No such file or directory\n"
    assert missing.status == unknown.status == 1
    assert "other" in unknown.err


def test_an_empty_input_is_an_empty_import(chronicle: Command, acme: str) -> None:
    assert chronicle("import", "-", "--portal", "acme", "--json").json == counts()


def test_people_see_the_counts(chronicle: Command, acme: str, file: Path) -> None:
    out = chronicle("import", file, "--portal", "acme").out

    assert out.splitlines()[1].split() == ["3", "0", "0", "0"]
