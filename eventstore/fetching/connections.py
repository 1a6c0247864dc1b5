"""The connections of the catalog: which queues of a portal are read, and as whom."""

import re
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from eventstore import schema
from eventstore.catalog import Catalog
from eventstore.errors import ConnectionExists, InvalidRegistration, UnknownConnection
from eventstore.event import Instant
from eventstore.fetching.credentials import Credentials, OAuth

_RECEIVER: Final = re.compile("(user|bot):([0-9]{1,18})")
_connection: Final = schema.connection


@dataclass(frozen=True)
class Connection:
    """A queue of a portal that is read: whose it is, and where.

    `user_receiver` is the user whose events come in the bot's queue too, if they do.
    """

    portal_id: int
    number: int
    receiver: str
    user_receiver: str | None
    domain: str
    created_at: Instant

    @property
    def is_bot(self) -> bool:
        """Whether it is a bot's queue."""
        return self.receiver.startswith("bot:")

    @property
    def receiver_id(self) -> int:
        """The number of the user or the bot."""
        return int(self.receiver.partition(":")[2])

    @property
    def receivers(self) -> tuple[str, ...]:
        """All whose events come in this queue."""
        return (
            (self.receiver,) if self.user_receiver is None else (self.receiver, self.user_receiver)
        )


_COLUMNS: Final = (
    _connection.c.portal_id,
    _connection.c.number,
    _connection.c.receiver,
    _connection.c.user_receiver,
    _connection.c.domain,
    _connection.c.created_at,
)


def valid_queue(text: str) -> bool:
    """Whether `text` names a queue's owner: `user:27` or `bot:931`."""
    return _RECEIVER.fullmatch(text) is not None


class Connections:
    """The connections of a catalog. Credentials are sealed there, and are opened one at a time."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def add(
        self,
        portal_id: int,
        receiver: str,
        credentials: Credentials,
        *,
        now: Instant,
        user_receiver: str | None = None,
    ) -> Connection:
        """Register a queue.

        Raises InvalidRegistration for a receiver that has none, and ConnectionExists where the
        queue of one of the receivers is read already: two who read it would rob each other.
        """
        if not valid_queue(receiver):
            raise InvalidRegistration("receiver: use user:27 or bot:931")
        async with self._catalog.changing() as tx:
            # Changes come one at a time, so the next number is nobody else's.
            rows = (await tx.execute(select(*_COLUMNS).where(_of(portal_id)))).all()
            others = [Connection(*row) for row in rows]
            for other in others:
                for taken in {receiver, user_receiver} & {*other.receivers}:
                    raise ConnectionExists(str(taken), other.number)
            number = max((other.number for other in others), default=0) + 1
            made = Connection(
                portal_id, number, receiver, user_receiver, credentials.auth.domain, now
            )
            sealed = self._catalog.key.seal(credentials.spelled(), _about(made))
            try:
                await tx.execute(
                    insert(_connection), {**vars(made), "sealed": sealed, "renewing_until": 0}
                )
            except IntegrityError:
                raise ConnectionExists(receiver, number) from None
            state = {"portal_id": portal_id, "number": number, "state": "new"}
            await tx.execute(insert(schema.queue), {**state, "beat": 0, "fetched": 0})
        return made

    async def of(self, portal_id: int) -> list[Connection]:
        """Return the connections of a portal, by number."""
        statement = select(*_COLUMNS).where(_of(portal_id)).order_by(_connection.c.number)
        async with self._catalog.reading() as tx:
            return [Connection(*row) for row in await tx.execute(statement)]

    async def one(self, portal_id: int, name: str) -> Connection:
        """Find a connection by its number or its receiver. Raises UnknownConnection."""
        for connection in await self.of(portal_id):
            if name in (str(connection.number), connection.receiver):
                return connection
        raise UnknownConnection(name)

    async def remove(self, connection: Connection) -> None:
        """Forget a connection, its credentials and how far its queue was read."""
        async with self._catalog.changing() as tx:
            for table in (_connection, schema.queue):
                await tx.execute(delete(table).where(_is(table, connection)))

    async def credentials(self, connection: Connection) -> Credentials:
        """Open the credentials of a connection. Raises UnknownConnection when it was removed."""
        statement = select(_connection.c.sealed).where(_is(_connection, connection))
        async with self._catalog.reading() as tx:
            sealed = (await tx.execute(statement)).scalar()
        if sealed is None:
            raise UnknownConnection(connection.receiver)
        return Credentials.of(self._catalog.key.unseal(sealed, _about(connection)))

    async def begin_renewal(self, connection: Connection, *, now: Instant, until: Instant) -> bool:
        """Be the one who exchanges the refresh token, which is good once; say whether we are."""
        statement = (
            update(_connection)
            .where(_is(_connection, connection), _connection.c.renewing_until < now)
            .values(renewing_until=until)
        )
        async with self._catalog.writing() as tx:
            return bool((await tx.execute(statement)).rowcount)

    async def end_renewal(self, connection: Connection, renewed: OAuth | None) -> None:
        """Keep the new tokens, durably, before anybody uses them; None when there are none."""
        changed: dict[str, Any] = {"renewing_until": 0}
        if renewed is not None:
            old = await self.credentials(connection)
            spelled = Credentials(renewed, old.bot_token).spelled()
            changed["sealed"] = self._catalog.key.seal(spelled, _about(connection))
        async with self._catalog.writing() as tx:
            await tx.execute(
                update(_connection).where(_is(_connection, connection)).values(changed)
            )


def _of(portal_id: int) -> Any:
    return _connection.c.portal_id == portal_id


def _is(table: Any, connection: Connection) -> Any:
    return (table.c.portal_id == connection.portal_id) & (table.c.number == connection.number)


def _about(connection: Connection) -> str:
    return f"credentials of {connection.receiver} of portal {connection.portal_id}"
