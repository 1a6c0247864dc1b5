"""Applications and their tokens: an access token lasts an hour, a refresh token works once."""

from dataclasses import dataclass
from itertools import count
from typing import Any, Final, NamedTuple

from tests.portal.clock import Clock
from tests.portal.errors import PortalError

LIFETIME: Final = 3_600
"""Seconds that an access token lasts."""

MEMBER_ID: Final = "fakememberid00000000000000000001"


class Application(NamedTuple):
    """Something that was installed in the portal."""

    client_id: str
    client_secret: str


@dataclass
class _Grant:
    application: Application
    user: int
    expires: float


class OAuth:
    """The authorization server. All that it gives out looks like what it is: fake."""

    def __init__(self, clock: Clock, *, domain: str = "127.0.0.1") -> None:
        self.domain = domain
        self.refreshed = 0
        """How often a refresh token was taken."""
        self._clock = clock
        self._numbers = count(1)
        self._applications: dict[str, Application] = {}
        self._access: dict[str, _Grant] = {}
        self._refresh: dict[str, _Grant] = {}

    def install(self, name: str = "chronicle") -> Application:
        """Install an application."""
        made = Application(f"app.fake.{name}", f"FAKE_CLIENT_SECRET_{name}")
        self._applications[made.client_id] = made
        return made

    def grant(self, application: Application, user: int) -> dict[str, Any]:
        """Give an application the first tokens of a user: the answer of the token endpoint."""
        number = next(self._numbers)
        expires = self._clock.now + LIFETIME
        grant = _Grant(application, user, expires)
        access, refresh = f"FAKE_ACCESS_TOKEN_{number}", f"FAKE_REFRESH_TOKEN_{number}"
        self._access[access], self._refresh[refresh] = grant, grant
        return {
            "access_token": access,
            "refresh_token": refresh,
            "expires": int(expires),
            "expires_in": LIFETIME,
            "domain": self.domain,
            "client_endpoint": f"https://{self.domain}/rest/",
            "server_endpoint": f"https://{self.domain}/rest/",
            "member_id": MEMBER_ID,
            "scope": "im,imbot",
            "status": "L",
            "user_id": user,
        }

    def refresh(self, said: dict[str, str]) -> dict[str, Any]:
        """Answer `GET /oauth/token/?grant_type=refresh_token&…`.

        Raises PortalError for another application's secret, and for a token that was used.
        """
        application = self._applications.get(said.get("client_id", ""))
        if said.get("grant_type") != "refresh_token":
            raise PortalError(400, "invalid_request", "Unsupported grant type")
        if application is None or said.get("client_secret") != application.client_secret:
            raise PortalError(400, "invalid_client", "Unable to find client")
        grant = self._refresh.pop(said.get("refresh_token", ""), None)
        if grant is None or grant.application != application:
            raise PortalError(400, "invalid_grant", "The provided grant is invalid or expired")
        self.refreshed += 1
        return self.grant(application, grant.user)

    def user_of(self, access_token: str) -> tuple[Application, int]:
        """Say whose a token is.

        Raises PortalError when it is none, or expired.
        """
        grant = self._access.get(access_token)
        if grant is None:
            raise PortalError(401, "invalid_token", "Unable to get application by token")
        if grant.expires <= self._clock.now:
            raise PortalError(401, "expired_token", "The access token provided has expired.")
        return grant.application, grant.user

    def revoke(self, user: int) -> None:
        """Take back all that a user has granted."""
        for tokens in (self._access, self._refresh):
            for token in [name for name, grant in tokens.items() if grant.user == user]:
                del tokens[token]
