"""What is read of the simulated portal becomes known, once, and no more than was seen."""

from collections.abc import AsyncIterator

import pytest

from eventstore.fetching.portal_client import AuthFailed, Unreachable
from eventstore.own_events import CHAT_READ
from eventstore.store import Store
from projections.reconcile import chat as chat_module
from tests.portal.truth import Chat
from tests.projections.reconcile.reconciled import BOT, Killed, Reconciled, reconciled
from tests.projections.stored import differences, portal


@pytest.fixture
async def here(fresh: Store) -> AsyncIterator[Reconciled]:
    async with reconciled(fresh) as made:
        yield made


def kitchen(here: Reconciled) -> Chat:
    return here.world.open_chat("Kitchen", [41, 58, 63, 931])


async def test_a_chat_that_nobody_told_of_is_known_as_it_stands(here: Reconciled) -> None:
    chat = kitchen(here)
    first, *_ = here.write(chat, 120)

    (summary,) = await here.read()

    assert (summary.outcome, summary.messages, summary.missing) == ("read", 120, 0)
    row = await here.message(first.id)
    assert (row.text, row.author_id, row.posted_basis) == ("word 0", 41, "observed")
    assert row.posted_at == first.posted_at * 1_000_000
    assert {*await here.members(chat)} == {41, 58, 63, 931}
    assert [len(page) for page in here.pages] == [50, 50, 20]
    assert here.told[-1]["type"] == CHAT_READ
    assert here.told[-1]["data"]["since"] is None
    assert await differences(here.store, portal()) == []


async def test_what_was_missed_is_found(here: Reconciled) -> None:
    chat = kitchen(here)
    edited, soft, full, kept = here.write(chat, 4)
    await here.read()
    here.wait(3_600)
    here.world.edit(edited.id, "something else")
    here.world.delete(soft.id)
    here.world.delete(full.id, complete=True)
    here.world.leave(chat.id, 41)
    here.wait(3_600)

    (summary,) = await here.read()

    now, before = here.told[-1]["date"], here.told[2]["date"]
    assert summary.missing == 1
    row = await here.message(edited.id)
    assert (row.text, row.versions, row.edited_basis) == ("something else", 2, "rest_snapshot")
    assert row.edited_after is not None
    assert row.edited_at is not None
    assert row.edited_after < row.edited_at
    assert [(await here.message(each.id)).deleted_basis for each in (soft, full, kept)] == [
        "rest_snapshot",
        "inferred",
        None,
    ]
    assert (await here.members(chat))[41].left_basis is not None
    assert now > before


async def test_what_is_gone_between_two_pages_is_found(here: Reconciled) -> None:
    written = here.write(kitchen(here), 120)
    await here.read()
    between = written[69]
    here.world.delete(between.id, complete=True)

    (summary,) = await here.read()

    assert summary.missing == 1
    assert (await here.message(between.id)).state == "deleted"


async def test_behind_the_newest_message_nothing_is_proved(here: Reconciled) -> None:
    *_, newest = here.write(kitchen(here), 3)
    await here.read()
    here.world.delete(newest.id, complete=True)

    assert [each.missing for each in await here.read()] == [0]
    assert (await here.message(newest.id)).state == "live"


async def test_access_that_is_lost_deletes_nothing(here: Reconciled) -> None:
    chat = kitchen(here)
    here.write(chat, 60)
    await here.read()
    here.world.leave(chat.id, 58)

    (summary,) = await here.read()

    assert (summary.outcome, summary.code) == ("lost", "ACCESS_ERROR")
    assert here.told[-1]["data"] == {
        "chatId": chat.id,
        "access": "lost",
        "since": None,
        "chat": None,
    }
    assert await here.states() == {"live": 60}
    assert all(row.left_basis is None for row in (await here.members(chat)).values())


async def test_what_a_plan_hides_is_not_deleted(here: Reconciled) -> None:
    chat = kitchen(here)
    here.write(chat, 60)
    here.wait(10 * 86_400)
    here.write(chat, 3)
    await here.read()
    here.simulated.switches.history_days = 5

    (summary,) = await here.read(again=True)

    assert (summary.outcome, summary.messages, summary.missing) == ("limited", 3, 0)
    assert here.told[-1]["data"]["since"] is not None
    assert await here.states() == {"live": 63}


async def test_a_chat_of_which_a_plan_shows_nothing_is_not_read(here: Reconciled) -> None:
    here.write(kitchen(here), 3)
    here.wait(10 * 86_400)
    here.simulated.switches.history_days = 5

    assert [each.outcome for each in await here.read()] == ["limited"]


async def test_only_what_is_new_is_read_again_and_the_window(here: Reconciled) -> None:
    chat = kitchen(here)
    here.write(chat, 300)
    await here.read()
    here.told.clear()
    here.write(chat, 10)

    (summary,) = await here.read(window=60)

    assert (summary.messages, len(here.pages)) == (100, 2)
    assert here.told[-1]["data"]["since"] is None
    here.told.clear()
    assert [each.messages for each in await here.read(chat, again=True)] == [310]


async def test_a_reading_that_was_stopped_goes_on_where_it_ended(here: Reconciled) -> None:
    chat = kitchen(here)
    here.write(chat, 500)
    here.on_tell = lambda: here.stop.ask() if len(here.pages) == 4 else None
    await here.read_until_stopped()
    here.on_tell = lambda: None

    await here.read(window=50)

    assert len(here.pages) == 11  # the newest page twice
    assert {each for page in here.pages for each in page} == {*here.world.messages}
    assert here.told[-1]["data"]["since"] is None


async def test_a_reading_that_was_killed_repeats_no_more_than_since_its_last_mark(
    here: Reconciled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_module, "_MARK", 3)
    chat = kitchen(here)
    here.write(chat, 500)

    def kill() -> None:
        if len(here.pages) == 5:
            raise Killed

    here.on_tell = kill
    with pytest.raises(Killed):
        await here.read()
    here.on_tell = lambda: None
    assert len(here.pages) == 5

    await here.read(window=50)

    assert len(here.pages) == 5 + 1 + 7  # the newest again, and all behind the third
    assert {each for page in here.pages for each in page} == {*here.world.messages}


async def test_a_snapshot_that_comes_late_rolls_nothing_back(here: Reconciled) -> None:
    chat = kitchen(here)
    (message,) = here.write(chat, 1)
    here.simulated.queues.subscribe(58)
    await here.read()
    old = list(here.told)
    here.wait(600)
    here.world.edit(message.id, "newer")
    await here.fetch()

    for body in old:
        body["date"] = body["date"].replace("2026", "2025")
    await here.append(old)

    assert (await here.message(message.id)).text == "newer"
    assert (await here.message(message.id)).edited_basis == "event"


async def test_a_late_report_of_what_was_found_takes_its_place(here: Reconciled) -> None:
    chat = kitchen(here)
    (message,) = here.write(chat, 1)
    here.simulated.queues.subscribe(58)
    await here.read()
    here.wait(600)
    here.world.edit(message.id, "newer")
    edited_at = int(here.simulated.clock.now)
    here.wait(600)
    await here.read()
    assert (await here.message(message.id)).edited_basis == "rest_snapshot"

    await here.fetch()

    row = await here.message(message.id)
    assert (row.versions, row.edited_basis, row.edited_after) == (2, "event", None)
    assert row.edited_at == edited_at * 1_000_000


async def test_a_supervisor_reads_its_chats_too(here: Reconciled) -> None:
    chat = kitchen(here)
    _, edited, full, *_ = here.write(chat, 230)
    (summary,) = await here.read(chat, as_bot=True)
    assert (summary.outcome, summary.messages) == ("read", 230)
    here.world.edit(edited.id, "something else")
    here.world.delete(full.id, complete=True)
    here.wait(600)

    (summary,) = await here.read(as_bot=True, again=True)

    assert summary.missing == 1
    assert (await here.message(edited.id)).text == "something else"
    assert (await here.message(full.id)).deleted_basis == "inferred"
    assert {*await here.members(chat)} == {41, 58, 63, 931}


async def test_a_bot_that_may_not_read_is_told_so(here: Reconciled) -> None:
    chat = kitchen(here)
    here.write(chat, 3)
    here.simulated.add_bot(BOT._replace(type="bot"))

    (summary,) = await here.read(chat, as_bot=True)

    assert (summary.outcome, summary.code) == ("refused", "BOT_TYPE_NOT_ALLOWED")
    assert here.pages == []


async def test_a_private_chat_is_read_by_the_name_of_the_other(here: Reconciled) -> None:
    chat = here.world.open_private(41, 58)
    here.write(chat, 3)

    (summary,) = await here.read()

    assert (summary.chat_id, summary.messages) == (chat.id, 3)


async def test_it_asks_as_seldom_as_the_portal_likes(here: Reconciled) -> None:
    here.write(kitchen(here), 400)
    here.simulated.limits.per_second, here.simulated.limits.burst = 2.0, 1
    began = here.simulated.clock.now

    (summary,) = await here.read()

    assert summary.messages == 400
    assert here.simulated.clock.now - began >= len(here.simulated.calls) / 2 - 1


async def test_it_waits_where_it_was_too_often(here: Reconciled) -> None:
    here.write(kitchen(here), 100)
    here.simulated.limits.per_second, here.simulated.limits.burst = 0.2, 1
    here.simulated.limits.cost = 100.0

    (summary,) = await here.read()

    assert summary.messages == 100


async def test_what_a_portal_does_not_know_ends_it(here: Reconciled) -> None:
    chat = kitchen(here)
    here.write(chat, 3)
    here.simulated.switches.network = "cut_before"
    with pytest.raises(Unreachable):
        await here.read()
    here.simulated.switches.network = "up"

    here.simulated.revoke_webhook(here.webhook)

    with pytest.raises(AuthFailed):
        await here.read()
