"""Checks all that the code says to PostgreSQL while the tests of a session run."""

import re
from collections.abc import Sequence
from typing import Final

import pytest
from sqlalchemy import MetaData, Table, select

from eventstore.database import compiled
from eventstore.database.statements import POSTGRESQL
from eventstore.schema import (
    catalog_metadata,
    connection,
    log_metadata,
    pointer,
    queue,
    token_chat,
    token_limit,
    token_use,
)
from projections.readmodels import READ_MODELS
from tests.postgresql.fixtures import session_log
from tests.postgresql.heard import Statement, heard
from tests.sql_rules import Rules, check_all, unneeded
from tests.sql_transactions import appending_to_several


def _whole(table: Table, schema: str) -> str:
    return compiled(select(table), POSTGRESQL, schema).text


def _held(metadata: MetaData, schema: str, *missing: Table) -> str:
    tables = (f"{schema}.{each.name}" for each in metadata.sorted_tables if each not in missing)
    return f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE"


def _listed(texts: str) -> list[str]:
    return texts.strip().split("\n\n")


LIMITS: Final = (token_limit, token_chat, token_use)
"""What version 4 brought."""

QUEUES: Final = (connection, queue)
"""What version 5 brought."""

LOGS: Final = ("log", "access")

WHOLE: Final = (
    *(_whole(table, log) for log in LOGS for table in log_metadata.sorted_tables),
    *(_whole(table, "catalog") for table in catalog_metadata.sorted_tables),
)
"""A backup copies them."""

CATALOG: Final = """
SELECT catalog.application_token.portal_id, catalog.application_token.digest
    FROM catalog.application_token

SELECT catalog.ingest_key.portal_id, catalog.ingest_key.digest FROM catalog.ingest_key

SELECT catalog.pointer.portal_id, catalog.pointer.generation FROM catalog.pointer

SELECT catalog.pointer.generation FROM catalog.pointer

SELECT DISTINCT catalog.pointer.generation FROM catalog.pointer

SELECT max(catalog.pointer.generation) AS max_1 FROM catalog.pointer

UPDATE catalog.pointer SET generation = $1::integer
    WHERE catalog.pointer.portal_id IN ($2::integer)
"""
"""Every process knows all portals, and where each is read; a rebuild moves all of them at once."""

FIGURES: Final = """
SELECT log.log_head.portal_id, log.log_head.position FROM log.log_head

SELECT access.log_head.portal_id, access.log_head.position FROM access.log_head

SELECT read_1.checkpoint.portal_id, read_1.checkpoint.position FROM read_1.checkpoint

SELECT read_1.undecoded.portal_id, count(*) AS count_1 FROM read_1.undecoded
    GROUP BY read_1.undecoded.portal_id

SELECT catalog.quarantined.portal_id, count(*) AS count_1 FROM catalog.quarantined
    GROUP BY catalog.quarantined.portal_id

SELECT catalog.rejection.portal_id, sum(catalog.rejection.count) AS sum_1 FROM catalog.rejection
    GROUP BY catalog.rejection.portal_id

SELECT catalog.queue.portal_id, catalog.queue.number, catalog.queue.holder, catalog.queue.beat,
    catalog.queue.state, catalog.queue.state_since_at, catalog.queue.error, catalog.queue.tried_at,
    catalog.queue.succeeded_at, catalog.queue.failing_since_at, catalog.queue.fetched,
    catalog.queue.newest, catalog.queue.newest_date, catalog.queue.acknowledged, catalog.queue.met,
    catalog.queue.since, catalog.queue.until, catalog.queue.told_until, catalog.queue.sees,
    catalog.queue.hole_from, catalog.queue.hole_cause
    FROM catalog.queue ORDER BY catalog.queue.portal_id, catalog.queue.number
"""
"""Who projects asks which portals have something new; metrics and status say a number of each."""

LOCKING: Final = (
    *(f"SELECT pg_advisory_xact_lock(hashtext('chronicle {log}'))" for log in LOGS),
    *(_held(log_metadata, log) for log in LOGS),
    _held(catalog_metadata, "catalog"),
    _held(catalog_metadata, "catalog", *QUEUES),  # of version 4
    _held(catalog_metadata, "catalog", *QUEUES, *LIMITS),  # of versions 2 and 3
    _held(catalog_metadata, "catalog", *QUEUES, *LIMITS, pointer),  # of version 1
    _held(READ_MODELS[0].tables[0].metadata, "read_1"),
)
"""What makes, upgrades or backs up tables; nothing that was promised of an event rests on it."""

OF_TESTS: Final = frozenset({"thing", "extra"})
"""Tables that only tests make."""

RULES: Final = Rules(
    unscoped=Rules().unscoped | OF_TESTS,
    across=frozenset((*WHOLE, *_listed(CATALOG), *_listed(FIGURES))),
    locking=frozenset(LOCKING),
)

_GENERATION: Final = re.compile(r"\bread_\d+\b")

_broken: Final = pytest.StashKey[Sequence[str]]()


def broken(said: Sequence[Statement]) -> list[str]:
    """Return what breaks a rule: a statement, or a transaction that appends to several portals."""
    return check_all(_texts(said), RULES) + appending_to_several(said)


def _texts(said: Sequence[Statement]) -> set[str]:
    """Give the texts as if there were one generation only."""
    return {_GENERATION.sub("read_1", each.text) for each in said}


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):
        return  # the process that controls the session reads what all of them said
    said = list(heard(session_log(session.config)))
    found = broken(said)
    if _is_whole(session):
        found += unneeded(_texts(said), RULES)
    session.config.stash[_broken] = found
    if found and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    found = config.stash.get(_broken, ())
    if found:
        terminalreporter.section("SQL that breaks a rule", red=True)
    for each in found:
        terminalreporter.write_line(each)


def _is_whole(session: pytest.Session) -> bool:
    """Whether every test was asked for, and none failed: all statements have been said."""
    config = session.config
    return (
        session.exitstatus == pytest.ExitCode.OK
        and config.args_source is pytest.Config.ArgsSource.TESTPATHS
        and config.option.markexpr in config.getini("addopts")  # as it is when nobody asks
        and not (config.option.keyword or config.option.deselect)
        and not getattr(config.option, "lf", False)
    )
