"""`chronicle portal`: which portals there are, and what lets their events in."""

import asyncio
import getpass
import sys
from typing import Annotated

import typer

from api.times import now, shown
from scripts.console import Json, application, example, run, say, show_json, show_table
from scripts.store import OpenStore, open_store

app = application("portal", about="Register portals, and what lets their events in.")
tokens = application("token", about="Application tokens: what proves that a webhook is genuine.")
app.add_typer(tokens)

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="The portal's name in URLs.")]
ApplicationToken = Annotated[
    str | None,
    typer.Argument(metavar="[TOKEN]", help="Asked for, or read from stdin, if left out."),
]


@app.command(
    epilog=example(
        "chronicle portal add acme --member-id 0a1b2c3d --application-token 51856fefc120"
    )
)
def add(
    slug: Slug,
    member_id: Annotated[
        str, typer.Option(help="The portal's name for ever: auth.member_id of its events.")
    ],
    application_token: Annotated[
        list[str] | None,
        typer.Option(help="Accept webhooks with this token only. Every application has its own."),
    ] = None,
    domain: Annotated[str | None, typer.Option(help="Where the portal is, for people.")] = None,
    *,
    json: Json = False,
) -> None:
    """Register a portal and print its ingest URL, which is not shown again."""

    async def added() -> None:
        async with open_store(create=True) as store:
            key = await store.catalog.add_portal(
                slug,
                member_id,
                now=now(),
                application_tokens=application_token or (),
                domain=domain,
            )
            _show_ingest_key(store, slug, key, json=json)

    asyncio.run(added())


@app.command("list", epilog=example("chronicle portal list --json"))
def list_(*, json: Json = False) -> None:
    """List the portals. Keys and tokens are not kept, so they cannot be shown."""

    async def listed() -> None:
        async with open_store() as store:
            portals = store.portals(None)
        rows = [
            {
                "portal": portal.slug,
                "member_id": portal.member_id,
                "domain": portal.domain,
                "ingest_keys": len(portal.ingest_keys),
                "application_tokens": len(portal.application_tokens),
                "created_at": shown(portal.created_at),
            }
            for portal in portals
        ]
        if json:
            show_json(rows)
        else:
            titles = ["portal", "member id", "domain", "ingest keys", "application tokens", "since"]
            show_table(titles, [list(row.values()) for row in rows])

    asyncio.run(listed())


@app.command(
    epilog=example("chronicle portal rotate acme", "chronicle portal rotate acme --revoke-old")
)
def rotate(
    slug: Slug,
    *,
    revoke_old: Annotated[
        bool, typer.Option("--revoke-old", help="Let nothing in by the old keys any more.")
    ] = False,
    json: Json = False,
) -> None:
    """Print a new ingest URL. The old one stays valid until it is revoked.

    Bitrix24 does not send again what an unknown key refused: move the handlers first.
    """

    async def rotated() -> None:
        async with open_store() as store:
            key = await store.catalog.rotate_ingest_key(slug, now=now(), revoke_old=revoke_old)
            _show_ingest_key(store, slug, key, json=json)

    asyncio.run(rotated())


@tokens.command("add", epilog=example("chronicle portal token add acme < token.txt"))
def add_token(slug: Slug, token: ApplicationToken = None) -> None:
    """Accept one more application token."""
    secret = _secret(token)

    async def added() -> None:
        async with open_store() as store:
            await store.catalog.add_application_token(slug, secret, now=now())

    asyncio.run(added())
    say(f"{slug}: webhooks with this application token are accepted")


@tokens.command("remove", epilog=example("chronicle portal token remove acme < token.txt"))
def remove_token(slug: Slug, token: ApplicationToken = None) -> None:
    """Accept an application token no longer. Without any, webhooks are not checked."""
    secret = _secret(token)

    async def removed() -> tuple[bool, bool]:
        async with open_store() as store:
            found = await store.catalog.remove_application_token(slug, secret)
            left = (await store.catalog.snapshot()).portal(slug).application_tokens
            return found, bool(left)

    found, left = asyncio.run(removed())
    say(f"{slug}: {'it is accepted no longer' if found else 'it was not accepted before either'}")
    if not left:
        say(f"{slug}: no application token is left, so webhooks are not checked by one")


def _secret(given: str | None) -> str:
    if given is None and sys.stdin.isatty():
        given = getpass.getpass("Application token: ")
    secret = (sys.stdin.readline() if given is None else given).strip()
    if not secret:
        raise typer.BadParameter("an application token cannot be empty", param_hint="TOKEN")
    return secret


def _show_ingest_key(store: OpenStore, slug: str, key: str, *, json: bool) -> None:
    path = f"/v1/hooks/{key}"
    if json:
        show_json({"slug": slug, "ingest_key": key, "ingest_path": path})
        return
    server = store.place.find_server()
    say(f"{slug}: handlers must send their events to this address, which is not shown again:")
    print(f"{server.url if server else 'https://YOUR-SERVER'}{path}")


if __name__ == "__main__":
    run(app)
