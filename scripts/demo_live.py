"""The demo on a simulated portal: people talk there, its queues are polled, and all flows in."""

from typing import Any, Final

import httpx

from api.settings import Settings
from api.times import now
from eventstore.fetching.connections import Connections
from eventstore.fetching.credentials import Credentials, Webhook
from eventstore.lock import ServerAddress
from eventstore.tokens import Tokens
from scripts.connecting import asked, begin
from scripts.console import Failure, say, stdout
from scripts.serve import serve_until_stopped
from scripts.simulated import SimulatedPortal, simulated_portal
from scripts.store import open_store

PORTAL: Final = "simulated"
_MEMBER_ID: Final = "fakememberid00000000000000000002"
_SCOPES: Final = ("messages:read", "messages:read.deleted", "events:read")
_PACE: Final = 1.0
"""Things that people do in a second: slow enough to be read."""

_PATIENCE: Final = 15.0
_WAIT: Final = 10
"""Seconds that the server waits with its answer until there is something new."""

_ENOUGH: Final = 5
"""Events that are shown before a demo ends that is not to go on."""


def demo_live(settings: Settings, port: int, *, leave: bool) -> None:
    """Serve, poll a simulated portal, and print what comes in, until Ctrl-C.

    Raises Failure where there is no simulated portal, and what serving raises.
    """
    with simulated_portal(pace=_PACE) as simulated:
        settings = settings.model_copy(update={"poll": True, "ca_bundle": simulated.ca_bundle})

        async def ready(address: ServerAddress) -> bool:
            token = await _connect(settings, simulated)
            _introduce(address, token)
            await _follow(address, token, most=_ENOUGH if leave else None)
            return False

        serve_until_stopped(settings, "127.0.0.1", port, ready)


async def _connect(settings: Settings, simulated: SimulatedPortal) -> str:
    """Register the queues of a user and of a bot, as `chronicle connection add` does."""
    async with open_store(settings, create=True) as store:
        if PORTAL not in store.snapshot.portals:
            await store.catalog.add_portal(PORTAL, _MEMBER_ID, now=now())
        portal = (await store.catalog.snapshot()).portal(PORTAL)
        connections = Connections(store.catalog)
        for old in await connections.of(portal.id):
            await connections.remove(old)  # of a simulated portal that is no more
        webhook = Webhook.read(simulated.webhook_url)
        for receiver, bot_token in (
            (f"user:{webhook.user_id}", None),
            (f"bot:{simulated.bot}", simulated.bot_token),
        ):
            made = await connections.add(
                portal.id, receiver, Credentials(webhook, bot_token), now=now()
            )
            await asked(store, made, begin)
        _, token = await Tokens(store.catalog).create(
            portals=[PORTAL], scopes=_SCOPES, now=now(), label="demo"
        )
    return token


def _introduce(address: ServerAddress, token: str) -> None:
    out = stdout()
    out.print(f"address     {address.url}")
    out.print(f"read token  {token}", soft_wrap=True)
    root = f"{address.url}/v1/portals/{PORTAL}"
    for question, path in (
        ("What was said last?", "messages?limit=5"),
        ("What was edited, deleted, liked; who came and went?", "changes?limit=20"),
        ("How are the queues?", "connections"),
        ("What was seen, and what was not?", "coverage"),
    ):
        out.print(f"\n{question}")
        out.print(f"   curl -H 'Authorization: Bearer {token}' '{root}/{path}'", soft_wrap=True)
    say(
        "\nPeople talk in the simulated portal. What its queues tell, as it comes in (Ctrl-C ends):"
    )


async def _follow(address: ServerAddress, token: str, *, most: int | None) -> None:
    """Print events as they come, so many or for ever."""
    headers = {"Authorization": f"Bearer {token}"}
    timeout = httpx.Timeout(_PATIENCE + _WAIT)
    async with httpx.AsyncClient(
        base_url=address.url, headers=headers, timeout=timeout, trust_env=False
    ) as http:
        after = shown = 0
        while most is None or shown < most:
            params = {"after": after, "wait": _WAIT, "limit": 100}
            try:
                response = await http.get(f"/v1/portals/{PORTAL}/events", params=params)
            except httpx.TransportError:
                return  # Ctrl-C: the server ends, and this with it
            if response.status_code in (401, 404, 503):
                continue  # the server has not heard of it yet
            if not response.is_success:
                raise Failure(f"the server refused ({response.status_code}): {response.text}")
            for event in response.json()["data"]:
                after = event["position"]
                shown += 1
                stdout().print(_line(event), soft_wrap=True, markup=False)


def _line(event: dict[str, Any]) -> str:
    """Say in one line what an event tells."""
    data = event["payload"].get("data") or {}
    message = data.get("message") or {}
    what = message.get("text") or data.get("messageId") or ""
    if "reaction" in data:
        what = f"{data['action']} {data['reaction']}: {what}"
    name = (data.get("user") or {}).get("name") or ""
    at = str(event["sent_at"] or event["received_at"])[11:19]
    return (
        f"{event['position']:>5}  {at}  {event['receiver']:<8}  {event['event_type']:<24}"
        f"  {name:<12}  {what}"
    )
