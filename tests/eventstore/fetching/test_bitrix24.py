"""The vendor's SDK against a portal: answers, refusals, an exchange of tokens, and no secret."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from eventstore.catalog import Catalog
from eventstore.errors import EventstoreError
from eventstore.fetching.bitrix24 import Bitrix24
from eventstore.fetching.clock import SystemClock
from eventstore.fetching.connections import Connection, Connections
from eventstore.fetching.credentials import Credentials, OAuth, Webhook
from eventstore.fetching.network import Network
from eventstore.fetching.portal_client import (
    AuthFailed,
    BotNotFound,
    Refused,
    Unreachable,
)
from eventstore.folder import Folder
from tests.portal.clock import Clock
from tests.portal.portal import Portal
from tests.portal.server import Address, serving


@dataclass
class Asked:
    """A portal that listens, and who asks it."""

    portal: Portal
    address: Address
    connections: Connections
    network: Network

    async def connect(self, credentials: Credentials, receiver: str = "user:58") -> Connection:
        return await self.connections.add(1, receiver, credentials, now=5)

    async def open(self, connection: Connection, **network: Any) -> Bitrix24:
        reached = self.network._replace(**network)
        return await Bitrix24.open(connection, self.connections, reached, SystemClock())

    async def webhook(self) -> Bitrix24:
        hook = Webhook.read(self.address.webhook_url(self.portal.add_webhook(58)))
        return await self.open(await self.connect(Credentials(hook)))


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Asked]:
    """On SQLite alone: what the catalog keeps of tokens is tested on both engines."""
    portal = Portal(clock=Clock(running=True))
    catalog = await Catalog.open(Folder(tmp_path / "data"), create=True)
    await catalog.add_portal("acme", "m1", now=1)
    async with serving(portal, tmp_path / "tls") as address:
        network = Network(address.ca_bundle, address.url)
        yield Asked(portal, address, Connections(catalog), network)
    await catalog.close()


async def test_a_portal_answers_with_its_result_and_its_clock(asked: Asked) -> None:
    client = await asked.webhook()

    answer = await client.call("im.v2.Event.subscribe", {})
    page = await client.call("im.v2.Event.get", {"limit": 10})

    assert answer.result is True
    assert abs(answer.at - asked.portal.clock.now * 1_000_000) < 5_000_000
    assert page.result["events"] == []
    assert page.operating is not None
    await client.close()


@pytest.mark.parametrize(
    ("method", "params", "error", "said"),
    [
        ("no.such.method", {}, Refused, "no.such.method: ERROR_METHOD_NOT_FOUND"),
        ("imbot.v2.Event.get", {"botId": 5}, AuthFailed, "BOT_TOKEN_NOT_SPECIFIED"),
        ("imbot.v2.Event.get", {"botId": 5, "botToken": "t"}, BotNotFound, "BOT_NOT_FOUND"),
    ],
)
async def test_a_refusal_is_told_by_its_code(
    asked: Asked, method: str, params: dict[str, Any], error: type[EventstoreError], said: str
) -> None:
    client = await asked.webhook()

    with pytest.raises(error, match=said) as refused:
        await client.call(method, params)

    assert refused.value.__cause__ is refused.value.__context__ is None
    await client.close()


async def test_a_revoked_webhook_has_failed(asked: Asked) -> None:
    client = await asked.webhook()
    asked.portal._webhooks.clear()  # noqa: SLF001

    with pytest.raises(AuthFailed, match=r"im.v2.Event.get: INVALID_CREDENTIALS"):
        await client.call("im.v2.Event.get", {})

    await client.close()


async def test_an_expired_token_is_exchanged_and_the_new_one_is_kept(asked: Asked) -> None:
    application = asked.portal.oauth.install()
    grant = asked.portal.oauth.grant(application, 58) | {"expires": 1}
    oauth = OAuth.read(application.client_id, application.client_secret, json.dumps(grant))
    connection = await asked.connect(Credentials(oauth))
    client = await asked.open(connection)

    await client.call("im.v2.Event.subscribe", {})

    kept = (await asked.connections.credentials(connection)).auth
    assert isinstance(kept, OAuth)
    assert kept.refresh_token != oauth.refresh_token
    assert asked.portal.oauth.refreshed == 1
    await client.close()


async def test_of_two_processes_with_an_expired_token_one_exchanges_it(asked: Asked) -> None:
    application = asked.portal.oauth.install()
    grant = asked.portal.oauth.grant(application, 58) | {"expires": 1}
    oauth = OAuth.read(application.client_id, application.client_secret, json.dumps(grant))
    connection = await asked.connect(Credentials(oauth))
    clients = [await asked.open(connection) for _ in range(2)]

    await asyncio.gather(*(client.call("im.v2.Event.get", {}) for client in clients))

    assert asked.portal.oauth.refreshed == 1
    for client in clients:
        await client.close()


async def test_a_refresh_token_that_was_used_has_failed(asked: Asked) -> None:
    application = asked.portal.oauth.install()
    grant = asked.portal.oauth.grant(application, 58) | {"expires": 1}
    oauth = OAuth.read(application.client_id, application.client_secret, json.dumps(grant))
    connection = await asked.connect(Credentials(oauth))
    asked.portal.oauth.revoke(58)
    client = await asked.open(connection)

    for _ in range(2):  # the right to exchange it is given back
        with pytest.raises(AuthFailed, match=r"oauth.token: INVALID_GRANT"):
            await client.call("im.v2.Event.get", {})

    await client.close()


async def test_a_certificate_of_somebody_else_is_not_trusted(asked: Asked) -> None:
    hook = Webhook.read(asked.address.webhook_url(asked.portal.add_webhook(58)))
    client = await asked.open(await asked.connect(Credentials(hook)), ca_bundle=None)

    with pytest.raises(Unreachable, match="not trusted: CHRONICLE_CA_BUNDLE"):
        await client.call("im.v2.Event.get", {})

    assert asked.portal.calls == []
    await client.close()


async def test_no_portal_is_there(asked: Asked) -> None:
    hook = Webhook("127.0.0.1:1", 58, "FAKECODE")
    client = await asked.open(await asked.connect(Credentials(hook)))

    with pytest.raises(Unreachable, match="no connection") as failed:
        await client.call("im.v2.Event.get", {})

    assert "FAKECODE" not in str(failed.value)
    await client.close()


async def test_a_portal_that_breaks_off_has_not_answered(asked: Asked) -> None:
    client = await asked.webhook()
    asked.portal.switches.network = "cut_after"

    with pytest.raises(Unreachable, match="status 502"):
        await client.call("im.v2.Event.get", {})

    await client.close()


async def test_no_log_line_holds_a_secret(asked: Asked, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = await asked.webhook()

    await client.call("im.v2.Event.subscribe", {})
    with pytest.raises(BotNotFound):
        await client.call("imbot.v2.Event.get", {"botId": 5, "botToken": "FAKE_BOT"})

    ours = [record for record in caplog.records if not record.name.startswith("uvicorn")]
    said = " ".join(str(vars(record)) for record in ours)
    assert said
    assert "fakecode" not in said
    assert "FAKE_BOT" not in said
    await client.close()
