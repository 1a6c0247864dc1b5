"""The rows of bearer tokens in the catalog: what each may see, and when it was shown last."""

import json
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from eventstore import schema
from eventstore.directory import Limits, Rate, Token
from eventstore.event import Instant


async def tokens_in(tx: AsyncConnection) -> list[Token]:
    """Return every token, the oldest first."""
    by_age = select(schema.token).order_by(schema.token.c.created_at)
    rows = (await tx.execute(by_age)).all()
    limits = await _limits(tx)
    uses = {row[0]: row[1] for row in await tx.execute(select(schema.token_use))}
    return [
        _token(row, limits.get(int(row.id, 16), Limits()), uses.get(int(row.id, 16)))
        for row in rows
    ]


async def limit(tx: AsyncConnection, token_id: str, limits: Limits) -> None:
    """Keep the limits of a new token."""
    token = int(token_id, 16)
    rate = limits.rate
    row = {
        "token": token,
        "since": limits.since,
        "until": limits.until,
        "rate_count": rate.requests if rate else None,
        "rate_seconds": rate.seconds if rate else None,
    }
    await tx.execute(insert(schema.token_limit), row)
    for chat in sorted(limits.chats or ()):
        await tx.execute(insert(schema.token_chat), {"token": token, "chat_id": chat})


async def _limits(tx: AsyncConnection) -> dict[int, Limits]:
    chats: dict[int, set[int]] = {}
    for token, chat_id in await tx.execute(select(schema.token_chat)):
        chats.setdefault(token, set()).add(chat_id)
    return {
        token: Limits(
            chats=frozenset(chats[token]) if token in chats else None,
            since=since,
            until=until,
            rate=None if count is None else Rate(count, seconds),
        )
        for token, since, until, count, seconds in await tx.execute(select(schema.token_limit))
    }


def _token(row: Any, limits: Limits, used_at: Instant | None) -> Token:
    return Token(
        id=row.id,
        label=row.label,
        portals=frozenset(json.loads(row.portals)),
        scopes=frozenset(json.loads(row.scopes)),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        digest=row.digest,
        limits=limits,
        used_at=used_at,
    )
