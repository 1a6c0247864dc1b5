"""Transactions, as a server hears them, and which of them append to several portals."""

import pytest

from tests.postgresql.heard import Statement
from tests.sql_transactions import appending_to_several

LOCK = "SELECT position FROM log.log_head WHERE log_head.portal_id = $1::INTEGER FOR UPDATE"
INSERT = "INSERT INTO log.event (position, portal_id) VALUES ($1, $2::INTEGER)"
COPY = "COPY log.event (portal_id) FROM STDIN"
MOVE = "UPDATE log.log_head SET position = 7 WHERE portal_id = {}; COMMIT"


def said(*statements: str | tuple[str, ...], session: str = "a") -> list[Statement]:
    """What one session says: texts, those with parameters with their values behind them."""
    pairs = (each if isinstance(each, tuple) else (each,) for each in statements)
    return [Statement(session, "db", text, tuple(values)) for text, *values in pairs]


@pytest.mark.parametrize(
    "statements",
    [
        said("BEGIN", (LOCK, "1"), COPY, MOVE.format(1), "BEGIN", (LOCK, "2"), MOVE.format(2)),
        said("BEGIN", (LOCK, "1"), "ROLLBACK", "BEGIN", (INSERT, "1", "2"), "COMMIT"),
        said((LOCK, "1"), (LOCK, "2")),
        said("BEGIN; SELECT 1 FROM fact WHERE portal_id = 1; DELETE FROM fact WHERE portal_id = 2"),
        said("BEGIN", "CREATE TABLE log.event ()", (INSERT, "1", "1"), (INSERT, "1", "2")),
    ],
    ids=["one after another", "rolled back", "without BEGIN", "no append", "a restore"],
)
def test_a_transaction_of_one_portal_is_not_complained_of(statements: list[Statement]) -> None:
    assert appending_to_several(statements) == []


@pytest.mark.parametrize(
    "statements",
    [
        said("BEGIN", (LOCK, "1"), COPY, MOVE.format(2)),
        said("BEGIN", (LOCK, "1"), (LOCK, "2"), "ROLLBACK"),
        said("BEGIN", (INSERT, "7", "1"), (INSERT, "7", "2")),
        said("START TRANSACTION", (LOCK, "1"), "SELECT 1 FROM fact WHERE portal_id = 2"),
        said("INSERT INTO log.event (portal_id) VALUES (1), (2)"),
    ],
    ids=["moved", "locked", "inserted", "read, and cut off", "in one statement"],
)
def test_a_transaction_of_two_portals_is_told_with_its_texts(statements: list[Statement]) -> None:
    (complaint,) = appending_to_several(statements)

    assert complaint.startswith("portals 1, 2 in one transaction\n    in ")


def test_sessions_do_not_mix() -> None:
    one = said("BEGIN", (LOCK, "1"), MOVE.format(1))
    other = said("BEGIN", (LOCK, "2"), MOVE.format(2), session="b")

    mixed = [each for pair in zip(one, other, strict=True) for each in pair]

    assert appending_to_several(mixed) == []
