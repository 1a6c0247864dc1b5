"""How a command appends events: through the server if one runs, else with the lock."""

from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx

from eventstore.directory import Portal
from eventstore.event import NewEvent
from eventstore.lock import ServerAddress
from eventstore.log import Outcome, Pending
from eventstore.store import Store
from scripts.console import Failure

MAX_LINES: Final = 1_000
MAX_BYTES: Final = 2**20
"""What a request to the server holds at most, unless one event is larger."""

_PATIENCE: Final = 60.0
"""Seconds until a server that does not answer is given up."""

Deliver = Callable[[Sequence[NewEvent], str], Coroutine[Any, Any, list[Outcome]]]
"""Appends events that one receiver witnessed, where they do not say it themselves.

Returns an outcome for each, in their order.
"""


@asynccontextmanager
async def delivery(store: Store, portal: Portal, *, max_body: int) -> AsyncIterator[Deliver]:
    """Give the way to append imported events of a portal.

    Raises StoreInUse when another command has the lock. What is given raises StoreUnavailable,
    or Failure with what the server said.
    """
    server = store.find_server()
    if server is not None:
        async with client_of(server) as client:
            most = min(MAX_BYTES, max_body)
            yield lambda events, receiver: send(
                client, portal, bodies(events, most), {"receiver": receiver}
            )
        return
    with store.hold():
        appender = await store.open_appender()
        try:
            origin = portal.origin
            yield lambda events, _: appender.append_all(
                [Pending(origin, event) for event in events]
            )
        finally:
            await appender.close()


def client_of(server: ServerAddress) -> httpx.AsyncClient:
    """Return what speaks to the server that runs, as a command of the same user."""
    return httpx.AsyncClient(
        base_url=server.url,
        headers={"Authorization": f"Bearer {server.run_key}"},
        timeout=_PATIENCE,
        trust_env=False,  # a proxy has no part in what this machine tells itself
    )


async def send(
    client: httpx.AsyncClient, portal: Portal, requests: Iterable[bytes], params: Mapping[str, str]
) -> list[Outcome]:
    """Append events through a server. Raises Failure with what it said."""
    outcomes: list[Outcome] = []
    for body in requests:
        try:
            response = await client.post(
                f"/v1/portals/{portal.slug}/events",
                params=dict(params),
                content=body,
                headers={"Content-Type": "application/x-ndjson"},
            )
        except httpx.HTTPError as error:
            raise Failure(f"the server at {client.base_url}: {type(error).__name__}") from None
        outcomes += _outcomes(response)
    return outcomes


def bodies(events: Iterable[NewEvent], most: int) -> Iterator[bytes]:
    """Put events into requests. What is sent is redacted: a marker is its own marker."""
    lines: list[bytes] = []
    size = 0
    for event in events:
        line = event.payload.encode()
        if lines and (len(lines) == MAX_LINES or size + len(line) > most):
            yield b"\n".join(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 1
    if lines:
        yield b"\n".join(lines)


def _outcomes(response: httpx.Response) -> list[Outcome]:
    if response.is_success:
        return [_outcome(result) for result in response.json()["results"]]
    try:
        said = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        said = response.reason_phrase
    raise Failure(f"the server refused ({response.status_code}): {said}")


def _outcome(result: dict[str, Any]) -> Outcome:
    if result["outcome"] not in ("appended", "duplicate", "conflict"):
        raise Failure(f"the server says {result['outcome']!r} of an event that can be read")
    return Outcome(result["outcome"], result["position"])
