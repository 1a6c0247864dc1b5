"""Asks the simulated portal as Chronicle's own client does, without a network between them.

What the portal answers goes through the same reading of answers, and what it refuses through the
vendor's SDK and the same reading of refusals.
"""

import json
from collections.abc import Mapping
from typing import Any

import requests
from b24pysdk.api.requesters._utils import parse_response  # what its requesters call

from eventstore.fetching.bitrix24 import answer_of
from eventstore.fetching.portal_client import Answer, Unreachable
from eventstore.fetching.refusals import refusal
from tests.portal.errors import NetworkCut, PortalError
from tests.portal.portal import Credentials, Portal


class DirectClient:
    """A `PortalClient` of a portal in this process; a bot's token is added as Chronicle adds it."""

    def __init__(
        self, portal: Portal, credentials: Credentials, bot_token: str | None = None
    ) -> None:
        self._portal = portal
        self._credentials = credentials
        self._bot_token = bot_token

    async def call(self, method: str, params: Mapping[str, Any]) -> Answer:
        """Call a method. Raises what Chronicle's client raises."""
        given = dict(params)
        if self._bot_token is not None and method.startswith("imbot."):
            given["botToken"] = self._bot_token
        return read(method, self._portal, self._credentials, given)

    async def close(self) -> None:
        """There is nothing to close."""


def read(
    method: str, portal: Portal, credentials: Credentials, params: Mapping[str, Any]
) -> Answer:
    """Call at once, and read the answer as Chronicle does."""
    now = int(portal.clock.now * 1_000_000)
    try:
        return answer_of(method, portal.answer(credentials, method, params), now)
    except NetworkCut:
        raise Unreachable(f"{method}: no connection") from None
    except PortalError as error:
        raise understood(method, error) from None


def understood(method: str, error: PortalError) -> Exception:
    """Say what a refusal means to Chronicle: the SDK reads it first."""
    response = requests.Response()
    response.status_code = error.status
    response._content = json.dumps(error.body).encode()  # noqa: SLF001 - it has no other door
    try:
        parse_response(response)
    except Exception as raised:  # noqa: BLE001 - all that the SDK raises has a meaning
        return refusal(method, raised)
    raise AssertionError(error.code)
