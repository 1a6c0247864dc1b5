"""Connecting a queue: credentials as options give them, and the first questions to a portal."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import typer

from eventstore.directory import Portal
from eventstore.errors import InvalidRegistration
from eventstore.fetching.clock import SystemClock
from eventstore.fetching.connections import Connection, Connections
from eventstore.fetching.credentials import Credentials, OAuth, Webhook, read_secret
from eventstore.fetching.means import Line
from eventstore.fetching.portal_client import PortalError
from eventstore.fetching.queue import Page, page_of
from eventstore.fetching.queues import Queues
from eventstore.fetching.reader import SUBSCRIBE, UNSUBSCRIBE, method_of, params_of
from scripts.console import Failure
from scripts.fetching import opener
from scripts.store import OpenStore

_LOOK: Final = 1_000
"""Events that are looked for in a queue before its subscription ends."""


def credentials_given(  # noqa: PLR0913, PLR0917 - all that a connection may be made of
    webhook_url: str | None,
    bot_token: str | None,
    app_id: str | None,
    app_secret_file: Path | None,
    token_file: Path | None,
    domain: str | None,
) -> Credentials:
    """Read credentials from the options of `chronicle connection add`."""
    if webhook_url is not None:
        if (app_id, app_secret_file, token_file, domain) != (None,) * 4:
            raise typer.BadParameter("a webhook or an OAuth application, not both")
        webhook = Webhook.read(_given(webhook_url))
        token = None if bot_token is None else read_secret(_given(bot_token), "bot token")
        return Credentials(webhook, token)
    if app_id is None or app_secret_file is None or token_file is None:
        raise typer.BadParameter(
            "give --webhook-url, or --app-id, --app-secret-file and --token-file"
        )
    if bot_token is not None:
        raise typer.BadParameter("an OAuth application asks for its bots without --bot-token")
    return Credentials(OAuth.read(app_id, _content(app_secret_file), _content(token_file), domain))


def _content(path: Path) -> str:
    return path.read_text(errors="replace")  # what is no text is refused as what it should be


def _given(text: str) -> str:
    """Return what was given, which is a line of stdin for -."""
    return sys.stdin.readline() if text == "-" else text


def own_receiver(credentials: Credentials) -> str:
    """Return the user that the credentials are of. Raises InvalidRegistration if nobody says."""
    if credentials.auth.user_id is None:
        raise InvalidRegistration("the token file has no user_id: give --receiver user:27")
    return f"user:{credentials.auth.user_id}"


def check(receiver: str, credentials: Credentials, *, with_user_events: bool) -> None:
    """Raise InvalidRegistration for what a portal would not answer as it is meant."""
    own = credentials.auth.user_id
    if receiver.startswith("bot:"):
        if isinstance(credentials.auth, Webhook) and credentials.bot_token is None:
            raise InvalidRegistration("a bot that is asked by a webhook needs --bot-token")
        return
    if credentials.bot_token is not None or with_user_events:
        raise InvalidRegistration("--bot-token and --with-user-events are for bots")
    if own is not None and receiver != f"user:{own}":
        raise InvalidRegistration(
            f"these credentials are of user:{own}: a queue is asked for by its own user"
        )


def check_domain(portal: Portal, credentials: Credentials) -> None:
    """Raise InvalidRegistration for another portal's credentials: a log cannot be undone."""
    if portal.domain is None:
        return
    said = portal.domain.removeprefix("https://").rstrip("/").lower()
    if said != credentials.auth.domain:
        raise InvalidRegistration(
            f"{portal.slug} is at {said}, and these credentials are for {credentials.auth.domain}:"
            " --other-domain if it is the same portal"
        )


async def asked(
    store: OpenStore, connection: Connection, ask: Callable[[Connection, Line], Awaitable[Page]]
) -> Page:
    """Ask a portal as a connection. Raises what `ask` raises."""
    line = await opener(store, Connections(store.catalog), SystemClock())(connection)
    try:
        return await ask(connection, line)
    finally:
        await line.close()


async def begin(connection: Connection, line: Line) -> Page:
    """Subscribe a user, and look into the queue."""
    if not connection.is_bot or connection.user_receiver is not None:
        await line.call(SUBSCRIBE, {})
    return await first(connection, line)


async def first(connection: Connection, line: Line, limit: int = 1) -> Page:
    """Look into the queue. Without an offset, nothing is acknowledged."""
    method = method_of(connection)
    answer = await line.call(method, {**params_of(connection), "limit": limit})
    return page_of(method, answer, limit)


async def tried(store: OpenStore, portal: Portal, connection: Connection) -> dict[str, Any]:
    """Try a connection; return what came of it."""
    try:
        await asked(store, connection, first)
        error = None
    except PortalError as failed:
        error = str(failed)
    return {"portal": portal.slug, "receiver": connection.receiver, "error": error}


async def end_subscription(store: OpenStore, connection: Connection) -> None:
    """End the subscription of a queue's user. Raises Failure while something waits in it."""
    if connection.is_bot and connection.user_receiver is None:
        raise Failure("a bot has no subscription: unregister it, or change its eventMode")
    newest = (await Queues(store.catalog).one(connection)).newest or 0

    async def end(connection: Connection, line: Line) -> Page:
        page = await first(connection, line, _LOOK)
        if waiting := sum(number > newest for number in page.ids):
            raise Failure(
                f"{waiting} events wait in the queue and would be lost: `chronicle poll --once`"
            )
        await line.call(UNSUBSCRIBE, {})
        return page

    try:
        await asked(store, connection, end)
    except PortalError as error:
        raise Failure(f"{error}: nothing was changed") from None
