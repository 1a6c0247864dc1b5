"""Mutants of polling and of reconciliation, as tests.faults.mutants lists them."""

from typing import Final

from tests.faults.mutants import Mutant

_STORY: Final = "tests/promises/test_fetching.py::test_a_story_that_fooled_a_mutant_ends_well"
_READER: Final = "eventstore/fetching/reader.py"
_FULL: Final = "        if page.full and not page.ids:\n"
_LOST: Final = (
    '    await reader.tell([chat_read(chat_id, reader.asking.portal_now, "lost", None, None)])\n'
)

MUTANTS_FETCHING: Final = (
    Mutant(
        "acknowledge before the append, polling",
        _READER,
        _FULL,
        '        told = {**params, "offset": max(page.ids, default=0) + 1}\n'
        f"        await self._ask(self._method, told)\n{_FULL}",
        f"{_STORY}[sqlite-1]",
    ),
    Mutant(
        "acknowledge before the append, killed for good",
        _READER,
        _FULL,
        '        told = {**params, "offset": max(page.ids, default=0) + 1}\n'
        f"        await self._ask(self._method, told)\n{_FULL}",
        "tests/faults/test_killed_poller.py"
        "::test_a_poller_that_is_killed_before_it_acknowledges_had_every_event_once[1]",
    ),
    Mutant(
        "give polling up when the database goes away",
        "eventstore/fetching/poller.py",
        '                self._say("polling waits", str(error))\n',
        '                self._say("polling waits", str(error))\n                return\n',
        "tests/faults/test_database_down_while_polling.py"
        "::test_what_is_polled_while_the_database_is_away_is_had_once",
    ),
    Mutant(
        "acknowledge what may still have a late one below it",
        "eventstore/fetching/queue.py",
        "if at - since < LAG), default=None)",
        "if at - since < 0), default=None)",
        f"{_STORY}[sqlite-1]",
    ),
    Mutant(
        "notice no other reader",
        _READER,
        "stolen = bool(before.vanished(page, offset))",
        "stolen = False",
        f"{_STORY}[sqlite-16]",
    ),
    Mutant(
        "take lost access for deletion",
        "projections/reconcile/chat.py",
        _LOST,
        "    from projections.reconcile.told import Given\n"
        "    from projections.reconcile.told import Vouched\n\n"
        "    all_of_it = Vouched(1, 2**62)\n"
        "    async with reader.reading() as session:\n"
        "        expected = await known.live_messages(\n"
        "            session, reader.portal_id, chat_id, all_of_it\n"
        "        )\n"
        '    given = Given("im.dialog.messages.get", reader.asking.portal_now, [], [], [])\n'
        "    await reader.tell([*messages_read(chat_id, given, all_of_it, expected)])\n",
        "tests/projections/reconcile/test_reading.py"
        "::test_access_that_is_lost_deletes_nothing[sqlite]",
    ),
)
