"""`chronicle connection`: which queues are fetched, and as whom."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from api.times import now, shown
from eventstore.directory import Portal
from eventstore.fetching.connections import Connection, Connections
from eventstore.fetching.credentials import Credentials
from eventstore.fetching.items import seen_by
from eventstore.fetching.portal_client import PortalError
from eventstore.fetching.queue import Page
from eventstore.fetching.queues import Queues
from eventstore.fetching.sight import sight
from scripts.connecting import (
    asked,
    begin,
    check,
    check_domain,
    credentials_given,
    end_subscription,
    own_receiver,
    tried,
)
from scripts.console import (
    Failure,
    Json,
    MaybePortal,
    OnePortal,
    application,
    example,
    run,
    say,
    show_json,
    show_table,
)
from scripts.store import OpenStore, open_store

app = application("connection", about="Register the queues to fetch, and as whom.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its number, or its receiver.")]


@app.command(
    epilog=example(
        "chronicle connection add --portal acme --webhook-url - < webhook.txt",
        "chronicle connection add --portal acme --receiver bot:931 --app-id app.1"
        " --app-secret-file secret.txt --token-file token.json",
    )
)
def add(  # noqa: PLR0913, PLR0917 - all that a connection may be made of
    portal: OnePortal,
    receiver: Annotated[
        str | None,
        typer.Option(help="Whose queue: user:27 or bot:931. Left out, the webhook's own user."),
    ] = None,
    webhook_url: Annotated[
        str | None,
        typer.Option(help="An inbound webhook, https://HOST/rest/27/CODE/; - reads it from stdin."),
    ] = None,
    bot_token: Annotated[
        str | None,
        typer.Option(
            help="Of a bot that is asked by a webhook; - reads it from stdin, behind that."
        ),
    ] = None,
    app_id: Annotated[str | None, typer.Option(help="Of an OAuth application.")] = None,
    app_secret_file: Annotated[Path | None, typer.Option(help="A file with its secret.")] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="A file with the OAuth server's answer, JSON, that gave the tokens."),
    ] = None,
    domain: Annotated[
        str | None, typer.Option(help="Of the portal, where the token file does not say.")
    ] = None,
    *,
    with_user_events: Annotated[
        bool, typer.Option("--with-user-events", help="Of a bot: fetch its user's events, too.")
    ] = False,
    other_domain: Annotated[
        bool, typer.Option("--other-domain", help="The portal has another domain than it had.")
    ] = False,
    json: Json = False,
) -> None:
    """Register a queue: try the credentials, subscribe, and say what this queue sees.

    Credentials are encrypted in the catalog, and are never printed. A secret that is given on the
    command line can be read by others of this machine while it runs: use - or a file.
    """
    credentials = credentials_given(
        webhook_url, bot_token, app_id, app_secret_file, token_file, domain
    )
    receiver = receiver or own_receiver(credentials)
    check(receiver, credentials, with_user_events=with_user_events)

    async def added() -> None:
        async with open_store() as store:
            of = store.snapshot.portal(portal)
            if not other_domain:
                check_domain(of, credentials)
            connections = Connections(store.catalog)
            connection = await connections.add(
                of.id,
                receiver,
                credentials,
                now=now(),
                user_receiver=own_receiver(credentials) if with_user_events else None,
            )
            try:
                page = await asked(store, connection, begin)
            except BaseException as error:
                await connections.remove(connection)
                if isinstance(error, PortalError):
                    raise Failure(f"{error}: nothing was registered") from None
                raise
            _tell(of, connection, credentials, page, json=json)

    asyncio.run(added())


@app.command("list", epilog=example("chronicle connection list --json"))
def list_(portal: MaybePortal = None, *, json: Json = False) -> None:
    """List the connections, and how their queues are. Credentials are not shown."""

    async def listed() -> list[dict[str, Any]]:
        async with open_store() as store:
            return await connections_shown(store, portal)

    rows = asyncio.run(listed())
    if json:
        show_json(rows)
        return
    columns = ["portal", "number", "receiver", "domain", "state", "last_success_at"]
    titles = ["portal", "number", "receiver", "domain", "state", "last success"]
    show_table(titles, [[row[column] for column in columns] for row in rows])


@app.command("test", epilog=example("chronicle connection test --portal acme user:27"))
def try_out(
    portal: OnePortal,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Its number or its receiver; else all.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Ask a portal for a queue's first event, which changes nothing there."""

    async def tested() -> list[dict[str, Any]]:
        async with open_store() as store:
            connections = Connections(store.catalog)
            of = store.snapshot.portal(portal)
            found = (
                await connections.of(of.id)
                if name is None
                else [await connections.one(of.id, name)]
            )
            return [await tried(store, of, connection) for connection in found]

    rows = asyncio.run(tested())
    if json:
        show_json(rows)
    else:
        show_table(
            ["portal", "receiver", "answer"],
            [[row["portal"], row["receiver"], row["error"] or "ok"] for row in rows],
        )
    if failed := [row for row in rows if row["error"]]:
        raise Failure(f"{len(failed)} of {len(rows)} connections failed")


@app.command(epilog=example("chronicle connection remove --portal acme user:27"))
def remove(
    portal: OnePortal,
    name: Name,
    *,
    unsubscribe: Annotated[
        bool,
        typer.Option("--unsubscribe", help="End the user's subscription, for every application."),
    ] = False,
) -> None:
    """Forget a connection and its credentials. What was fetched stays.

    The portal goes on to keep the user's events for 24 hours: to end that takes --unsubscribe,
    which ends it for all applications that read this queue, and empties it.
    """

    async def removed() -> Connection:
        async with open_store() as store:
            connections = Connections(store.catalog)
            connection = await connections.one(store.snapshot.portal(portal).id, name)
            if unsubscribe:
                await end_subscription(store, connection)
            await connections.remove(connection)
            return connection

    connection = asyncio.run(removed())
    say(f"{portal}: {connection.receiver} is fetched no longer")
    if not unsubscribe and (not connection.is_bot or connection.user_receiver is not None):
        say(f"{portal}: the user is still subscribed, for us and others (--unsubscribe ends it)")


async def connections_shown(store: OpenStore, slug: str | None) -> list[dict[str, Any]]:
    """Return what is to be known of the connections of one portal, or of all: no secret."""
    queues = await Queues(store.catalog).all()
    rows: list[dict[str, Any]] = []
    for portal in store.portals(slug):
        for connection in await Connections(store.catalog).of(portal.id):
            queue = queues[portal.id, connection.number]
            rows.append(
                {
                    "portal": portal.slug,
                    "number": connection.number,
                    "receiver": connection.receiver,
                    "user_receiver": connection.user_receiver,
                    "domain": connection.domain,
                    "state": queue.state,
                    "state_since_at": shown(queue.state_since_at),
                    "error": queue.error,
                    "last_success_at": shown(queue.succeeded_at),
                    "fetched": queue.fetched,
                }
            )
    return rows


def _tell(
    portal: Portal, connection: Connection, credentials: Credentials, page: Page, *, json: bool
) -> None:
    known = seen_by(connection, page.items, None) if page.items else None
    lines = sight(connection, known if connection.is_bot else "everything")
    if json:
        show_json(
            {
                "portal": portal.slug,
                "number": connection.number,
                "receiver": connection.receiver,
                "user_receiver": connection.user_receiver,
                "domain": connection.domain,
                "method": credentials.method,
                "sees": lines,
            }
        )
        return
    number = connection.number
    say(f"{portal.slug}: {connection.receiver} at {connection.domain} is connection {number}")
    for line in lines:
        say(f"- {line}")
    say("`chronicle poll` fetches it; so does a server with CHRONICLE_POLL=true")


if __name__ == "__main__":
    run(app)
