"""`chronicle token`: who may read, and what."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from api.parameters import number_of
from api.times import now, shown, to_instant
from eventstore.directory import SCOPES, Limits, Rate, Token
from eventstore.event import Instant
from eventstore.tokens import Tokens
from scripts.console import Json, application, example, run, say, show_json, show_table
from scripts.store import open_store

app = application("token", about="Bearer tokens: who may read, and what.")

_DURATION: Final = re.compile(r"(\d{1,6})([dhm])")
_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes"}


@app.command(
    epilog=example("chronicle token create --portal acme --scope messages:read --expires 90d")
)
def create(  # noqa: PLR0913, PLR0917 - all that a token is
    portal: Annotated[list[str], typer.Option(metavar="SLUG", help="Good for this portal.")],
    scope: Annotated[list[str], typer.Option(help=f"One of: {', '.join(SCOPES)}.")],
    expires: Annotated[
        str | None, typer.Option(help="90d, 12h, 30m, or a time like 2027-01-31T00:00:00Z.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Whose it is, for people.")] = None,
    chat: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this chat; repeat it for more.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only messages from then on, like 2026-09-14T00:00:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Only messages before then.")] = None,
    rate: Annotated[
        str | None, typer.Option(help="How often it may ask: 600/minute; or second, hour, day.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Make a token and print it. Only its digest is kept: it is not shown again."""
    expires_at = None if expires is None else expiry(expires, datetime.now(UTC))
    limits = Limits(
        chats=frozenset(map(_chat, chat)) if chat else None,
        since=None if since is None else _time(since, "--since"),
        until=None if until is None else _time(until, "--until"),
        rate=None if rate is None else Rate.read(rate),
    )
    if limits.since is not None and limits.until is not None and limits.since >= limits.until:
        raise typer.BadParameter("it must be later than --since", param_hint="--until")

    async def created() -> tuple[str, str]:
        async with open_store() as store:
            return await Tokens(store.catalog).create(
                portals=portal,
                scopes=scope,
                now=now(),
                expires_at=expires_at,
                label=label,
                limits=limits,
            )

    _show(*asyncio.run(created()), until=shown(expires_at) or "it is revoked", json=json)


def _show(token_id: str, secret: str, *, until: str, json: bool) -> None:
    if json:
        show_json({"id": token_id, "token": secret})
        return
    say(f"token {token_id}, until {until}; it is not shown again:")
    print(secret)


@app.command(epilog=example("chronicle token rotate 3f2a9c01b7de --overlap 24h"))
def rotate(
    token_id: Annotated[str, typer.Argument(metavar="ID")],
    overlap: Annotated[
        str, typer.Option(help="How long the old one is good beside it: 24h, 7d, 30m.")
    ] = "24h",
    *,
    json: Json = False,
) -> None:
    """Print a new token with the same rights. The old one is refused after the overlap."""
    match = _DURATION.fullmatch(overlap)
    if match is None:
        raise typer.BadParameter("use 24h, 7d or 30m", param_hint="--overlap")
    lasting = timedelta(**{_UNITS[match[2]]: int(match[1])})

    async def rotated() -> tuple[str, str]:
        async with open_store() as store:
            return await Tokens(store.catalog).rotate(
                token_id, now=now(), overlap=lasting // timedelta(microseconds=1)
            )

    _show(*asyncio.run(rotated()), until="the old one would have ended", json=json)
    say(f"token {token_id} is refused in {overlap}: move its readers before")


@app.command("list", epilog=example("chronicle token list"))
def list_(*, json: Json = False) -> None:
    """List the tokens, without what they are."""

    async def listed() -> list[Token]:
        async with open_store() as store:
            return list(store.snapshot.tokens.values())

    rows = [
        {
            "id": token.id,
            "label": token.label,
            "portals": sorted(token.portals),
            "scopes": sorted(token.scopes),
            "created_at": shown(token.created_at),
            "expires_at": shown(token.expires_at),
            "revoked_at": shown(token.revoked_at),
            "chats": _chats(token),
            "since": shown(token.limits.since),
            "until": shown(token.limits.until),
            "rate": str(token.limits.rate) if token.limits.rate else None,
            "used_at": shown(token.used_at),
        }
        for token in asyncio.run(listed())
    ]
    if json:
        show_json(rows)
        return
    show_table(
        [
            *("id", "label", "portals", "scopes", "created", "expires", "revoked"),
            *("chats", "since", "until", "rate", "used"),
        ],
        [
            [" ".join(value) if isinstance(value, list) else value for value in row.values()]
            for row in rows
        ],
    )


def _chats(token: Token) -> list[str] | None:
    chats = token.limits.chats
    return None if chats is None else [str(chat_id) for chat_id in sorted(chats)]


@app.command(epilog=example("chronicle token revoke 3f2a9c01b7de"))
def revoke(token_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Refuse a token from now on. A running server notices within a second."""

    async def revoked() -> None:
        async with open_store() as store:
            await Tokens(store.catalog).revoke(token_id, now=now())

    asyncio.run(revoked())
    say(f"token {token_id} is refused from now on")


def expiry(text: str, moment: datetime) -> Instant:
    """Read when a token ends: a duration from `moment`, or a time behind it with its zone.

    Raises BadParameter.
    """
    if match := _DURATION.fullmatch(text):
        at = to_instant(moment + timedelta(**{_UNITS[match[2]]: int(match[1])}))
    else:
        at = _time(text, "--expires")
    if at <= to_instant(moment):
        raise typer.BadParameter("that moment is past", param_hint="--expires")
    return at


def _time(text: str, option: str) -> Instant:
    try:
        at = datetime.fromisoformat(text)
        instant = None if at.tzinfo is None else to_instant(at)
    except ValueError:
        or_else = "90d, 12h, 30m, or " if option == "--expires" else ""
        raise typer.BadParameter(
            f"use {or_else}a time like 2027-01-31T00:00:00Z", param_hint=option
        ) from None
    if instant is None:
        raise typer.BadParameter("a time needs its zone, like Z", param_hint=option)
    return instant


def _chat(text: str) -> int:
    try:
        return number_of(text)
    except ValueError:
        raise typer.BadParameter("the id of a chat is digits", param_hint="--chat") from None


if __name__ == "__main__":
    run(app)
