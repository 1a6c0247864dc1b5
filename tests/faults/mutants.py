"""Changes of one idea each, that break a promise: each has a fault test that must notice."""

from typing import Final, NamedTuple


class Mutant(NamedTuple):
    """A change of a file, where `old` stands exactly once, and the test that then must fail."""

    name: str
    file: str
    old: str
    new: str
    test: str


_AT_EVERY_CALL: Final = (
    "tests/faults/test_killed_at_every_call.py"
    "::test_nothing_acknowledged_is_lost_wherever_the_writer_is_killed[23]"
)
_POWER: Final = (
    "tests/faults/test_power_loss.py::test_nothing_acknowledged_is_lost_with_the_power[9]"
)
_SYNC_FAILED: Final = (
    "tests/faults/test_io_errors.py::test_nothing_acknowledged_rests_on_a_sync_that_failed"
)
_ANY_ERROR: Final = (
    "tests/faults/test_io_errors.py::test_an_error_at_any_call_costs_no_acknowledged_event"
)
_POWER_READ_MODELS: Final = "tests/faults/test_power_loss_of_read_models.py"
_BOMBS: Final = "tests/promises/test_hostile_bodies.py"
_SLOW: Final = "tests/faults/test_slow_senders.py"
_STORED: Final = "tests/faults/test_stored_bytes.py"
_KILLED: Final = "tests/faults/test_killed_at_random.py"
_KILLED_COMMANDS: Final = "tests/faults/test_killed_commands.py"
_FOLLOWER: Final = (
    "tests/faults/test_many_writers.py::test_a_follower_sees_every_event_once_and_in_order[600-1]"
)

_COMMIT: Final = "            outcomes = self._commit("
_COMMIT_LATE: Final = f"""            from eventstore.log import Outcome
            for waiting in taken:
                _tell(waiting, [Outcome("appended", 1)] * len(waiting.batch))
{_COMMIT}"""

_REFUSE: Final = "            self.close()\n            raise StoreUnavailable("
_LIE: Final = f"""            if error:
                return [Outcome("appended", 1)] * len(batch)
{_REFUSE}"""

MUTANTS: Final = (
    Mutant(
        "answer a reader before it is recorded",
        "api/access_log.py",
        "            await self._gathering.append(Pending(look.origin, entry))\n",
        "            import asyncio\n\n"
        "            asyncio.ensure_future(self._gathering.append(Pending(look.origin, entry)))\n",
        "tests/promises/test_killed_while_reading.py"
        "::test_every_answer_that_a_reader_got_is_recorded[sqlite]",
    ),
    Mutant(
        "acknowledge before the commit",
        "eventstore/coalescing.py",
        _COMMIT,
        _COMMIT_LATE,
        _AT_EVERY_CALL,
    ),
    Mutant(
        "acknowledge before the commit, killed at random",
        "eventstore/coalescing.py",
        _COMMIT,
        _COMMIT_LATE,
        f"{_KILLED}::test_what_was_appended_outlives_every_kill[1]",
    ),
    Mutant(
        "skip the key check",
        "eventstore/sqlite_log.py",
        "return _commit(connection, batch, look_up=True)",
        "return _commit(connection, batch, look_up=False)",
        _AT_EVERY_CALL,
    ),
    Mutant(
        "synchronous=NORMAL for the log",
        "eventstore/sqlite_log.py",
        'journal="WAL", synchronous="FULL"',
        'journal="WAL", synchronous="NORMAL"',
        _POWER,
    ),
    Mutant(
        "go on with the connection that failed",
        "eventstore/sqlite_log.py",
        "            self.close()\n            raise StoreUnavailable",
        "            raise StoreUnavailable",
        f"{_SYNC_FAILED}[1-goes on]",
    ),
    Mutant(
        "trust what the kernel shows of a log whose sync failed",
        "eventstore/sqlite_log.py",
        '            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")\n',
        "",
        f"{_SYNC_FAILED}[1-is killed]",
    ),
    Mutant(
        "answer before it lasts that the log was emptied",
        "eventstore/sqlite_log.py",
        '            sync(self.path.with_name(f"{self.path.name}-wal"))\n',
        "",
        f"{_SYNC_FAILED}[1-is killed]",
    ),
    Mutant(
        "acknowledge in spite of an error",
        "eventstore/sqlite_log.py",
        _REFUSE,
        _LIE,
        f"{_ANY_ERROR}[29-EIO]",
    ),
    Mutant(
        "acknowledge in spite of a full disk",
        "eventstore/sqlite_log.py",
        _REFUSE,
        _LIE,
        "tests/faults/test_disk_full.py"
        "::test_a_server_refuses_and_then_goes_on_without_a_restart[limited]",
    ),
    Mutant(
        "synchronous=OFF for the read models",
        "eventstore/database/sqlite.py",
        'synchronous: str = "NORMAL"',
        'synchronous: str = "OFF"',
        f"{_POWER_READ_MODELS}::test_a_projection_goes_on_from_whatever_is_left_of_it[200]",
    ),
    Mutant(
        "point to a generation that is not synced",
        "projections/build.py",
        "        await generation.settle()\n",
        "",
        f"{_POWER_READ_MODELS}"
        "::test_readers_have_whole_read_models_before_during_and_after_a_rebuild[120]",
    ),
    Mutant(
        "look at a catalog without undoing what was begun",
        "eventstore/database/sqlite.py",
        '        return f"{self.path.absolute().as_uri()}?mode=rw"\n',
        "        return read_only(self.path)\n",
        f"{_POWER_READ_MODELS}"
        "::test_readers_have_whole_read_models_before_during_and_after_a_rebuild[120]",
    ),
    Mutant(
        "project without a transaction",
        "projections/projector.py",
        "        async with generation.transaction():\n            after = ",
        "        if generation:\n            after = ",
        f"{_KILLED}::test_a_projection_goes_on_after_every_kill[200]",
    ),
    Mutant(
        "point to a generation before it is built",
        "projections/rebuild.py",
        "        await build(store.generation(number), plan, progress, jobs=jobs)\n",
        "        await pointers.flip(number, rebuilt, _now())\n"
        "        await build(store.generation(number), plan, progress, jobs=jobs)\n",
        f"{_KILLED_COMMANDS}::test_readers_never_see_a_half_built_table[6]",
    ),
    Mutant(
        "key what is imported by the time",
        "eventstore/envelope.py",
        'key=f"import:{digest}"',
        'key=f"import:{digest}~{how.received_at}"',
        f"{_KILLED_COMMANDS}::test_an_import_that_is_repeated_ends_with_every_line_once[6]",
    ),
    Mutant(
        "let workers outlive their parent",
        "projections/workers.py",
        "initializer=begin",
        "initializer=calm_collector",
        f"{_KILLED_COMMANDS}::test_a_build_that_is_killed_leaves_no_worker_behind",
    ),
    Mutant(
        "leave a gap now and then",
        "eventstore/log.py",
        "        head += 1\n",
        "        head += 1 + (head % 100 == 99)\n",
        _FOLLOWER,
    ),
    Mutant(
        "order the log by receipt",
        "eventstore/log.py",
        "    .order_by(event.c.position)\n",
        "    .order_by(event.c.received_at)\n",
        "tests/faults/test_clock_jumps.py::test_order_and_positions_do_not_depend_on_the_clock[2]",
    ),
    Mutant(
        "let facts hold what no database can",
        "projections/facts.py",
        "MAX_ID: Final = 2**63 - 1",
        "MAX_ID: Final = 2**65",
        f"{_BOMBS}::test_what_no_fact_can_hold_is_kept_and_says_why[sqlite-2^64 as a message's id]",
    ),
    Mutant(
        "wait for ever for a body",
        "api/bodies.py",
        "asyncio.timeout(settings.body_deadline)",
        "asyncio.timeout(None)",
        f"{_BOMBS}::test_a_slow_body_is_given_up[sqlite]",
    ),
    Mutant(
        "wait for ever for a header",
        "scripts/connections.py",
        "self.loop.call_later(self._all.deadline, self.cut_off)",
        "self.loop.call_later(100 * self._all.deadline, self.cut_off)",
        f"{_SLOW}::test_a_header_is_cut_off_at_its_deadline[silence]",
    ),
    Mutant(
        "let a header go on for ever",
        "scripts/connections.py",
        "        if self._overhead > _MAX_HEADER:\n",
        "        if self._overhead < 0:\n",
        f"{_SLOW}::test_lines_without_end_are_cut_off_before_they_fill_the_memory[of a header]",
    ),
    Mutant(
        "verify no payload",
        "eventstore/integrity.py",
        "if commitment(event.salt, event.payload) != event.commitment:",
        "if commitment(event.salt, event.payload) is None:",
        f"{_STORED}::test_every_bit_of_an_event_counts[101]",
    ),
    Mutant(
        "leave the position out of the leaf",
        "eventstore/integrity.py",
        "{len(str(position))}:{position}",
        "",
        f"{_STORED}::test_events_that_were_swapped_are_both_named[everything]",
    ),
    Mutant(
        "verify no head",
        "projections/verify_log.py",
        "            if last != head:\n",
        "            if last is None:\n",
        f"{_STORED}::test_a_log_that_was_cut_is_noticed_where_it_was[the last event]",
    ),
    Mutant(
        "give up at the first event that cannot be read",
        "projections/verify_log.py",
        "        return [_Unreadable(position)]\n",
        "        raise\n",
        f"{_STORED}::test_every_bit_of_an_event_counts[101]",
    ),
)
