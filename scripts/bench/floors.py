"""The floors: what bare sqlite3 does with the same bytes, as durable as the log."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from time import perf_counter

from scripts.bench.measures import WrongAnswer

_INSERT = "INSERT INTO bare (payload) VALUES (?)"


def open_bare(path: Path) -> sqlite3.Connection:
    """Open a file with one table, in the mode of the log."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS bare (id INTEGER PRIMARY KEY, payload TEXT)")
    return connection


def insert_and_commit(connection: sqlite3.Connection, payloads: Sequence[str | bytes]) -> None:
    """Insert some payloads in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(_INSERT, [(payload,) for payload in payloads])
    connection.execute("COMMIT")


def bare_rate(path: Path, payloads: Iterable[str | bytes], *, batch: int) -> float:
    """Return payloads a second, in transactions of `batch`."""
    rest, count = iter(payloads), 0
    with closing(open_bare(path)) as connection:
        before = connection.execute("SELECT count(*) FROM bare").fetchone()[0]
        started = perf_counter()
        while taken := list(islice(rest, batch)):
            insert_and_commit(connection, taken)
            count += len(taken)
        seconds = perf_counter() - started
        after = connection.execute("SELECT count(*) FROM bare").fetchone()[0]
    if after - before != count:
        raise WrongAnswer(f"the floor lost {count + before - after} rows")
    return count / seconds
