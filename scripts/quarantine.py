"""`chronicle quarantine`: bodies that could not be read, decoded again after a fix."""

import asyncio
import hmac
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from api.times import shown
from eventstore.body import parse_body
from eventstore.directory import Portal
from eventstore.envelope import Receiving, application_token, check_portal, events_of
from eventstore.errors import EventstoreError, PortalMismatch, UnknownQuarantined, UnreadableBody
from eventstore.event import NewEvent
from eventstore.quarantine import Quarantine, Quarantined
from scripts.console import (
    Failure,
    Json,
    MaybePortal,
    application,
    example,
    run,
    say,
    show_json,
    show_table,
)
from scripts.delivery import Deliver, delivery
from scripts.store import OpenStore, open_store

app = application("quarantine", about="Bodies that could not be read, sealed, without being lost.")


class WrongApplicationToken(EventstoreError):
    """A sealed webhook does not prove that it is genuine."""


@app.command("list", epilog=example("chronicle quarantine list --portal acme"))
def list_(portal: MaybePortal = None, *, json: Json = False) -> None:
    """List what is in quarantine, and why."""

    async def listed() -> list[dict[str, Any]]:
        async with open_store() as store:
            quarantine = Quarantine(store.catalog)
            return [
                _header(one, found)
                for one in store.portals(portal)
                async for found in _all(quarantine, one)
            ]

    _show(asyncio.run(listed()), json=json)


@app.command(
    epilog=example(
        "chronicle quarantine show 3 --portal acme",
        "chronicle quarantine show 3 --portal acme --body > body.bin",
    )
)
def show(
    number: Annotated[int, typer.Argument(metavar="NUMBER")],
    portal: MaybePortal = None,
    *,
    body: Annotated[
        bool, typer.Option("--body", help="Write the raw bytes to stdout. They hold secrets.")
    ] = False,
    json: Json = False,
) -> None:
    """Show how a body came and why it could not be read; or the body itself."""

    async def shown_one() -> tuple[dict[str, Any], bytes]:
        async with open_store() as store:
            quarantine = Quarantine(store.catalog)
            one = _only(store, portal)
            found = await _find(quarantine, one, number)
            return _header(one, found), await quarantine.body(one.id, number) if body else b""

    header, raw = asyncio.run(shown_one())
    if body:
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()
    else:
        _show([header], json=json)


@app.command(
    epilog=example("chronicle quarantine retry", "chronicle quarantine retry 3 4 --portal acme")
)
def retry(
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="[NUMBER]...", help="All, if left out.")
    ] = None,
    portal: MaybePortal = None,
    *,
    json: Json = False,
) -> None:
    """Read bodies again. What can be read is appended, and leaves the quarantine."""

    async def retried() -> list[dict[str, Any]]:
        async with open_store() as store:
            portals = [_only(store, portal)] if numbers else store.portals(portal)
            return [result for one in portals for result in await retry_all(store, one, numbers)]

    results = asyncio.run(retried())
    if json:
        show_json(results)
    else:
        show_table(
            ["portal", "number", "appended", "reason"], [list(row.values()) for row in results]
        )


async def retry_all(
    store: OpenStore, portal: Portal, numbers: Sequence[int] | None
) -> list[dict[str, Any]]:
    """Read sealed bodies of a portal again; say of each what became of it.

    Raises UnknownQuarantined before anything is done, and what delivering raises.
    """
    quarantine = Quarantine(store.catalog)
    if numbers:
        found = [await _find(quarantine, portal, number) for number in numbers]
    else:
        found = [one async for one in _all(quarantine, portal)]
    if not found:
        return []
    async with delivery(store.place, portal, max_body=store.settings.max_body) as deliver:
        retrying = _Retrying(store, portal, quarantine, deliver)
        return [await retrying.one(sealed) for sealed in found]


@dataclass(frozen=True)
class _Retrying:
    store: OpenStore
    portal: Portal
    quarantine: Quarantine
    deliver: Deliver

    async def one(self, sealed: Quarantined) -> dict[str, Any]:
        """Read one body again, append what can be read, drop it if that is all of it."""
        body = await self.quarantine.body(self.portal.id, sealed.number)
        appended: int = 0
        reason: EventstoreError | None = None
        try:
            read = self._read(body, sealed)
        except (UnreadableBody, PortalMismatch, WrongApplicationToken) as error:
            reason = error
        else:
            events = [event for event in read if isinstance(event, NewEvent)]
            reason = next((one for one in read if isinstance(one, UnreadableBody)), None)
            outcomes = await self.deliver(events, sealed.receiver)
            appended = sum(outcome.outcome != "duplicate" for outcome in outcomes)
        if reason is None:
            await self.quarantine.drop(self.portal.id, sealed.number)
        return {
            "portal": self.portal.slug,
            "number": sealed.number,
            "appended": appended,
            "reason": None if reason is None else str(reason),
        }

    def _read(self, body: bytes, sealed: Quarantined) -> Sequence[NewEvent | UnreadableBody]:
        tree = parse_body(body)
        if sealed.source == "webhook":
            self._check_application_token(tree)
        check_portal(tree, self.portal.member_id, self.portal.slug)
        how = Receiving(
            sealed.received_at,
            self.store.fingerprints,
            self.portal.hmac_key,
            receiver=sealed.receiver,
        )
        return events_of(tree, how)

    def _check_application_token(self, tree: Any) -> None:
        # It could not be read when it came, so nobody has looked yet.
        known = self.portal.application_tokens
        sent = self.store.catalog.key.digest("application token", application_token(tree) or "")
        if known and not any(hmac.compare_digest(sent, one) for one in known):
            raise WrongApplicationToken("auth.application_token is none of this portal's")


async def _all(quarantine: Quarantine, portal: Portal) -> AsyncIterator[Quarantined]:
    after = 0
    while page := await quarantine.page(portal.id, after=after):
        for found in page:
            yield found
        after = page[-1].number


async def _find(quarantine: Quarantine, portal: Portal, number: int) -> Quarantined:
    page = await quarantine.page(portal.id, after=number - 1, limit=1)
    if not page or page[0].number != number:
        raise UnknownQuarantined(number)
    return page[0]


def _only(store: OpenStore, slug: str | None) -> Portal:
    """Return the portal that a number belongs to: numbers begin at 1 in every portal."""
    portals = store.portals(slug)
    if not portals:
        raise Failure("no portal is registered")
    if len(portals) > 1:
        raise typer.BadParameter("say whose number it is", param_hint="--portal")
    return portals[0]


def _header(portal: Portal, found: Quarantined) -> dict[str, Any]:
    return {
        "portal": portal.slug,
        "number": found.number,
        "received_at": shown(found.received_at),
        "source": found.source,
        "receiver": found.receiver,
        "size": found.size,
        "reason": found.reason,
    }


def _show(headers: Sequence[dict[str, Any]], *, json: bool) -> None:
    if json:
        show_json(headers)
    elif headers:
        titles = ["portal", "number", "received", "source", "receiver", "bytes", "reason"]
        show_table(titles, [list(header.values()) for header in headers])
    else:
        say("nothing is in quarantine")


if __name__ == "__main__":
    run(app)
