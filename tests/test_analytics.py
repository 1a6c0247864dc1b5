"""The queries of docs/analytics.md are right, also where nobody knows: beside plain Python."""

import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

import duckdb
import pyarrow.dataset
import pytest

from projections.export.names import TABLE_NAMES
from tests.described.analytics import ANALYTICS, QUERY, opened
from tests.invented import written

PAGE: Final = ANALYTICS.read_text()
QUERIES: Final = {match["name"]: match["asked"] for match in QUERY.finditer(PAGE)}
DAY: Final = timedelta(days=1)

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an export of invented rows in `history`."""
    folder = tmp_path_factory.mktemp("analytics")
    written(folder / "history")
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path) -> dict[str, Rows]:
    """All rows of the export, by table."""
    return {
        name: pyarrow.dataset.dataset(folder / "history" / f"table={name}").to_table().to_pylist()
        for name in TABLE_NAMES
    }


@pytest.fixture
def database(folder: Path) -> duckdb.DuckDBPyConnection:
    return opened(PAGE, folder)


def asked(database: duckdb.DuckDBPyConnection, name: str) -> list[tuple[Any, ...]]:
    return database.sql(QUERIES[name]).fetchall()


def people(rows: dict[str, Rows]) -> dict[int, str | None]:
    return {each["user_id"]: each["name"] for each in rows["users"]}


def titles(rows: dict[str, Rows]) -> dict[int, str]:
    return {each["chat_id"]: each["title"] or f"chat {each['chat_id']}" for each in rows["chats"]}


def test_there_are_a_dozen_queries_and_each_answers(database: duckdb.DuckDBPyConnection) -> None:
    assert len(QUERIES) >= 12
    for name in QUERIES:
        assert asked(database, name), name


def test_the_rate_of_edits(rows: dict[str, Rows], database: duckdb.DuckDBPyConnection) -> None:
    written, edited = Counter[int](), Counter[int]()
    for each in rows["messages"]:
        if not each["system"] and each["author_id"] is not None:
            written[each["author_id"]] += 1
            edited[each["author_id"]] += each["edited_basis"] is not None
    names = people(rows)

    assert sorted(asked(database, "edit-rate")) == sorted(
        (names.get(who) or f"user {who}", count, edited[who], round(100 * edited[who] / count, 1))
        for who, count in written.items()
    )
    assert sum(edited.values()) > 0


def test_early_deletions(rows: dict[str, Rows], database: duckdb.DuckDBPyConnection) -> None:
    expected = {}
    for each in rows["messages"]:
        if each["deleted_at"] and each["posted_at"]:
            earliest = each["deleted_after"] or each["deleted_at"]
            if earliest - each["posted_at"] <= timedelta(minutes=15):
                took = each["deleted_at"] - each["posted_at"]
                expected[each["message_id"]] = took <= timedelta(minutes=15)

    assert {row[0]: row[4] for row in asked(database, "early-deletions")} == expected
    assert expected


def test_response_times(rows: dict[str, Rows], database: duckdb.DuckDBPyConnection) -> None:
    answers: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    of_chat: defaultdict[int, Rows] = defaultdict(list)
    for each in rows["messages"]:
        if not each["system"] and each["posted_at"] and each["author_id"] is not None:
            of_chat[each["chat_id"]].append(each)
    names, called = people(rows), titles(rows)
    for chat_id, said in of_chat.items():
        said.sort(key=lambda each: (each["posted_at"], each["message_id"]))
        for before, after in pairwise(said):
            if before["author_id"] != after["author_id"]:
                who = after["author_id"]
                key = called[chat_id], names.get(who) or f"user {who}"
                answers[key].append((after["posted_at"] - before["posted_at"]).total_seconds())

    found = {row[:2]: row[2:] for row in asked(database, "response-times")}
    assert found.keys() == answers.keys()
    for key, times in answers.items():
        assert found[key][0] == len(times)
        assert abs(found[key][1] - median(times)) <= 0.5


def test_reactions_by_hour(rows: dict[str, Rows], database: duckdb.DuckDBPyConnection) -> None:
    expected = Counter(
        (each["from_at"].isoweekday(), each["from_at"].hour)
        for each in rows["reactions"]
        if each["from_at"]
    )

    assert {row[:2]: row[2] for row in asked(database, "reaction-heat")} == expected


def test_hours_are_those_of_the_zone_that_was_set(
    rows: dict[str, Rows], database: duckdb.DuckDBPyConnection
) -> None:
    database.execute("SET TimeZone = 'Asia/Kolkata'")
    ahead = timedelta(hours=5, minutes=30)
    expected = Counter(
        (each["from_at"] + ahead).hour for each in rows["reactions"] if each["from_at"]
    )

    found: Counter[int] = Counter()
    for _, hour, count in asked(database, "reaction-heat"):
        found[hour] += count
    assert found == expected


def test_members_at_the_end_of_each_day(
    rows: dict[str, Rows], database: duckdb.DuckDBPyConnection
) -> None:
    def there(day: date) -> Rows:
        end = datetime(day.year, day.month, day.day, tzinfo=UTC) + DAY
        return [
            each
            for each in rows["members"]
            if (each["joined_at"] or each["first_seen_at"]) < end
            and (each["left_basis"] is None or each["left_at"] >= end)
        ]

    for day, in_all, chats, memberships in asked(database, "members-over-time"):
        found = there(day)
        assert in_all == len({each["user_id"] for each in found})
        assert chats == len({each["chat_id"] for each in found})
        assert memberships == len(found) > 0


def test_the_chains_of_edits(rows: dict[str, Rows], database: duckdb.DuckDBPyConnection) -> None:
    texts: defaultdict[int, list[str]] = defaultdict(list)
    for each in sorted(rows["versions"], key=lambda each: (each["message_id"], each["version"])):
        texts[each["message_id"]].append(each["text"])

    found = asked(database, "most-edited")
    most = sorted((-len(said), number) for number, said in texts.items() if len(said) > 1)[:10]
    assert [(-row[2], row[0]) for row in found] == most
    assert {row[0]: row[4] for row in found} == {
        number: " → ".join(texts[number]) for _, number in most
    }


def test_messages_by_month_and_type(
    rows: dict[str, Rows], database: duckdb.DuckDBPyConnection
) -> None:
    types = {each["chat_id"]: each["type"] for each in rows["chats"]}
    expected = Counter(
        (
            each["posted_at"] and f"{each['posted_at']:%Y-%m}",
            types.get(each["chat_id"]) or "not known",
        )
        for each in rows["messages"]
    )

    assert {row[:2]: row[2] for row in asked(database, "messages-per-month")} == expected


def test_replies_to_what_was_deleted_since(
    rows: dict[str, Rows], database: duckdb.DuckDBPyConnection
) -> None:
    by_id = {each["message_id"]: each for each in rows["messages"]}
    expected = set()
    for each in rows["messages"]:
        quoted = by_id.get((each["reply_to"] or {}).get("message_id"))
        if quoted and quoted["deleted_basis"]:
            late = not (quoted["deleted_at"] and each["posted_at"])
            if late or quoted["deleted_at"] > each["posted_at"]:
                expected.add((each["message_id"], quoted["message_id"]))

    assert {(row[0], row[2]) for row in asked(database, "quotes-of-deleted")} == expected


def test_changes_by_day(rows: dict[str, Rows], database: duckdb.DuckDBPyConnection) -> None:
    kinds = ("edited", "deleted", "reaction", "joined", "left", "renamed")
    expected = Counter((each["at"] and each["at"].date(), each["kind"]) for each in rows["changes"])

    found = {
        (row[0], kind): count
        for row in asked(database, "changes-per-day")
        for kind, count in zip(kinds, row[1:], strict=True)
        if count
    }
    assert found == expected


def test_what_the_page_says_in_python_runs(folder: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        said = subprocess.run(
            [sys.executable, "-c", block], cwd=folder, capture_output=True, text=True, check=True
        )
        assert "live" in said.stdout


def test_silent_chats(rows: dict[str, Rows], database: duckdb.DuckDBPyConnection) -> None:
    last = max(each["last_activity_at"] for each in rows["chats"])
    expected = {}
    for chat in rows["chats"]:
        times = sorted(
            each["posted_at"]
            for each in rows["messages"]
            if each["chat_id"] == chat["chat_id"] and each["posted_at"]
        )
        usual = median((after - before).total_seconds() for before, after in pairwise(times))
        silent = (last - chat["last_activity_at"]).total_seconds()
        if silent > 5 * usual:
            expected[titles(rows)[chat["chat_id"]]] = (len(times), silent)

    assert {row[0]: (row[1], row[4]) for row in asked(database, "silent-chats")} == expected
    assert 0 < len(expected) < len(rows["chats"])


def test_the_share_of_bots(rows: dict[str, Rows], database: duckdb.DuckDBPyConnection) -> None:
    kinds = {each["user_id"]: each["kind"] for each in rows["users"]}
    found: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
    for each in rows["messages"]:
        if not each["system"]:
            found[titles(rows)[each["chat_id"]]][kinds.get(each["author_id"])] += 1

    assert {row[0]: row[1:4] for row in asked(database, "bot-share")} == {
        chat: (of_kind.total(), of_kind["bot"], of_kind[None]) for chat, of_kind in found.items()
    }


def test_who_joined_and_who_left(
    rows: dict[str, Rows], database: duckdb.DuckDBPyConnection
) -> None:
    told = [each for each in rows["members"] if each["joined_at"] or each["left_basis"]]
    found = asked(database, "joined-and-left")

    assert len(found) == len(told) < len(rows["members"])
    assert Counter(row[4] for row in found) == Counter(each["left_basis"] for each in told)


def test_every_file_is_there_once(
    rows: dict[str, Rows], database: duckdb.DuckDBPyConnection
) -> None:
    expected = Counter(file["id"] for each in rows["messages"] for file in each["files"])

    assert Counter(row[2] for row in asked(database, "files")) == expected
