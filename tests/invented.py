"""Invented rows of an export: with every gap that real ones may have, and the same every time."""

from pathlib import Path
from random import Random
from typing import Any, Final

import pyarrow.parquet
from pydantic_core import to_json

from projections.export.arrow import by_month, in_order, table_of
from projections.export.names import TableName
from projections.export.tables import TABLES

BEGIN: Final = 1_789_000_000
_DAYS: Final = 45
_USERS: Final = range(1, 9)
_CHATS: Final = range(1, 6)
_BASES: Final = ("event", "observed", "inferred")

Rows = list[dict[str, Any]]


def written(folder: Path, seed: int = 1) -> None:
    """Write an export with invented rows, as far as readers of Parquet see."""
    random = Random(seed)  # noqa: S311 - the same rows again
    messages = [_message(random, 100 + number) for number in range(400)]
    rows: dict[TableName, Rows] = {
        "messages": messages,
        "versions": [row for message in messages for row in _versions(message)],
        "reactions": [_reaction(random, number) for number in range(200)],
        "members": [_member(random, chat_id, user_id) for chat_id in _CHATS for user_id in _USERS],
        "chats": [_chat(random, chat_id) for chat_id in _CHATS],
        "users": [_user(user_id) for user_id in _USERS if user_id != 8],
        "events": [],
        "changes": [_change(random, position) for position in range(1, 301)],
    }
    for name, of_table in rows.items():
        _write(folder, name, of_table)


def _write(folder: Path, name: TableName, rows: Rows) -> None:
    table = TABLES[name]
    made = table_of(table, [tuple(row.get(each.name) for each in table.columns) for row in rows])
    parts = [*by_month(table, in_order(table, made))] or [("__HIVE_DEFAULT_PARTITION__", made)]
    for month, part in parts:
        path = folder / f"table={name}" / "portal=acme" / f"month={month}" / "part-00000.parquet"
        path.parent.mkdir(parents=True)
        pyarrow.parquet.write_table(part, path)


def _moment(random: Random, *, unknown: float = 0.0) -> int | None:
    if random.random() < unknown:
        return None
    # whole minutes: some things happen at once
    return (BEGIN + 60 * random.randrange(_DAYS * 1440)) * 1_000_000


def _soon(random: Random, at: int | None, minutes: int) -> int | None:
    return None if at is None else at + random.randrange(minutes * 60) * 1_000_000


def _message(random: Random, message_id: int) -> dict[str, Any]:
    posted_at = _moment(random, unknown=0.1)
    row: dict[str, Any] = {
        "message_id": message_id,
        "chat_id": random.choice(_CHATS),
        "author_id": random.choice([*_USERS, None]),
        "text": f"text {message_id}",
        "state": "live",
        "versions": random.choice([1, 1, 1, 2, 4]),
        "system": int(random.random() < 0.1),
        "posted_at": posted_at,
        "posted_basis": "unknown" if posted_at is None else "event",
        "files": to_json(
            [{"id": f"f{message_id}", "name": None, "type": None, "size": 3}]
            * random.choice([0, 0, 2])
        ).decode(),
        "first_position": message_id,
        "last_position": message_id,
        "witnesses": "[]",
    }
    if row["versions"] > 1:
        row |= {"edited_basis": "event", "edited_at": _soon(random, posted_at, 60)}
    if random.random() < 0.3:
        at = _soon(random, posted_at, 40)
        only_missed = random.random() < 0.4
        row |= {"state": "deleted", "deleted_at": at}
        row["deleted_basis"] = "inferred" if only_missed else "event"
        row["deleted_after"] = posted_at if only_missed else None
    if random.random() < 0.3:
        quoted = {"message_id": random.randrange(90, message_id), "author_id": None, "text": None}
        row["reply_to"] = to_json(quoted).decode()
    return row


def _versions(message: dict[str, Any]) -> Rows:
    return [
        {
            "message_id": message["message_id"],
            "version": number,
            "chat_id": message["chat_id"],
            "author_id": message["author_id"],
            "text": f"text {message['message_id']}.{number}",
            "from_at": message["posted_at"],
            "from_basis": message["posted_basis"],
            "from_position": message["first_position"],
            "witnesses": "[]",
        }
        for number in range(1, message["versions"] + 1)
    ]


def _reaction(random: Random, number: int) -> dict[str, Any]:
    return {
        "message_id": 100 + number,
        "user_id": random.choice(_USERS),
        "code": random.choice(["like", "fire"]),
        "ordinal": 1,
        "chat_id": random.choice(_CHATS),
        "from_at": _moment(random, unknown=0.2),
        "from_basis": "event",
    }


def _member(random: Random, chat_id: int, user_id: int) -> dict[str, Any]:
    joined_at = _moment(random, unknown=0.4)
    first_seen_at = joined_at or _moment(random)
    left_at = _soon(random, first_seen_at, 20_000) if random.random() < 0.5 else None
    return {
        "chat_id": chat_id,
        "user_id": user_id,
        "ordinal": 1,
        "joined_at": joined_at,
        "joined_basis": "event" if joined_at else "unknown",
        "first_seen_at": first_seen_at,
        "left_at": left_at,
        "left_basis": random.choice(_BASES) if left_at else None,
    }


def _chat(random: Random, chat_id: int) -> dict[str, Any]:
    return {
        "chat_id": chat_id,
        "title": None if chat_id == 3 else f"chat called {chat_id}",
        "type": random.choice(["chat", "private", None]),
        "first_seen_at": BEGIN * 1_000_000,
        "last_activity_at": (BEGIN + 86_400 * _DAYS * chat_id // 5) * 1_000_000,
    }


def _user(user_id: int) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "name": {7: None, 6: "<script>person 6</script>"}.get(user_id, f"person {user_id}"),
        "kind": {1: "bot", 2: None, 7: "bot"}.get(user_id, "user"),
        "first_seen_at": BEGIN * 1_000_000,
        "last_seen_at": BEGIN * 1_000_000,
    }


def _change(random: Random, position: int) -> dict[str, Any]:
    kinds = ("edited", "deleted", "reaction", "joined", "left", "renamed")
    at = _moment(random, unknown=0.1)
    basis = "unknown" if at is None else "event"
    return {
        "position": position,
        "ordinal": 1,
        "kind": random.choice(kinds),
        "at": at,
        "basis": basis,
    }
