"""Asks a portal by the vendor's SDK, on threads, as a connection of the catalog."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import requests

from eventstore.envelope import instant_of
from eventstore.errors import EventstoreError, InvalidRegistration
from eventstore.event import Instant
from eventstore.fetching.clock import Clock
from eventstore.fetching.connections import Connection, Connections
from eventstore.fetching.credentials import Credentials, OAuth, Webhook
from eventstore.fetching.network import Network
from eventstore.fetching.portal_client import Answer, AuthFailed, Unreachable
from eventstore.fetching.refusals import refusal
from eventstore.fetching.sdk import ApplicationToken, Line, WebhookToken, exchange

T = TypeVar("T")

_PATIENCE: Final = 100.0
"""Seconds until a call is given up, whatever its thread still waits for."""

_RENEWING: Final = 300_000_000
"""Microseconds in which one process, and no other, exchanges a refresh token."""

_TRIES: Final = 60
"""Seconds that are waited for another process that does."""


class Bitrix24:
    """A portal, asked as one connection. `close` it when it is not needed any more."""

    def __init__(
        self,
        connection: Connection,
        credentials: Credentials,
        connections: Connections,
        network: Network,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._connections = connections
        self._credentials = credentials
        self._network = network
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._renewal: asyncio.Task[OAuth] | None = None
        self._token = self._new_token(credentials.auth)

    @classmethod
    async def open(
        cls, connection: Connection, connections: Connections, network: Network, clock: Clock
    ) -> "Bitrix24":
        """Open the credentials of a connection. Raises UnknownConnection when it was removed."""
        credentials = await connections.credentials(connection)
        return cls(connection, credentials, connections, network, clock)

    async def call(self, method: str, params: Mapping[str, Any]) -> Answer:
        """Call a method. Raises PortalError, and StoreUnavailable where new tokens are not kept."""
        given = dict(params)
        if self._credentials.bot_token is not None and method.startswith("imbot."):
            given["botToken"] = self._credentials.bot_token
        async with self._one_at_a_time:
            tree = await self._ask(method, given)
        if isinstance(tree, EventstoreError):
            raise tree
        return answer_of(method, tree, self._clock.now())

    async def _ask(self, method: str, params: dict[str, Any]) -> Any:
        """Return the answer, or the error: to be raised where no secret is in its context."""
        token = self._token

        def ask() -> Any:
            try:
                return token.ask(method, params)
            except Exception as error:  # noqa: BLE001 - what it says may hold a secret
                return refusal(method, error)

        try:
            async with asyncio.timeout(_PATIENCE):
                return await in_thread(ask)
        except TimeoutError:
            self._token = self._new_token(self._credentials.auth)  # its thread has the other one
            return Unreachable(f"{method}: no answer in time")

    async def close(self) -> None:
        """Close the line, after the end of an exchange of tokens that may be under way."""
        if self._renewal is not None:
            await asyncio.wait([self._renewal])
        self._token.line.session.close()

    def _new_token(self, auth: Webhook | OAuth) -> WebhookToken | ApplicationToken:
        line = Line(requests.Session(), self._network)
        if isinstance(auth, Webhook):
            return WebhookToken(auth, line)
        loop = asyncio.get_running_loop()

        def renew() -> OAuth:
            return asyncio.run_coroutine_threadsafe(self._renewed(), loop).result()

        return ApplicationToken(auth, line, renew)

    async def _renewed(self) -> OAuth:
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())
        auth = await asyncio.shield(self._renewal)
        self._credentials = Credentials(auth, self._credentials.bot_token)
        return auth

    async def _renew(self) -> OAuth:
        """Exchange the refresh token, unless another process has done it.

        The new tokens are kept before this returns: a refresh token is good once.
        """
        stale = self._credentials.auth
        for _ in range(_TRIES):
            now = self._clock.now()
            ours = await self._connections.begin_renewal(
                self._connection, now=now, until=now + _RENEWING
            )
            kept = (await self._connections.credentials(self._connection)).auth
            if isinstance(kept, OAuth) and kept != stale:
                if ours:
                    await self._connections.end_renewal(self._connection, None)
                return kept
            if ours and isinstance(kept, OAuth):
                return await self._exchanged(kept)
            await self._clock.sleep(1)
        raise Unreachable(
            "oauth.token: another process exchanges the refresh token, and does not end"
        )

    async def _exchanged(self, old: OAuth) -> OAuth:
        made = await self._exchange(old)
        renewed = made if isinstance(made, OAuth) else None
        await self._connections.end_renewal(self._connection, renewed)
        if isinstance(made, EventstoreError):
            raise made
        return made

    async def _exchange(self, old: OAuth) -> OAuth | EventstoreError:
        def exchanged() -> dict[str, Any] | EventstoreError:
            try:
                return exchange(old, self._network)
            except Exception as error:  # noqa: BLE001 - as above
                return refusal("oauth.token", error)

        answer = await in_thread(exchanged)
        if isinstance(answer, EventstoreError):
            return answer
        try:
            return old.renewed(answer)
        except InvalidRegistration:
            return AuthFailed("oauth.token: an answer without tokens")


def answer_of(method: str, tree: Any, now: Instant) -> Answer:
    """Read what a portal answered. Raises Unreachable for what is no answer."""
    if not isinstance(tree, dict) or "result" not in tree:
        raise Unreachable(f"{method}: an answer without a result")
    time = tree.get("time")
    if not isinstance(time, dict):
        time = {}
    operating, reset_at = time.get("operating"), time.get("operating_reset_at")
    at = instant_of(time.get("date_start"))
    return Answer(
        result=tree["result"],
        at=now if at is None else at,
        next=_whole(tree.get("next")),
        total=_whole(tree.get("total")),
        operating=float(operating) if isinstance(operating, int | float) else None,
        operating_reset_at=int(reset_at * 1_000_000) if isinstance(reset_at, int | float) else None,
    )


def _whole(value: Any) -> int | None:
    return value if type(value) is int else None


async def in_thread(work: Callable[[], T]) -> T:
    """Do what blocks on a thread that keeps nobody from ending: one that hangs is left alone.

    The work must not raise.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: T) -> None:
        if not done.done():
            done.set_result(result)

    def run() -> None:
        result = work()
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, result)

    threading.Thread(target=run, name="portal", daemon=True).start()
    return await done
