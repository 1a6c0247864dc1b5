"""The vendor's SDK, told which certificates to trust, where the OAuth server is, and to be silent.

What it does stays its own: retries, the exchange of an expired token, errors by their code.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import requests
from b24pysdk.api.requesters import BitrixAPIRequester, BitrixOAuthRequester
from b24pysdk.credentials import (
    AbstractBitrixToken,
    BitrixApp,
    BitrixToken,
    BitrixWebhook,
    OAuthToken,
)

from eventstore.fetching.credentials import OAuth, Webhook
from eventstore.fetching.network import OAUTH_SERVER, Network

# Its lines hold URLs, and those of a webhook hold its code.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)

_CONNECT: Final = 10.0
_READ: Final = 65.0
"""Seconds. A portal works on one request for 60 at most (reference, section 2.3)."""

Renew = Callable[[], OAuth]
"""Exchanges the refresh token, and returns when the new ones are kept."""


class _Requester(BitrixAPIRequester):
    """Calls by a session, so that the connection is there for the next call."""

    def __init__(self, url: str, params: dict[str, Any], line: "Line") -> None:
        super().__init__(url, params=params, timeout=(_CONNECT, _READ))
        self._line = line

    def _request(self) -> requests.Response:
        return self._line.session.post(
            self._url,
            json=self._params,
            headers=self._headers,
            timeout=self._timeout,
            allow_redirects=False,  # who asks elsewhere had better know
            verify=self._line.network.verify,
        )


class Line(NamedTuple):
    """A session, and how it reaches a portal. One call at a time."""

    session: requests.Session
    network: Network


class _Calls(AbstractBitrixToken):
    """What a webhook and an OAuth token have in common: the way that a call goes."""

    line: Line

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Call a method, after an exchange of the token if it has expired."""
        return self._execute_with_retries(
            lambda: _Requester(*self._request(method, params), self.line).call()
        )

    def _request(self, method: str, params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        rest = f"https://{self.domain}/rest"
        if self.is_webhook:
            return f"{rest}/{self.auth_token}/{method}.json", params
        return f"{rest}/{method}.json", {**params, "auth": self.auth_token}


class WebhookToken(_Calls, BitrixWebhook):
    """An inbound webhook."""

    def __init__(self, webhook: Webhook, line: Line) -> None:
        super().__init__(domain=webhook.domain, webhook_token=f"{webhook.user_id}/{webhook.code}")
        self.line = line


class ApplicationToken(_Calls, BitrixToken):
    """An OAuth application's token. A new one is kept before it is used."""

    def __init__(self, oauth: OAuth, line: Line, renew: Renew) -> None:
        super().__init__(
            domain=oauth.domain,
            auth_token=oauth.access_token,
            bitrix_app=BitrixApp(client_id=oauth.app_id, client_secret=oauth.app_secret),
        )
        self.line = line
        self._renew = renew
        self.oauth_token = _sdk_token(oauth)

    def refresh_and_set_oauth_token(self, **_options: Any) -> None:
        """Exchange the refresh token: whoever did it, the new ones are kept before this ends."""
        self.oauth_token = _sdk_token(self._renew())


class _OAuthRequester(BitrixOAuthRequester):
    def __init__(self, oauth: OAuth, network: Network) -> None:
        app = BitrixApp(client_id=oauth.app_id, client_secret=oauth.app_secret)
        super().__init__(app, timeout=(_CONNECT, _READ))
        self._network = network

    def _request(self, url: str, params: dict[str, Any]) -> requests.Response:
        here = url.replace(OAUTH_SERVER, self._network.oauth_server, 1)
        return requests.get(
            here,
            params=params,
            headers=self._headers,
            timeout=self._timeout,
            allow_redirects=False,
            verify=self._network.verify,
        )


def exchange(oauth: OAuth, network: Network) -> dict[str, Any]:
    """Exchange the refresh token, which is good once. Raises the SDK's errors."""
    requester = _OAuthRequester(oauth, network)
    answer: dict[str, Any] = requester.refresh_oauth_token(oauth.refresh_token)
    return answer


def _sdk_token(oauth: OAuth) -> OAuthToken:
    return OAuthToken(
        access_token=oauth.access_token,
        refresh_token=oauth.refresh_token,
        expires=datetime.fromtimestamp(oauth.expires_at // 1_000_000, UTC),
    )
