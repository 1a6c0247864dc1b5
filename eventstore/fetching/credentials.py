"""What proves to a portal who asks: read from what people are given, and spelled to be sealed."""

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

from eventstore.errors import InvalidRegistration
from eventstore.event import Instant

_DOMAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
_HOOK: Final = re.compile(r"/rest/([0-9]{1,18})/([A-Za-z0-9_-]{1,255})/?")
_SECRET: Final = re.compile(r"[\x21-\x7e]{1,4096}")


@dataclass(frozen=True)
class Webhook:
    """An inbound webhook: the user that it acts as, and its code."""

    domain: str
    user_id: int
    code: str = field(repr=False)

    @classmethod
    def read(cls, url: str) -> "Webhook":
        """Read `https://HOST/rest/27/CODE/`. Raises InvalidRegistration, without the code."""
        try:
            parts = urlsplit(url.strip())
            # Nothing of it may hold a password, or be dropped on the way.
            plain = not (parts.query or parts.fragment or "@" in parts.netloc)
        except ValueError:
            raise _no_webhook() from None
        if parts.scheme.lower() != "https":
            raise InvalidRegistration("webhook URL: it must begin with https://")
        match = _HOOK.fullmatch(parts.path)
        if match is None or not plain:
            raise _no_webhook()
        return cls(read_domain(parts.netloc), int(match[1]), match[2])


@dataclass(frozen=True)
class OAuth:
    """An OAuth application, and the tokens that it got from one user.

    `expires_at` is when the access token ends to be good. A refresh token is good once.
    """

    domain: str
    app_id: str
    app_secret: str = field(repr=False)
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: Instant
    user_id: int | None = None

    @classmethod
    def read(cls, app_id: str, app_secret: str, answer: str, domain: str | None = None) -> "OAuth":
        """Read the OAuth server's answer, as JSON, that gave the tokens to the application.

        Raises InvalidRegistration, which names the field that is wrong.
        """
        try:
            tree = json.loads(answer)
        except ValueError:
            tree = None
        if not isinstance(tree, dict):
            raise InvalidRegistration("token file: it holds no JSON object")
        found = domain or urlsplit(str(tree.get("client_endpoint") or "")).netloc
        if not found:
            raise InvalidRegistration("token file: no client_endpoint; give --domain")
        user_id = str(tree.get("user_id") or "")
        return cls(
            domain=read_domain(found),
            app_id=read_secret(app_id, "application id"),
            app_secret=read_secret(app_secret, "application secret"),
            **_tokens(tree),
            user_id=int(user_id) if user_id.isdecimal() else None,
        )

    def renewed(self, answer: dict[str, Any]) -> "OAuth":
        """Return the same with other tokens. Raises InvalidRegistration when there are none."""
        return replace(self, **_tokens(answer))


@dataclass(frozen=True)
class Credentials:
    """How a connection proves itself: a bot asked for by a webhook has a token beside."""

    auth: Webhook | OAuth
    bot_token: str | None = field(repr=False, default=None)

    @property
    def method(self) -> str:
        """What people call it."""
        return "webhook" if isinstance(self.auth, Webhook) else "oauth"

    def spelled(self) -> bytes:
        """Spell everything, to be sealed."""
        return json.dumps(
            {"method": self.method, "auth": vars(self.auth), "bot_token": self.bot_token}
        ).encode()

    @classmethod
    def of(cls, spelled: bytes) -> "Credentials":
        """Read what `spelled` made."""
        tree = json.loads(spelled)
        kind = Webhook if tree["method"] == "webhook" else OAuth
        return cls(kind(**tree["auth"]), tree["bot_token"])


def read_secret(text: str, what: str) -> str:
    """Return a secret without the space around it. Raises InvalidRegistration, which names it."""
    text = text.strip()
    if not _SECRET.fullmatch(text):
        raise InvalidRegistration(f"{what}: printable characters without spaces")
    return text


def read_domain(text: str) -> str:
    """Return a host, with its port if it has one. Raises InvalidRegistration."""
    if not _DOMAIN.fullmatch(text) or len(text) > 253:  # noqa: PLR2004 - what DNS allows
        raise InvalidRegistration("domain: use acme.bitrix24.com, or acme.example:8443")
    return text.lower()


def _tokens(tree: dict[str, Any]) -> dict[str, Any]:
    expires = tree.get("expires")
    if isinstance(expires, bool) or not str(expires or "").isdecimal():
        raise InvalidRegistration("token file: `expires` is no time in seconds")
    return {
        "access_token": read_secret(str(tree.get("access_token") or ""), "access_token"),
        "refresh_token": read_secret(str(tree.get("refresh_token") or ""), "refresh_token"),
        "expires_at": int(str(expires)) * 1_000_000,
    }


def _no_webhook() -> InvalidRegistration:
    return InvalidRegistration(
        "webhook URL: use https://HOST/rest/27/CODE/, as the portal shows it"
    )
