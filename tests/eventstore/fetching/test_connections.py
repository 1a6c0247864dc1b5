"""The connections of the catalog: one reader a queue, credentials sealed and opened one by one."""

import json

import pytest

from eventstore.catalog import Catalog
from eventstore.errors import ConnectionExists, InvalidRegistration, UnknownConnection
from eventstore.fetching.connections import Connections
from eventstore.fetching.credentials import Credentials, OAuth, Webhook
from eventstore.store import Store
from tests.engines import stored_bytes

HOOK = Credentials(Webhook("acme.bitrix24.example", 27, "FAKE_CODE"))
ANSWER = json.dumps(
    {
        "access_token": "FAKE_ACCESS",
        "refresh_token": "FAKE_REFRESH",
        "expires": 1_789_400_000,
        "client_endpoint": "https://acme.bitrix24.example/rest/",
        "user_id": 27,
    }
)
OAUTH = OAuth.read("app.fake", "FAKE_APP_SECRET", ANSWER)


@pytest.fixture
async def connections(catalog: Catalog) -> Connections:
    await catalog.add_portal("acme", "m1", now=1)
    await catalog.add_portal("globex", "m2", now=1)
    return Connections(catalog)


async def test_a_connection_is_found_by_its_number_and_by_its_receiver(
    connections: Connections,
) -> None:
    made = await connections.add(1, "user:27", HOOK, now=5)
    bot = await connections.add(1, "bot:931", HOOK, now=6, user_receiver="user:58")

    assert await connections.of(1) == [made, bot]
    assert await connections.of(2) == []
    assert await connections.one(1, "1") == await connections.one(1, "user:27") == made
    assert await connections.one(1, "2") == bot
    assert (bot.is_bot, bot.receiver_id, bot.receivers) == (True, 931, ("bot:931", "user:58"))


async def test_credentials_are_sealed_and_opened_whole(
    connections: Connections, store: Store
) -> None:
    hook = await connections.add(1, "bot:931", Credentials(HOOK.auth, "FAKE_BOT_TOKEN"), now=5)
    application = await connections.add(1, "user:27", Credentials(OAUTH), now=5)

    assert await connections.credentials(hook) == Credentials(HOOK.auth, "FAKE_BOT_TOKEN")
    assert await connections.credentials(application) == Credentials(OAUTH)
    kept = await stored_bytes(store)
    for secret in (b"FAKE_CODE", b"FAKE_BOT_TOKEN", b"FAKE_REFRESH", b"FAKE_APP_SECRET"):
        assert secret not in kept


async def test_a_queue_has_one_reader(connections: Connections) -> None:
    await connections.add(1, "bot:931", HOOK, now=5, user_receiver="user:27")

    for receiver in ("bot:931", "user:27"):
        with pytest.raises(ConnectionExists, match=f"{receiver} is read already, by connection 1"):
            await connections.add(1, receiver, HOOK, now=6)
    await connections.add(2, "user:27", HOOK, now=6)  # another portal's


async def test_what_is_no_queue_is_refused(connections: Connections) -> None:
    for receiver in ("app", "user:", "chat:5", "user:27x"):
        with pytest.raises(InvalidRegistration, match="use user:27 or bot:931"):
            await connections.add(1, receiver, HOOK, now=5)


async def test_a_removed_connection_leaves_nothing(connections: Connections, store: Store) -> None:
    made = await connections.add(1, "user:27", HOOK, now=5)

    await connections.remove(made)

    assert await connections.of(1) == []
    with pytest.raises(UnknownConnection, match="`chronicle connection list`"):
        await connections.credentials(made)
    with pytest.raises(UnknownConnection):
        await connections.one(1, "user:27")
    await connections.add(1, "user:27", HOOK, now=6)


async def test_one_process_at_a_time_exchanges_a_refresh_token(connections: Connections) -> None:
    made = await connections.add(1, "user:27", Credentials(OAUTH), now=5)
    renewed = OAUTH.renewed(json.loads(ANSWER.replace("FAKE_REFRESH", "FAKE_SECOND")))

    assert await connections.begin_renewal(made, now=10, until=20)
    assert not await connections.begin_renewal(made, now=15, until=25)
    assert await connections.begin_renewal(made, now=21, until=31)  # the first one never ended
    await connections.end_renewal(made, renewed)

    assert (await connections.credentials(made)).auth == renewed
    assert await connections.begin_renewal(made, now=22, until=32)
