"""Mutants of what only PostgreSQL and the spool have, as tests.faults.mutants lists them."""

from typing import Final

from tests.faults.mutants import Mutant

_UNKNOWN: Final = "tests/faults/test_commit_unknown.py"
_DOWN: Final = (
    "tests/faults/test_database_down.py"
    "::test_nothing_acknowledged_is_lost_whatever_becomes_of_the_database"
)
_FOLLOWER: Final = (
    "tests/faults/test_many_writers_postgresql.py"
    "::test_a_follower_on_postgresql_sees_every_event_once_and_in_order[900-1]"
)
_NETWORK: Final = "tests/faults/test_bad_network.py"
_KILLED: Final = "tests/faults/test_killed_commands_postgresql.py"
_STARTED: Final = "tests/faults/test_started_without_database.py"
_STORED: Final = "tests/faults/test_stored_bytes_postgresql.py"

_IN_DOUBT: Final = "                if await self._came_to_pass(connection, doubt.rows[0]):\n"
_BRING: Final = """        try:
            await append([Pending(origin, row.event) for row in rows])
"""
_REMOVE: Final = "        await asyncio.to_thread(self._file.remove, origin.portal_id, rows)\n"

MUTANTS_POSTGRESQL: Final = (
    Mutant(
        "take a commit in doubt for done",
        "eventstore/postgres_log.py",
        _IN_DOUBT,
        "                if connection:\n",
        f"{_UNKNOWN}::test_what_is_told_of_a_commit_in_doubt_is_true[12]",
    ),
    Mutant(
        "repeat a commit in doubt without a look",
        "eventstore/postgres_log.py",
        _IN_DOUBT,
        "                if not connection:\n",
        f"{_UNKNOWN}::test_what_is_told_of_a_commit_in_doubt_is_true[12]",
    ),
    Mutant(
        "skip the key check on PostgreSQL",
        "eventstore/postgres_log.py",
        "return await self._commit(connection, origin, events, look_up=True)",
        "return await self._commit(connection, origin, events, look_up=False)",
        f"{_UNKNOWN}::test_who_delivers_again_after_an_error_finds_its_key[12]",
    ),
    Mutant(
        "let events leave the spool before the log has them",
        "eventstore/drain.py",
        _BRING,
        _REMOVE + _BRING,
        f"{_DOWN}[killed]",
    ),
    Mutant(
        "let events overtake those in the spool",
        "eventstore/intake.py",
        "portal_id not in known or self._spool.holds(portal_id) for",
        "portal_id not in known for",
        f"{_DOWN}[stopped at once]",
    ),
    Mutant(
        "take a read-only database for a defect",
        "eventstore/database/postgresql.py",
        "    asyncpg.InvalidTransactionStateError,  # 25: read-only, or idle for too long\n",
        "",
        f"{_DOWN}[read-only]",
    ),
    Mutant(
        "let two writers take one head",
        "eventstore/log.py",
        "    .with_for_update()  # SQLite ignores this; there, BEGIN IMMEDIATE is the lock\n",
        "",
        _FOLLOWER,
    ),
    Mutant(
        "leave a gap now and then on PostgreSQL",
        "eventstore/log.py",
        "        head += 1\n",
        "        head += 1 + (head % 100 == 99)\n",
        _FOLLOWER,
    ),
    Mutant(
        "let senders wait for a log that says nothing",
        "eventstore/intake.py",
        "asyncio.timeout(self._patience.caller)",
        "asyncio.timeout(None)",
        f"{_NETWORK}::test_nobody_waits_long_and_nothing_is_lost[silent-2]",
    ),
    Mutant(
        "wait for ever for an answer",
        "eventstore/postgres_log.py",
        "_ANSWERING: Final = 10.0",
        "_ANSWERING: Final = 1_000.0",
        f"{_NETWORK}::test_the_log_gives_up_what_says_nothing",
    ),
    Mutant(
        "point to a generation on PostgreSQL before it is built",
        "projections/rebuild.py",
        "        await build(store.generation(number), plan, progress, jobs=jobs)\n",
        "        await pointers.flip(number, rebuilt, _now())\n"
        "        await build(store.generation(number), plan, progress, jobs=jobs)\n",
        f"{_KILLED}::test_readers_on_postgresql_never_see_a_half_built_table[4]",
    ),
    Mutant(
        "end when the database is away at the start",
        "scripts/serve.py",
        "        except StoreUnavailable:\n            engine, warning =",
        "        except KeyError:\n            engine, warning =",
        f"{_STARTED}::test_what_a_server_took_that_never_saw_its_database_is_not_lost",
    ),
    Mutant(
        "key what is imported by the time, on PostgreSQL",
        "eventstore/envelope.py",
        'key=f"import:{digest}"',
        'key=f"import:{digest}~{how.received_at}"',
        f"{_KILLED}::test_an_import_on_postgresql_that_is_repeated_ends_with_every_line_once[4]",
    ),
    Mutant(
        "take a page that cannot be read for a defect",
        "eventstore/database/postgresql.py",
        "    asyncpg.DataCorruptedError,  # XX001: a page is not as it was written\n",
        "",
        f"{_STORED}::test_a_bit_that_flips_on_the_disk_never_goes_unseen",
    ),
    Mutant(
        "verify no payload on PostgreSQL",
        "eventstore/integrity.py",
        "if commitment(event.salt, event.payload) != event.commitment:",
        "if commitment(event.salt, event.payload) is None:",
        f"{_STORED}::test_every_bit_of_a_column_counts[payload-23]",
    ),
    Mutant(
        "leave the position out of the leaf on PostgreSQL",
        "eventstore/integrity.py",
        "{len(str(position))}:{position}",
        "",
        f"{_STORED}::test_events_on_postgresql_that_were_swapped_are_both_named[everything]",
    ),
)
