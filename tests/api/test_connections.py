"""The queues of a portal over HTTP and in Prometheus' words: how they are, and no secret."""

from eventstore.fetching.connections import Connections
from eventstore.fetching.credentials import Credentials, Webhook
from eventstore.fetching.queue import RETENTION
from eventstore.fetching.queues import Queues
from tests.conftest import Reader
from tests.promises.server import NOW

HOOK = Credentials(Webhook("acme.bitrix24.example", 58, "FAKE_CODE"), "FAKE_BOT_TOKEN")


async def connect(reader: Reader, receiver: str, **changed: object) -> None:
    state = reader.served.state
    queues = Queues(state.catalog)
    made = await Connections(state.catalog).add(reader.served.portal.id, receiver, HOOK, now=NOW)
    await queues.take(made, "test", await queues.one(made))
    await queues.keep(made, "test", changed)


async def test_the_connections_of_a_portal_are_told_without_secrets(own_reader: Reader) -> None:
    await connect(own_reader, "user:58", state="ok", succeeded_at=NOW, since=NOW, until=NOW)
    await connect(own_reader, "bot:931", state="bot_not_found", error="imbot.v2.Event.get: X")

    answer = await own_reader.get(f"/portals/{own_reader.served.slug}/connections")

    told = [(each["number"], each["receiver"], each["state"]) for each in answer.json()["data"]]
    assert told == [(1, "user:58", "ok"), (2, "bot:931", "bot_not_found")]
    assert "FAKE" not in answer.text
    pages = await own_reader.walk("/connections", limit=1)
    assert [each["receiver"] for page in pages for each in page] == ["user:58", "bot:931"]


async def test_who_may_read_nothing_of_a_portal_learns_of_no_connection(
    own_reader: Reader,
) -> None:
    path = f"/portals/{own_reader.served.slug}/connections"

    assert (await own_reader.get(path, token="writer")).status_code == 403  # noqa: S106 - a name
    assert (await own_reader.get(path, token="other")).status_code == 404  # noqa: S106 - a name
    for token in ("messages", "events"):
        assert (await own_reader.get(path, token=token)).json()["data"] == []


async def test_how_a_queue_was_is_not_told(own_reader: Reader) -> None:
    path = f"/portals/{own_reader.served.slug}/connections"

    refused = await own_reader.get(path, as_of="2026-09-14T08:00:00Z")

    assert (refused.status_code, refused.json()["parameter"]) == (400, "as_of")


async def test_metrics_tell_of_queues_long_before_something_is_lost(own_reader: Reader) -> None:
    now = 2 * NOW  # far from anything lost, whenever this runs
    await connect(
        own_reader, "user:58", state="ok", succeeded_at=NOW, until=now, fetched=7, since=NOW
    )

    page = (await own_reader.served.client.get("/metrics")).text

    of = 'portal="acme",receiver="user:58"'
    assert f'chronicle_queue_state{{{of},state="ok"}} 1.0' in page
    assert f"chronicle_queue_fetched{{{of}}} 7.0" in page
    left = next(
        line for line in page.splitlines() if line.startswith("chronicle_queue_retention_seconds{")
    )
    assert float(left.rpartition(" ")[2]) > RETENTION / 1_000_000
