"""The vendor's SDK calls the simulated portal over HTTPS, and understands its refusals."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from b24pysdk import BitrixApp, BitrixToken, BitrixWebhook
from b24pysdk.api.requesters import bitrix_oauth_requester
from b24pysdk.errors import (
    BitrixAPIExpiredToken,
    BitrixAPIOperationTimeLimit,
    BitrixAPIQueryLimitExceeded,
    BitrixResponseJSONDecodeError,
)
from b24pysdk.errors.oauth import BitrixOAuthInvalidGrant

from tests.portal.portal import Portal, Webhook
from tests.portal.server import Address, serving


class Served(NamedTuple):
    """A portal, where it listens, and an inbound webhook of user 58."""

    portal: Portal
    address: Address
    webhook: Webhook

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call as the SDK does, on a thread."""
        token = BitrixWebhook(
            domain=self.address.domain, webhook_token=f"{self.webhook.user}/{self.webhook.code}"
        )
        return await _calling(token, method, params)


@pytest.fixture
async def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    portal = Portal()
    async with serving(portal, tmp_path) as address:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(address.ca_bundle))
        requester: Any = bitrix_oauth_requester.BitrixOAuthRequester
        monkeypatch.setattr(requester, "_OAUTH_TOKEN_URL", f"{address.url}/oauth/token/")
        yield Served(portal, address, portal.add_webhook(58))


async def _calling(token: Any, method: str, params: dict[str, Any]) -> dict[str, Any]:
    call: Callable[..., dict[str, Any]] = token.call_method
    return await asyncio.to_thread(call, method, params, max_retries=1)


async def test_a_webhook_reads_its_queue(served: Served) -> None:
    chat = served.portal.world.open_chat("Kitchen", [41, 58])
    await served.call("im.v2.Event.subscribe")
    served.portal.world.post(chat.id, 41, "a word")

    answer = await served.call("im.v2.Event.get", limit=10)

    assert answer["result"]["events"][0]["data"]["message"]["text"] == "a word"
    assert answer["time"]["date_start"] == "2026-09-14T10:15:00+03:00"


async def test_an_application_refreshes_its_token_by_itself(served: Served) -> None:
    application = served.portal.oauth.install()
    granted = served.portal.oauth.grant(application, 58)
    token = BitrixToken(
        domain=served.address.domain,
        auth_token=granted["access_token"],
        refresh_token=granted["refresh_token"],
        bitrix_app=BitrixApp(**application._asdict()),
    )
    await _calling(token, "im.v2.Event.subscribe", {})
    served.portal.clock.advance(3_600)

    answer = await _calling(token, "im.v2.Event.get", {})

    assert answer["result"]["events"] == []
    assert served.portal.oauth.refreshed == 1
    assert token.refresh_token != granted["refresh_token"]


async def test_a_refresh_token_works_once(served: Served) -> None:
    application = served.portal.oauth.install()
    granted = served.portal.oauth.grant(application, 58)
    app = BitrixApp(**application._asdict())

    await asyncio.to_thread(app.refresh_oauth_token, granted["refresh_token"])
    with pytest.raises(BitrixOAuthInvalidGrant):
        await asyncio.to_thread(app.refresh_oauth_token, granted["refresh_token"])


async def test_a_token_that_cannot_be_refreshed_has_expired(served: Served) -> None:
    application = served.portal.oauth.install()
    granted = served.portal.oauth.grant(application, 58)
    token = BitrixToken(
        domain=served.address.domain,
        auth_token=granted["access_token"],
        bitrix_app=BitrixApp(**application._asdict()),
    )
    token.refresh_token = None
    served.portal.clock.advance(3_600)

    with pytest.raises(BitrixAPIExpiredToken):
        await _calling(token, "im.v2.Event.get", {})


async def test_too_many_calls_are_refused(served: Served) -> None:
    served.portal.limits.per_second, served.portal.limits.burst = 2.0, 3
    for _ in range(3):
        await served.call("im.recent.list")

    with pytest.raises(BitrixAPIQueryLimitExceeded):
        await served.call("im.recent.list")

    served.portal.clock.advance(0.5)
    await served.call("im.recent.list")


async def test_a_method_has_a_budget_of_time(served: Served) -> None:
    served.portal.limits.cost = 200.0
    for spent in (200.0, 400.0, 600.0):
        answer = await served.call("im.recent.list")
        assert answer["time"]["operating"] == spent

    with pytest.raises(BitrixAPIOperationTimeLimit):
        await served.call("im.recent.list")

    served.portal.clock.advance(600)
    await served.call("im.recent.list")


async def test_a_network_that_is_lost_after_the_call_has_done_what_was_asked(
    served: Served,
) -> None:
    served.portal.switches.network = "cut_after"

    with pytest.raises(BitrixResponseJSONDecodeError):
        await served.call("im.v2.Event.subscribe")

    assert served.portal.queues.subscribed == {58}
