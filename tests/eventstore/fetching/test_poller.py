"""The poller against a portal that knows the truth: everything once, and honest about the rest."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from eventstore.errors import StoreUnavailable
from eventstore.event import MAX_INSTANT
from eventstore.fetching.connections import Connections
from eventstore.fetching.portal_client import Answer, AuthFailed, RateLimited
from eventstore.fetching.queue import LAG
from eventstore.fetching.queues import LEASE, Lease, LeaseLost, Queues
from eventstore.folder import Folder
from eventstore.quarantine import Quarantine
from eventstore.store import Store
from eventstore.times import spelled
from tests.eventstore.fetching.polled import Polled, polling
from tests.portal.bots import Bot
from tests.portal.truth import Chat

USER = "user:58"
HOUR = 3_600.0
DAY = 24 * HOUR


@pytest.fixture
async def polled(fresh: Store) -> AsyncIterator[Polled]:
    """On either engine."""
    async with polling(fresh) as polled:
        yield polled


@pytest.fixture
async def quick(tmp_path: Path) -> AsyncIterator[Polled]:
    """On SQLite, for what is about the portal and not about the store."""
    async with polling(Folder(tmp_path / "data")) as polled:
        yield polled


def chat_of(polled: Polled, *members: int) -> Chat:
    return polled.portal.world.open_chat("War room", [41, 58, *members])


def post(polled: Polled, chat: Chat, count: int = 1, every: float = 0) -> None:
    for number in range(count):
        polled.portal.world.post(chat.id, 41, f"word {number}")
        polled.portal.clock.advance(every)


def at(polled: Polled) -> str:
    return spelled(int(polled.portal.clock.now) * 1_000_000)


async def test_every_event_comes_once_in_its_order(polled: Polled) -> None:
    connection = await polled.connect()
    await polled.empty(connection)
    chat = chat_of(polled)
    post(polled, chat, 30, every=5)

    await polled.empty(connection)
    post(polled, chat, 3)
    await polled.empty(connection)

    written = polled.portal.queues.fates[USER].written
    assert await polled.fetched() == sorted(written)
    assert {(event.source, event.receiver) for event in await polled.events()} == {("fetch", USER)}


async def test_what_is_acknowledged_is_in_the_log(polled: Polled) -> None:
    connection = await polled.connect()
    await polled.empty(connection)
    post(polled, chat_of(polled), 10, every=20)
    polled.broken = True

    with pytest.raises(StoreUnavailable):
        await polled.empty(connection)

    assert polled.offsets == [None] * len(polled.offsets)
    polled.broken = False
    await polled.empty(connection)
    assert await polled.fetched() == sorted(polled.portal.queues.fates[USER].written)


async def test_the_newest_event_is_left_there(quick: Polled) -> None:
    connection = await quick.connect()
    await quick.run(connection, 30)
    post(quick, chat_of(quick), 5, every=10)

    await quick.run(connection, 10 * 60)

    newest = max(quick.portal.queues.fates[USER].written)
    assert quick.offsets[-1] == newest
    assert quick.portal.queues.waiting(USER) == 1
    assert (await quick.row(connection)).acknowledged == newest


async def test_an_event_that_is_committed_late_is_not_lost(quick: Polled) -> None:
    quick.portal.switches.late_by = LAG / 1_000_000 - 2
    quick.portal.switches.late_share = 0.5
    connection = await quick.connect()
    await quick.run(connection, 5)
    chat = chat_of(quick)
    for _ in range(20):
        post(quick, chat, 3, every=2)
        await quick.run(connection, 20)

    await quick.run(connection, 300)

    assert sorted(await quick.fetched()) == sorted(quick.portal.queues.fates[USER].written)


async def test_more_than_a_page_is_fetched_at_once(quick: Polled) -> None:
    connection = await quick.connect()
    await quick.empty(connection)
    post(quick, chat_of(quick), 2_500, every=0.5)
    began = quick.time.monotonic()

    emptied = await quick.empty(connection)

    assert emptied.counts.appended == 2_500
    assert (
        len(await quick.fetched()) == len(set(await quick.fetched())) == 2_500
    )  # a chat is joined
    assert quick.time.monotonic() - began < 60


async def test_an_idle_queue_is_asked_less_and_less_and_news_more(quick: Polled) -> None:
    connection = await quick.connect()
    await quick.run(connection, 900)
    hour = [method for method, _ in quick.calls if "Event.get" in method]

    assert 900 / 34 < len(hour) < 900 / 20


async def test_of_two_pollers_one_works(polled: Polled) -> None:
    connection = await polled.connect()
    queues = Queues(polled.catalog)
    row = await queues.one(connection)
    assert await queues.take(connection, "another", row)

    began = polled.time.monotonic()
    silent = await polled.poller(connection, "one", alone=False).empty()

    assert not silent.busy  # the other one was silent for as long as that takes
    assert polled.time.monotonic() - began >= LEASE


async def test_a_poller_that_gives_signs_of_life_keeps_its_queue(polled: Polled) -> None:
    connection = await polled.connect()
    queues = Queues(polled.catalog)
    assert await queues.take(connection, "another", await queues.one(connection))
    poller = polled.poller(connection, "one", alone=False)
    sleep = polled.time.sleep

    async def living(seconds: float) -> None:
        await queues.keep(connection, "another", {})
        await sleep(seconds)

    polled.time.sleep = living  # type: ignore[method-assign]

    assert (await poller.empty()).busy
    assert polled.calls == []


async def test_who_could_not_give_the_lease_back_has_it_still(polled: Polled) -> None:
    connection = await polled.connect()
    queues = Queues(polled.catalog)
    ours, other = (Lease(queues, connection, name, polled.time) for name in ("one", "another"))

    assert await ours.take()
    assert not await other.take()
    assert await ours.take()


async def test_who_lost_the_lease_asks_no_more(quick: Polled) -> None:
    connection = await quick.connect()
    queues = Queues(quick.catalog)
    sleep, asked = quick.time.sleep, list[int]()

    async def robbed(seconds: float) -> None:
        row = await queues.one(connection)
        if row.holder == "one":
            asked.append(len(quick.calls))
            await queues.take(connection, "another", row)
        await sleep(seconds)

    quick.time.sleep = robbed  # type: ignore[method-assign]
    poller = quick.poller(connection)

    with pytest.raises(LeaseLost, match="another poller has the queue of user:58"):
        await poller.empty()

    assert asked
    assert quick.offsets == [None]  # the call that was under way


async def test_the_first_answer_tells_since_when_it_is_watched(polled: Polled) -> None:
    connection = await polled.connect()
    began = spelled(int(polled.portal.clock.now + 1) * 1_000_000)  # nobody knows of its own second

    await polled.empty(connection)

    (watch,) = await polled.watches()
    assert watch == {
        "method": "im.v2.Event.get",
        "since": began,
        "until": began,
        "sees": "everything",
        "hole": {"from": None, "cause": "before_subscription"},
    }
    assert "im.v2.Event.subscribe" in polled.portal.calls


async def test_watching_is_told_every_ten_minutes_and_at_the_end(quick: Polled) -> None:
    connection = await quick.connect()

    await quick.run(connection, 3 * HOUR, hurry=20)

    watches = await quick.watches()
    assert 18 <= len(watches) <= 24
    assert len({watch["since"] for watch in watches}) == 1
    assert sorted(watch["until"] for watch in watches) == [watch["until"] for watch in watches]


async def test_a_short_outage_is_no_hole(quick: Polled) -> None:
    connection = await quick.connect()
    await quick.run(connection, HOUR, hurry=20)
    post(quick, chat_of(quick), 5, every=60)
    quick.portal.clock.advance(20 * HOUR)

    await quick.run(connection, HOUR, hurry=20)

    assert len({watch["since"] for watch in await quick.watches()}) == 1
    assert await quick.fetched() == sorted(quick.portal.queues.fates[USER].written)


async def test_who_was_away_for_longer_than_the_portal_remembers_tells_of_a_hole(
    polled: Polled,
) -> None:
    connection = await polled.connect()
    await polled.run(connection, HOUR, hurry=20)
    until = (await polled.watches())[-1]["until"]
    polled.portal.clock.advance(3 * DAY)

    await polled.empty(connection)

    watch = (await polled.watches())[-1]
    assert watch["hole"] == {"from": until, "cause": "poller_down"}
    assert watch["since"] > until


async def test_a_portal_that_was_not_reached_for_as_long_is_another_cause(quick: Polled) -> None:
    connection = await quick.connect()
    await quick.run(connection, HOUR, hurry=20)
    quick.portal.switches.network = "cut_before"
    await quick.run(connection, HOUR, hurry=20)
    quick.portal.clock.advance(2 * DAY)
    await quick.run(connection, HOUR, hurry=20)
    state = (await quick.row(connection)).state
    quick.portal.switches.network = "up"

    await quick.run(connection, HOUR, hurry=20)

    assert state == "unreachable"
    assert (await quick.row(connection)).state == "ok"
    assert (await quick.watches())[-1]["hole"]["cause"] == "poll_outage_over_retention"


async def test_an_answer_that_was_not_heard_loses_nothing(quick: Polled) -> None:
    connection = await quick.connect()
    await quick.run(connection, 60)
    chat = chat_of(quick)
    for network in ("cut_after", "up", "cut_after", "up", "up"):
        post(quick, chat, 5, every=15)
        quick.portal.switches.network = network
        await quick.run(connection, 120)

    assert await quick.fetched() == sorted(quick.portal.queues.fates[USER].written)
    assert {watch["hole"]["cause"] for watch in await quick.watches()} == {"before_subscription"}


async def test_a_reader_who_steals_is_noticed_and_told_of(polled: Polled) -> None:
    connection = await polled.connect()
    await polled.run(connection, 60)
    chat = chat_of(polled)
    post(polled, chat, 3, every=20)
    await polled.run(connection, 120)
    post(polled, chat, 2, every=20)
    polled.portal.steal(USER)
    post(polled, chat, 1)

    await polled.run(connection, 60)

    assert (await polled.row(connection)).state == "foreign_reader_suspected"
    first, last = (await polled.watches())[0], (await polled.watches())[-1]
    assert last["hole"]["cause"] == "foreign_reader"
    assert first["since"] < last["hole"]["from"] < last["since"]
    ended = [each["until"] for each in await polled.watches() if each["since"] == first["since"]]
    assert ended[-1] == last["hole"]["from"]  # of the stretch before, all was told
    await polled.run(connection, 2 * HOUR, hurry=20)
    assert (await polled.row(connection)).state == "ok"


async def test_behind_a_theft_nothing_is_claimed_until_an_event_is_left(quick: Polled) -> None:
    connection = await quick.connect()
    chat = chat_of(quick)
    ends = quick.time.monotonic() + 300

    def rob(method: str, _params: object) -> None:
        if method.endswith("Event.get"):
            post(quick, chat, 1)
            if (
                ends - 240 < quick.time.monotonic() < ends
            ):  # nothing is left to notice another theft by
                quick.portal.steal(USER)

    quick.portal.on_call = rob
    await quick.run(connection, 600)

    holes = [watch["hole"] for watch in await quick.watches()]
    assert "foreign_reader" in {hole["cause"] for hole in holes}
    last = (await quick.watches())[-1]
    assert last["since"] > spelled(int(ends) * 1_000_000)
    assert last["until"] > last["since"]


async def test_what_was_left_and_grew_too_old_while_nobody_looked_shows_no_theft(
    quick: Polled,
) -> None:
    connection = await quick.connect()
    chat = chat_of(quick)
    await quick.empty(connection)
    post(quick, chat, 1)
    await quick.empty(connection)
    left = at(quick)
    quick.portal.clock.advance(20 * HOUR)
    await quick.empty(connection)
    looked = at(quick)
    quick.portal.steal(USER)
    quick.portal.clock.advance(6 * HOUR)
    post(quick, chat, 1)
    quick.portal.clock.advance(60)
    came = at(quick)

    await quick.empty(connection)

    last = (await quick.watches())[-1]
    assert left < last["hole"]["from"] < looked < last["since"] < came
    assert last["hole"]["cause"] == "poller_down"


async def test_who_unsubscribes_a_user_wipes_the_queue_which_is_noticed(quick: Polled) -> None:
    connection = await quick.connect()
    await quick.run(connection, 60)
    chat = chat_of(quick)
    post(quick, chat, 3, every=20)
    await quick.run(connection, 120)
    quick.portal.queues.unsubscribe(58)
    post(quick, chat, 1)

    await quick.run(connection, 120)
    post(quick, chat, 1)
    await quick.run(connection, 120)

    assert (await quick.watches())[-1]["hole"]["cause"] == "foreign_reader"
    assert max(await quick.fetched()) == max(quick.portal.queues.fates[USER].written)


async def test_an_empty_queue_is_subscribed_to_again_after_an_hour(quick: Polled) -> None:
    connection = await quick.connect()
    await quick.run(connection, 60)
    quick.portal.queues.unsubscribe(58)

    await quick.run(connection, 2 * HOUR, hurry=20)

    assert 58 in quick.portal.queues.subscribed


async def test_a_bot_and_its_user_are_read_together_and_told_apart(quick: Polled) -> None:
    bot = quick.portal.add_bot(Bot(931, "FAKE_BOT_TOKEN"))
    quick.bot_token = bot.token
    connection = await quick.connect("bot:931", user_receiver=USER)
    await quick.run(connection, 60)
    chat = chat_of(quick, 931)
    post(quick, chat, 5, every=20)

    await quick.run(connection, 600)

    fates = quick.portal.queues.fates
    written = {(number, name) for name in (USER, "bot:931") for number in fates[name].written}
    found = {(event.sequence, event.receiver) for event in await quick.events() if event.sequence}
    assert found == written
    assert [watch["sees"] for watch in await quick.watches("bot:931")][-1] == "everything"
    assert {watch["sees"] for watch in await quick.watches(USER)} == {"everything"}
    assert quick.portal.queues.waiting("bot:931") + quick.portal.queues.waiting(USER) == 1


async def test_a_bot_that_hears_what_mentions_it_says_so(quick: Polled) -> None:
    bot = quick.portal.add_bot(Bot(931, "FAKE_BOT_TOKEN", "bot"))
    quick.bot_token = bot.token
    connection = await quick.connect("bot:931")
    await quick.run(connection, 60)
    chat_of(quick, 931)

    await quick.run(connection, 600)

    assert {watch["sees"] for watch in await quick.watches("bot:931")} == {"mentions"}
    assert "im.v2.Event.subscribe" not in quick.portal.calls


@pytest.mark.parametrize(
    ("refused", "state"),
    [
        (AuthFailed("im.v2.Event.get: INVALID_CREDENTIALS"), "auth_failed"),
        (RateLimited("im.v2.Event.get: QUERY_LIMIT_EXCEEDED", retry_after=7), "rate_limited"),
        (
            RateLimited("im.v2.Event.get: OPERATION_TIME_LIMIT", retry_after=400, budget=True),
            "rate_limited",
        ),
    ],
)
async def test_a_refusal_is_a_state_until_it_is_over(
    quick: Polled, refused: Exception, state: str
) -> None:
    connection = await quick.connect()
    await quick.run(connection, 60)
    quick.refused = refused

    await quick.run(connection, 900, hurry=10)

    row = await quick.row(connection)
    assert (row.state, row.error) == (state, str(refused))
    quick.refused = None
    await quick.run(connection, 900, hurry=10)
    assert (await quick.row(connection)).state == "ok"
    assert (await quick.row(connection)).error is None


async def test_a_refused_portal_is_asked_less_and_less(quick: Polled) -> None:
    connection = await quick.connect()
    quick.refused = AuthFailed("im.v2.Event.subscribe: INVALID_CREDENTIALS")

    await quick.run(connection, 1_500)

    assert 8 < len(quick.calls) < 20


async def test_a_bot_that_is_gone_is_not_found(quick: Polled) -> None:
    connection = await quick.connect("bot:931")
    quick.bot_token = "x"  # noqa: S105 - of nobody

    emptied = await quick.empty(connection)

    assert emptied.error == "imbot.v2.Event.get: BOT_NOT_FOUND"
    assert (await quick.row(connection)).state == "bot_not_found"
    assert await quick.watches("bot:931") == []


async def test_what_nobody_can_read_is_kept_and_acknowledged_as_the_others(quick: Polled) -> None:
    connection = await quick.connect()
    old = "2026-09-14T10:00:00+03:00"
    good: Any = {"eventId": 9, "type": "ONSOMETHINGNEW", "date": old, "data": {}}
    items = [
        {"eventId": 5, "date": old},
        "nothing",
        {"eventId": 6, "type": "ONX", "date": old, "data": {"a": float("inf")}},
        {"eventId": 7, "type": "ONX", "date": old, "data": {"a": "\ud800"}},
    ]
    moment = quick.time.now()
    quick.tampered = [
        Answer({"events": [*items, good]}, moment),
        Answer({"events": [good]}, moment),
    ]

    await quick.run(connection, 15)

    assert await quick.fetched() == [9]
    assert quick.offsets[1] == 9
    kept = await Quarantine(quick.catalog).count(quick.of.id, received_by=MAX_INSTANT)
    assert kept == 4


async def test_a_page_of_another_portal_is_not_appended(quick: Polled) -> None:
    connection = await quick.connect()
    data = {"bot": {"id": 5, "auth": {"member_id": "another"}}}
    item = {"eventId": 9, "type": "ONIMBOTV2MESSAGEADD", "date": at(quick), "data": data}
    quick.tampered = [Answer({"events": [item]}, quick.time.now())]

    emptied = await quick.empty(connection)

    assert emptied.error == "im.v2.Event.get: these are another portal's events"
    assert await quick.fetched() == []


async def test_a_cursor_beyond_the_log_is_not_believed(polled: Polled) -> None:
    connection = await polled.connect()
    await polled.run(connection, 60)
    post(polled, chat_of(polled), 5, every=20)
    await polled.run(connection, 120)
    newest = max(await polled.fetched())
    lost = {"newest": newest + 100, "acknowledged": newest + 100}
    queues = Queues(polled.catalog)
    await queues.take(connection, "test", await queues.one(connection))
    await queues.keep(connection, "test", {**lost, "holder": None})
    polled.calls.clear()

    await polled.run(connection, 60)

    assert polled.offsets[0] == newest
    assert (await polled.watches())[-1]["hole"]["cause"] == "poller_down"
    assert (await polled.row(connection)).state == "ok"


async def test_a_cursor_behind_the_log_cannot_tell_who_acknowledged(polled: Polled) -> None:
    """An older catalog was restored. Of a theft right behind a kill the same is left: a hole."""
    connection = await polled.connect()
    await polled.run(connection, 60)
    chat = chat_of(polled)
    post(polled, chat, 2, every=40)
    await polled.run(connection, 120)
    before = await polled.row(connection)
    post(polled, chat, 5, every=40)
    await polled.run(connection, 120)
    queues = Queues(polled.catalog)
    await queues.take(connection, "test", await queues.one(connection))
    older = {
        key: value
        for key, value in vars(before).items()
        if key not in ("portal_id", "number", "beat")
    }
    await queues.keep(connection, "test", {**older, "holder": None})

    await polled.run(connection, 60)

    assert (await polled.row(connection)).state == "foreign_reader_suspected"
    assert (await polled.watches())[-1]["hole"]["cause"] == "foreign_reader"


async def test_a_removed_connection_is_polled_no_more(quick: Polled) -> None:
    connection = await quick.connect()
    await quick.run(connection, 30)
    await Connections(quick.catalog).remove(connection)
    asked = len(quick.calls)
    await quick.run(connection, 600)

    assert len(quick.calls) == asked
